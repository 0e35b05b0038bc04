// What a stream of a job shows: one row for each change, numbered from 1 without a gap, written in
// the transaction of the change itself (Jobs::Insert, Jobs::Apply).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/uuid.hpp"
#include "job/status.hpp"
#include "store/actor.hpp"

namespace prov::store {

// Lines first_line .. first_line + line_count - 1 of an attempt's log (from 1), compressed by the
// caller; the store does not look into `bytes`.
struct LogChunk {
  std::uint64_t first_line = 1;
  std::uint64_t line_count = 0;
  std::string bytes;
  bool operator==(const LogChunk&) const = default;
};

struct Change {
  Uuid job_id;
  std::uint64_t seq = 0;
  WallTime at{};
  std::uint32_t attempt = 0;
  job::Status status = job::Status::kQueued;
  std::optional<std::uint32_t> progress;
  std::optional<std::string> message;
  std::optional<WallTime> cancel_requested_at;
  std::optional<LogChunk> log;
  // Of its job, as it is now: since then no change has its `log` any more (Jobs::RemoveLogs).
  std::optional<WallTime> log_removed_at;
};

class Changes {
 public:
  virtual ~Changes() = default;
  // Changes with a sequence above `seq`, in order.
  virtual Result<std::vector<Change>> After(const Actor& actor, const Uuid& job_id,
                                            std::uint64_t seq, std::size_t limit) = 0;
  // The sequence of the newest one; 0 where there is no such job.
  virtual Result<std::uint64_t> Newest(const Actor& actor, const Uuid& job_id) = 0;
  // The log chunks of an attempt that hold line `from_line` or a later one, in order.
  virtual Result<std::vector<LogChunk>> Log(const Actor& actor, const Uuid& job_id,
                                            std::uint32_t attempt, std::uint64_t from_line,
                                            std::size_t limit) = 0;
};

}  // namespace prov::store
