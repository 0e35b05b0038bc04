#include "panel/api/overview.hpp"

#include <algorithm>

#include "base/json.hpp"
#include "panel/api/views.hpp"

namespace prov::panel {
namespace {

namespace bj = boost::json;

constexpr Millis kHour = std::chrono::hours{1};

struct Hour {
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  std::uint64_t other = 0;
  std::uint64_t waiting = 0;  // at its end
};

// Until when it waited for its server; nothing while it does.
std::optional<WallTime> WaitedUntil(const store::JobOutline& job) {
  if (job.started_at) return job.started_at;
  return job.finished_at;
}

// The value that this part of all is not above; nothing of none.
bj::value Quantile(const std::vector<Millis>& sorted, double part) {
  if (sorted.empty()) return nullptr;
  const auto at = static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1) + 0.5);
  return static_cast<double>(sorted[at].count()) / 1000;
}

class Hours {
 public:
  Hours(WallTime since, WallTime now) : first_(std::chrono::floor<std::chrono::hours>(since)) {
    hours_.resize(static_cast<std::size_t>((now - first_) / kHour) + 1);
  }
  void Add(const store::JobOutline& job) {
    if (job.created_at >= first_) {
      auto& hour = hours_[std::min(IndexOf(job.created_at), hours_.size() - 1)];
      ++(job.status == job::Status::kSucceeded ? hour.succeeded
         : job::IsFailure(job.status)          ? hour.failed
                                               : hour.other);
    }
    // It is in the depth of every hour whose end it was waiting at.
    const auto until = WaitedUntil(job);
    const auto begin = job.created_at < first_ ? 0 : IndexOf(job.created_at);
    const auto end = !until ? hours_.size() : *until < first_ ? 0 : IndexOf(*until);
    for (auto i = begin; i < std::min(end, hours_.size()); ++i) ++hours_[i].waiting;
  }
  bj::array Jobs() const {
    bj::array array;
    Each([&](WallTime at, const Hour& hour) {
      array.push_back(bj::object{{"at", FormatTime(at)},
                                 {"succeeded", hour.succeeded},
                                 {"failed", hour.failed},
                                 {"other", hour.other}});
    });
    return array;
  }
  bj::array Depth(WallTime now) const {
    bj::array array;
    Each([&](WallTime at, const Hour& hour) {
      array.push_back(bj::object{{"at", FormatTime(std::min<WallTime>(at + kHour, now))},
                                 {"depth", hour.waiting}});
    });
    return array;
  }

 private:
  std::size_t IndexOf(WallTime time) const {
    return static_cast<std::size_t>((time - first_) / kHour);
  }
  void Each(auto with) const {
    for (std::size_t i = 0; i < hours_.size(); ++i)
      with(first_ + kHour * static_cast<std::int64_t>(i), hours_[i]);
  }

  WallTime first_;
  std::vector<Hour> hours_;
};

}  // namespace

bj::object OverviewJson(const std::vector<store::JobOutline>& jobs,
                        const std::map<ServerStatus, std::size_t>& agents, WallTime since,
                        WallTime now) {
  Hours hours(since, now);
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  std::map<std::string, std::uint64_t> kinds;
  std::vector<Millis> durations;
  for (const auto& job : jobs) {
    hours.Add(job);
    if (job.created_at < since) continue;
    succeeded += job.status == job::Status::kSucceeded;
    failed += job::IsFailure(job.status);
    if (job.failure_kind) ++kinds[json::EnumName(*job.failure_kind)];
    if (job.started_at && job.finished_at && *job.finished_at >= *job.started_at)
      durations.push_back(*job.finished_at - *job.started_at);
  }
  std::sort(durations.begin(), durations.end());
  bj::object by_kind;
  for (const auto& [kind, count] : kinds) by_kind[kind] = count;
  bj::object by_agent;
  for (const auto status : {ServerStatus::kOnline, ServerStatus::kUnreachable,
                            ServerStatus::kNeverSeen, ServerStatus::kDrained}) {
    const auto found = agents.find(status);
    by_agent[json::EnumName(status)] = found == agents.end() ? 0 : found->second;
  }
  return {
      {"success_rate", SuccessRate(succeeded, failed)},
      {"jobs_by_hour", hours.Jobs()},
      {"failures_by_kind", std::move(by_kind)},
      {"queue_depth", hours.Depth(now)},
      {"duration_seconds", {{"p50", Quantile(durations, 0.5)}, {"p90", Quantile(durations, 0.9)}}},
      {"agents", std::move(by_agent)}};
}

}  // namespace prov::panel
