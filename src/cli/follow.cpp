#include "cli/follow.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "base/json.hpp"
#include "cli/show.hpp"
#include "cli/terminal.hpp"
#include "contract/output_lines.hpp"

namespace prov::cli {
namespace {

namespace bj = boost::json;

constexpr std::size_t kMostTogether = 100;  // jobs in one stream (docs/api/openapi.yaml)
constexpr int kBarWidth = 24;
constexpr const char* kClearLine = "\r\x1b[K";

std::int64_t Number(const bj::object& object, std::string_view name, std::int64_t otherwise) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_int64() ? value->get_int64() : otherwise;
}

bool Active(std::string_view status) {
  return status == "queued" || status == "dispatched" || status == "accepted" ||
         status == "running" || status == "retry_wait";
}

std::string Bar(std::int64_t percent, std::string_view message) {
  const auto full = static_cast<std::size_t>(percent * kBarWidth / 100);
  return fmt::format("[{:<{}}] {:>3} % {}", std::string(full, '='), kBarWidth, percent, message);
}

ExitStatus SayEnd(const Settings& settings, const bj::value& job) {
  const auto status = Cell(job, "status");
  auto line = fmt::format("{} {} on {}: {}", Cell(job, "action"), Cell(job, "app_id"),
                          Cell(job, "server_id"), status);
  if (const auto reason = Cell(job, "status_reason"); reason != "-") line += ": " + reason;
  std::fprintf(stderr, "%s\n", Paint(ColourOf(status), line, settings.colours).c_str());
  for (const auto& output : job.at("outputs").as_array())
    std::fprintf(stderr, "  %s = %s\n", Cell(output, "label").c_str(),
                 Cell(output, "value").c_str());
  if (settings.output == Output::kJson)
    Print(json::Serialize(job) + "\n");
  else if (settings.output == Output::kYaml)
    Print("---\n" + Yaml(job));
  return StatusOf(status);
}

// All jobs of one stream; the text goes out as it comes.
class Screen {
 public:
  Screen(const Settings& settings, const std::vector<std::pair<std::string, std::string>>& jobs)
      : settings_(settings) {
    const bool bar = settings.colours && isatty(STDERR_FILENO) != 0 && jobs.size() == 1;
    std::size_t width = 0;
    for (const auto& [id, server] : jobs) width = std::max(width, server.size());
    for (const auto& [id, server] : jobs) {
      const auto label = jobs.size() == 1 ? "" : fmt::format("{:<{}} | ", server, width);
      watchers_.emplace(id, Watcher({settings.colours, settings.timestamps, bar}, label));
    }
  }

  // False once every job is over or parked: nothing more comes by itself.
  bool Take(const net::SseEvent& event) {
    const auto frame = json::ParseText(event.data);
    if (!frame || !frame->is_object()) return true;
    const auto& object = frame->get_object();
    const auto found =
        watchers_.size() == 1 ? watchers_.begin() : watchers_.find(Text(object, "job"));
    if (found == watchers_.end()) return true;
    const auto shown = found->second.Take(object);
    if (settings_.output == Output::kJson)
      Print(event.data + "\n");
    else if (settings_.output == Output::kTable && !shown.out.empty())
      Print((bar_shown_ ? kClearLine : "") + shown.out);
    std::fflush(stdout);  // what was said before stands before
    if (!shown.notes.empty()) std::fputs(shown.notes.c_str(), stderr);
    bar_shown_ = shown.notes.starts_with(kClearLine) && !shown.notes.ends_with('\n');
    return !std::ranges::all_of(watchers_, [](const auto& each) { return each.second.over(); });
  }

 private:
  const Settings& settings_;
  std::map<std::string, Watcher> watchers_;
  bool bar_shown_ = false;
};

std::string StreamOf(const std::vector<std::string>& jobs) {
  if (jobs.size() == 1) return "/api/jobs/" + jobs.front() + "/stream";
  return "/api/stream?jobs=" + fmt::format("{}", fmt::join(jobs, ","));
}

}  // namespace

bool Watcher::over() const { return !status_.empty() && !Active(status_); }

std::string Watcher::Note(std::string_view text, Colour colour) const {
  return label_ + Paint(colour, text, style_.colours) + "\n";
}

