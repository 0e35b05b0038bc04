// Follows the log of an attempt while it grows, and cuts it into the chunks that are reported.
// Stateless but for its position, which the journal keeps: after a restart it goes on where the
// last durable report ended.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/executor/records.hpp"
#include "base/files.hpp"
#include "job/event.hpp"

namespace prov::agent {

// What one stretch of the log says. `position` is where it ends.
struct LogReport {
  job::LogChunk chunk;
  LogPosition position;
  std::optional<job::Progress> progress;  // the last one in it
  std::vector<std::string> warnings;
};

class LogFollower {
 public:
  LogFollower(Path log, LogPosition position) : path_(std::move(log)), position_(position) {}

  // The next stretch, if there is a whole frame; at most one event's worth. kCorrupt when the file
  // is not what the runner writes.
  Result<std::optional<LogReport>> Next();
  const LogPosition& position() const { return position_; }

 private:
  Path path_;
  UniqueFd fd_;
  LogPosition position_;
};

}  // namespace prov::agent
