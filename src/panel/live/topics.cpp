#include "panel/live/topics.hpp"

#include "base/json.hpp"

namespace prov::panel {

bool Topics::Changed(const LiveHub::Notice& notice) {
  using About = LiveHub::Notice::About;
  if (notice.about != About::kJob) servers_changed_ = servers_changed_ || servers_;
  if (notice.about == About::kServers) return servers_;
  if (notice.about == About::kAnything) {
    if (jobs_) Reset();
    return any();
  }
  if (!jobs_) return false;
  changed_.insert(notice.job);
  if (changed_.size() > kMostJobs) Reset();
  return true;
}

void Topics::Reset() {
  changed_.clear();
  shown_.clear();
  reset_ = true;
}

std::vector<boost::json::object> Topics::TakeGeneral() {
  std::vector<boost::json::object> frames;
  if (std::exchange(reset_, false)) frames.push_back({{"topic", "jobs"}, {"reset", true}});
  if (std::exchange(servers_changed_, false)) frames.push_back({{"topic", "servers"}});
  return frames;
}

std::vector<Uuid> Topics::TakeJobs() {
  std::vector<Uuid> jobs(changed_.begin(), changed_.end());
  changed_.clear();
  return jobs;
}

void Topics::PutBack(const std::vector<Uuid>& jobs) { changed_.insert(jobs.begin(), jobs.end()); }

std::optional<boost::json::object> Topics::Show(const job::Record& record) {
  boost::json::object frame{{"topic", "jobs"},
                            {"job", record.id.ToString()},
                            {"status", json::EnumName(record.status)},
                            {"attempt", record.attempt},
                            {"progress", nullptr},
                            {"message", nullptr}};
  if (record.progress) frame["progress"] = *record.progress;
  if (record.message) frame["message"] = *record.message;
  if (record.cancel_requested_at)
    frame["cancel_requested_at"] = FormatTime(*record.cancel_requested_at);
  const auto shown = shown_.find(record.id);
  if (shown != shown_.end() && shown->second == frame) return std::nullopt;
  if (job::IsTerminal(record.status)) {
    shown_.erase(record.id);
  } else {
    shown_[record.id] = frame;
  }
  return frame;
}

}  // namespace prov::panel