void Watcher::Line(std::string_view text, std::string_view time, bool err, std::string& out) {
  while (text.ends_with('\r')) text.remove_suffix(1);  // dpkg ends its lines like this
  const auto line = contract::ParseScriptLine(text);
  auto shown = text;
  auto colour = err ? Colour::kDim : Colour::kNone;
  const auto indent = 2 * depth_;
  if (std::holds_alternative<contract::ProgressLine>(line) ||
      std::holds_alternative<contract::OutputLine>(line)) {
    return;
  }
  if (std::holds_alternative<contract::EndGroupLine>(line)) {
    if (depth_ > 0) --depth_;
    return;
  }
  if (const auto* group = std::get_if<contract::GroupLine>(&line)) {
    ++depth_;
    shown = group->title;
    colour = Colour::kBold;
  } else if (const auto* warning = std::get_if<contract::WarningLine>(&line)) {
    shown = warning->text;
    colour = Colour::kYellow;
  }
  out += label_;
  if (style_.timestamps && time.size() >= 19) out += std::string(time.substr(11, 8)) + " ";
  out += std::string(indent, ' ') + Paint(colour, Harmless(shown), style_.colours) + "\n";
}

Shown Watcher::Take(const bj::object& frame) {
  Shown shown;
  const auto status = Text(frame, "status");
  const auto attempt = Number(frame, "attempt", attempt_);
  if (const auto* lines = frame.if_contains("lines"); lines != nullptr && lines->is_array()) {
    auto output = Text(frame, "output");
    std::string_view left = output;
    for (const auto& each : lines->get_array()) {
      const auto end = std::min(left.find('\n'), left.size());
      if (each.is_object())
        Line(left.substr(0, end), Text(each.get_object(), "t"),
             Text(each.get_object(), "s") == "err", shown.out);
      left.remove_prefix(std::min(left.size(), end + 1));
    }
  }
  if (style_.bar && !progress_.empty()) shown.notes += kClearLine;
  if (attempt > 1 && attempt != attempt_ && status == "running")
    shown.notes += Note(fmt::format("-- attempt {}", attempt), Colour::kYellow);
  if (const auto removed_at = Text(frame, "log_removed_at");
      !removed_at.empty() && !std::exchange(log_removed_, true)) {
    shown.notes += Note("-- the log was removed at " + Harmless(removed_at), Colour::kYellow);
  }
  if (status != status_) shown.notes += Note("-- " + Harmless(status), ColourOf(status));
  const auto percent = Number(frame, "progress", -1);
  const auto progress =
      percent < 0 || !Active(status) ? "" : Bar(percent, Harmless(Text(frame, "message")));
  if (style_.bar)
    shown.notes += progress.empty() ? "" : kClearLine + progress;
  else if (!progress.empty() && progress != progress_)
    shown.notes += Note("-- " + progress.substr(progress.find(']') + 2), Colour::kDim);
  progress_ = progress;
  status_ = status;
  attempt_ = attempt;
  return shown;
}

ExitStatus Worse(ExitStatus a, ExitStatus b) {
  static constexpr ExitStatus kOrder[] = {ExitStatus::kOk,      ExitStatus::kNotExecuted,
                                          ExitStatus::kFailed,  ExitStatus::kUsage,
                                          ExitStatus::kUnknown, ExitStatus::kUnreachable};
  return std::ranges::find(kOrder, a) > std::ranges::find(kOrder, b) ? a : b;
}

ExitStatus Follow(ApiClient& api, const Settings& settings, const std::vector<std::string>& jobs) {
  auto worst = ExitStatus::kOk;
  if (jobs.size() > kMostTogether) {
    for (std::size_t at = 0; at < jobs.size(); at += kMostTogether) {
      const auto end = jobs.begin() + static_cast<long>(std::min(at + kMostTogether, jobs.size()));
      worst = Worse(worst, Follow(api, settings, {jobs.begin() + static_cast<long>(at), end}));
    }
    return worst;
  }
  std::vector<std::pair<std::string, std::string>> servers;
  for (const auto& id : jobs) {
    const auto job = api.Get("/api/jobs/" + id);
    if (!job) return Fail(job.error());
    servers.emplace_back(Cell(*job, "id"), Cell(*job, "server_id"));
  }
  Screen screen(settings, servers);
  const auto followed =
      api.Follow(StreamOf(jobs), [&](const net::SseEvent& event) { return screen.Take(event); });
  if (!followed) {
    std::fprintf(stderr, "Without us the jobs go on: provisionctl logs -f %s\n",
                 jobs.front().c_str());
    return Fail(followed.error());
  }
  for (const auto& id : jobs) {
    const auto ended = api.Get("/api/jobs/" + id);
    worst = Worse(worst, ended ? SayEnd(settings, *ended) : Fail(ended.error()));
  }
  return worst;
}

}  // namespace prov::cli
