// What an agent reports: the payload of a signed event (docs/formats/events.md). Pure and
// thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/uuid.hpp"
#include "job/order.hpp"
#include "job/record.hpp"
#include "job/status.hpp"

namespace prov::job {

inline constexpr std::string_view kEventPayloadType = "application/vnd.provisioning.event.v1+json";
inline constexpr std::size_t kMaxEventBytes = 256 * 1024;
inline constexpr std::size_t kMaxSignedEventBytes = 2 * kMaxEventBytes;  // base64, in its envelope
// Of one log event, decompressed: nobody has to unpack more than this because an agent says so.
inline constexpr std::uint64_t kMaxLogChunkBytes = 1 << 20;

enum class EventType { kState, kLog, kProgress, kOutput, kWarning, kFacts, kCommand };
BOOST_DESCRIBE_ENUM(EventType, kState, kLog, kProgress, kOutput, kWarning, kFacts, kCommand)

// The job went to `status`: anything but queued and dispatched, which only the panel knows.
struct StateChange {
  Status status = Status::kAccepted;
  std::optional<std::string> reason;
  std::optional<int> exit_code;             // 0..255
  std::optional<int> signal;                // 1..64
  std::optional<FailureKind> failure_kind;  // with failed, and only then
  std::optional<WallTime> next_attempt_at;  // with retry_wait, and only then
  std::vector<LeftRunning> left_running;
  std::vector<Output> outputs;            // a sensitive one without its value
  std::optional<LogSummary> log;          // once the job is over
  std::optional<std::string> order_hash;  // SHA-256 of the order's bytes, hex
  // What was ordered. With the first that is said of a job whose order could be read: a panel that
  // did not make the job learns so what it is.
  std::optional<OrderOutline> ordered;
  // True: said before, and again because it was asked for or because the order came once more.
  std::optional<bool> again;
};
BOOST_DESCRIBE_STRUCT(StateChange, (),
                      (status, reason, exit_code, signal, failure_kind, next_attempt_at,
                       left_running, outputs, log, order_hash, ordered, again))

struct LogChunk {
  std::uint64_t first = 0;     // number of the first line, from 1 within the attempt
  std::uint64_t lines = 0;     // from 1
  std::uint64_t raw_size = 0;  // bytes after decompression, 1..kMaxLogChunkBytes
  std::string frames;          // base64 of the zstd-compressed frames
};
BOOST_DESCRIBE_STRUCT(LogChunk, (), (first, lines, raw_size, frames))

struct Progress {
  std::uint32_t percent = 0;  // 0..100
  std::string message;
};
BOOST_DESCRIBE_STRUCT(Progress, (), (percent, message))

struct Warning {
  std::string text;
};
BOOST_DESCRIBE_STRUCT(Warning, (), (text))

struct OsFacts {
  std::string id;
  std::string version;
  std::string pretty_name;
  std::string architecture;                         // amd64, arm64
  std::optional<std::vector<std::string>> id_like;  // nothing: an older agent does not say
};
BOOST_DESCRIBE_STRUCT(OsFacts, (), (id, version, pretty_name, architecture, id_like))

struct EpochFacts {
  WallTime since{};
  std::optional<Uuid> previous;
  std::string reason;  // why it began: "first start", "the journal was lost", …
  std::optional<std::vector<Uuid>> earlier;  // those before `previous`, the newest first
};
BOOST_DESCRIBE_STRUCT(EpochFacts, (), (since, previous, reason, earlier))

inline constexpr std::size_t kMostEarlierEpochs = 32;

// Free memory and disk are told in whole steps of this, rounded down, so that a machine at rest has
// nothing to tell.
inline constexpr std::uint64_t kFactsStepMb = 256;

struct Facts {
  OsFacts os;
  std::uint32_t cpus = 0;
  std::uint64_t memory_mb = 0;
  std::uint64_t memory_available_mb = 0;
  std::uint64_t disk_free_mb = 0;
  std::string agent_version;
  std::string containment;  // "cgroup2", "cgroup1" or "subreaper"
  std::uint32_t queue_depth = 0;
  std::uint32_t running_jobs = 0;
  bool drained = false;
  std::vector<std::string> warnings;
  EpochFacts epoch;
  std::optional<std::string> sealing_key;  // base64, 32 bytes: what secrets are sealed to from now
};
BOOST_DESCRIBE_STRUCT(Facts, (),
                      (os, cpus, memory_mb, memory_available_mb, disk_free_mb, agent_version,
                       containment, queue_depth, running_jobs, drained, warnings, epoch,
                       sealing_key))

// What became of a command.
struct CommandResult {
  std::string nonce;   // the command's
  std::string result;  // "done", or the reason why not
};
BOOST_DESCRIBE_STRUCT(CommandResult, (), (nonce, result))

// Exactly one of the members from `state` on is set: the one `type` names.
struct Event {
  std::uint32_t v = 1;
  std::string agent;
  Uuid epoch;
  std::uint64_t seq = 0;     // from 1, without a gap within an epoch
  std::uint64_t oldest = 0;  // the oldest event the agent still holds, 1..seq
  WallTime time{};
  EventType type = EventType::kState;
  std::optional<Uuid> job;  // with state, log, progress, output, warning; and only then
  std::optional<std::uint32_t> attempt;  // from 1; required with log, progress and output
  std::optional<StateChange> state;
  std::optional<LogChunk> log;
  std::optional<Progress> progress;
  std::optional<Output> output;
  std::optional<Warning> warning;
  std::optional<Facts> facts;
  std::optional<CommandResult> command;
};
BOOST_DESCRIBE_STRUCT(Event, (),
                      (v, agent, epoch, seq, oldest, time, type, job, attempt, state, log, progress,
                       output, warning, facts, command))

// Strict, as ParseOrder is. Call it on verified bytes only, and compare `agent` with the key's.
Result<Event> ParseEvent(std::string_view payload);
// What ParseEvent would refuse is refused here too.
Result<std::string> SerializeEvent(const Event& event);

// The status an event puts its job in: a state's own; log, progress, output and warning say that
// an attempt is running, but move nothing, and others are about no job.
std::optional<Status> StatusOf(const Event& event);

}  // namespace prov::job
