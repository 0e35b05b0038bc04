// Structured logging: one JSON object a line, in the founding document's form.
//   {"timestamp": "…", "level": "INFO", "job_id": "…", "app_id": "…", "event": "execution_started",
//   "metadata": {…}}
// Event names are listed in docs/formats/log-events.md. Secrets never enter a log: callers pass
// names, not values.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "base/clock.hpp"
#include "base/files.hpp"

namespace prov {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

Result<LogLevel> ParseLogLevel(std::string_view text);  // "debug", "info", "warning", "error"

struct LogSubject {
  std::string job_id;
  std::string app_id;
};

// Thread-safe.
class Logger {
 public:
  virtual ~Logger() = default;
  virtual void Write(LogLevel level, std::string_view event, const LogSubject& subject,
                     boost::json::object metadata) = 0;

  void Debug(std::string_view event, boost::json::object metadata = {}, LogSubject subject = {});
  void Info(std::string_view event, boost::json::object metadata = {}, LogSubject subject = {});
  void Warning(std::string_view event, boost::json::object metadata = {}, LogSubject subject = {});
  void Error(std::string_view event, boost::json::object metadata = {}, LogSubject subject = {});
};

// To standard error (empty path), or to a file. At kMostBytes agent.log becomes agent.1.log and so
// on, and the oldest of kKept goes; whoever rotates with a tool of his own has Reopen() called.
class FileLogger final : public Logger {
 public:
  static Result<std::unique_ptr<FileLogger>> Open(const Path& path, LogLevel least,
                                                  const Clock& clock,
                                                  std::size_t most_bytes = kMostBytes);
  static constexpr std::size_t kMostBytes = std::size_t{16} << 20;
  static constexpr std::size_t kKept = 5;
  ~FileLogger() override;
  void Write(LogLevel level, std::string_view event, const LogSubject& subject,
             boost::json::object metadata) override;
  Status Reopen();
  void SetLevel(LogLevel least);

 private:
  struct State;
  explicit FileLogger(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// For tests: keeps nothing.
class NullLogger final : public Logger {
 public:
  void Write(LogLevel, std::string_view, const LogSubject&, boost::json::object) override {}
};

}  // namespace prov
