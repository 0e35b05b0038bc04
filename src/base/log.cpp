#include "base/log.hpp"

#include <atomic>
#include <mutex>

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/encoding.hpp"

namespace prov {
namespace {

std::string_view Name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarning:
      return "WARNING";
    case LogLevel::kError:
      return "ERROR";
  }
  return "ERROR";
}

}  // namespace

Result<LogLevel> ParseLogLevel(std::string_view text) {
  if (text == "debug") return LogLevel::kDebug;
  if (text == "info") return LogLevel::kInfo;
  if (text == "warning") return LogLevel::kWarning;
  if (text == "error") return LogLevel::kError;
  return prov::Error{
      ErrorCode::kInvalidArgument,
      fmt::format("`{}` is not a log level; use debug, info, warning or error", text),
      {}};
}

void Logger::Debug(std::string_view event, boost::json::object metadata, LogSubject subject) {
  Write(LogLevel::kDebug, event, subject, std::move(metadata));
}
void Logger::Info(std::string_view event, boost::json::object metadata, LogSubject subject) {
  Write(LogLevel::kInfo, event, subject, std::move(metadata));
}
void Logger::Warning(std::string_view event, boost::json::object metadata, LogSubject subject) {
  Write(LogLevel::kWarning, event, subject, std::move(metadata));
}
void Logger::Error(std::string_view event, boost::json::object metadata, LogSubject subject) {
  Write(LogLevel::kError, event, subject, std::move(metadata));
}

struct FileLogger::State {
  Path path;
  std::atomic<LogLevel> least{LogLevel::kInfo};
  const Clock* clock;
  std::size_t most_bytes;
  std::mutex mutex;  // guards sink, which Reopen() replaces
  spdlog::sink_ptr sink;
};

namespace {

Result<spdlog::sink_ptr> OpenSink(const Path& path, std::size_t most_bytes) {
  try {
    spdlog::sink_ptr sink;
    if (path.empty())
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    else
      sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(path.string(), most_bytes,
                                                                    FileLogger::kKept);
    sink->set_pattern("%v");
    return sink;
  } catch (const spdlog::spdlog_ex& error) {
    return prov::Error{
        ErrorCode::kIo, fmt::format("cannot log to {}: {}", path.string(), error.what()), {}};
  }
}

}  // namespace

FileLogger::FileLogger(std::unique_ptr<State> state) : state_(std::move(state)) {}
FileLogger::~FileLogger() = default;

Result<std::unique_ptr<FileLogger>> FileLogger::Open(const Path& path, LogLevel least,
                                                     const Clock& clock, std::size_t most_bytes) {
  auto state = std::make_unique<State>();
  state->path = path;
  state->least = least;
  state->clock = &clock;
  state->most_bytes = most_bytes;
  PROV_TRY(state->sink, OpenSink(path, most_bytes));
  return std::unique_ptr<FileLogger>(new FileLogger(std::move(state)));
}

void FileLogger::Write(LogLevel level, std::string_view event, const LogSubject& subject,
                       boost::json::object metadata) {
  if (level < state_->least) return;
  std::string line = R"({"timestamp":")";
  line.append(FormatTime(state_->clock->Now())).append(R"(","level":")").append(Name(level));
  line += '"';
  const auto add = [&line](std::string_view name, std::string_view value) {
    line.append(",\"").append(name).append("\":").append(
        boost::json::serialize(boost::json::string_view(value)));
  };
  if (!subject.job_id.empty()) add("job_id", subject.job_id);
  if (!subject.app_id.empty()) add("app_id", subject.app_id);
  add("event", event);
  line.append(R"(,"metadata":)").append(boost::json::serialize(metadata)).append("}");
  // What a stranger sent may be in the metadata; a log line stays well-formed UTF-8 whatever it
  // was.
  if (!IsUtf8(line)) line = ReplaceInvalidUtf8(line);
  const std::lock_guard lock(state_->mutex);
  try {
    state_->sink->log(spdlog::details::log_msg("", spdlog::level::info, line));
    state_->sink->flush();
  } catch (const spdlog::spdlog_ex&) {  // NOLINT(bugprone-empty-catch)
    // A full disk must not end whoever logs.
  }
}

void FileLogger::SetLevel(LogLevel least) { state_->least = least; }

Status FileLogger::Reopen() {
  const std::lock_guard lock(state_->mutex);
  PROV_TRY(state_->sink, OpenSink(state_->path, state_->most_bytes));
  return {};
}

}  // namespace prov
