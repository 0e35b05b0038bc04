// What the executor writes into its journal (docs/formats/journal.md): whole states, so that the
// last record of a job is all there is to know of it, each with the signed event that reports it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json.hpp>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/uuid.hpp"
#include "contract/action.hpp"
#include "job/status.hpp"

namespace prov::agent {

struct StoredEvent {
  std::uint64_t seq = 0;
  std::string bytes;  // DSSE, under the event key
};
BOOST_DESCRIBE_STRUCT(StoredEvent, (), (seq, bytes))

struct JobState {
  job::Status status = job::Status::kAccepted;
  std::uint32_t attempt = 0;                  // the last one started; 0 before the first
  std::optional<std::uint32_t> continuation;  // reboots within the attempt (exit code 194)
  std::optional<std::string> reboot_from;     // with running: the boot that a reboot is to end
  std::optional<WallTime> due;                // with retry_wait
  bool cancel = false;                        // asked for, not yet effective
  std::string order_hash;  // SHA-256 of the order's bytes, hex; "" where they are not known
  std::string app_id;
  std::string app_version;
  contract::Action action = contract::Action::kInstall;
  std::string user_id;
  WallTime changed_at{};
};
BOOST_DESCRIBE_STRUCT(JobState, (),
                      (status, attempt, continuation, reboot_from, due, cancel, order_hash, app_id,
                       app_version, action, user_id, changed_at))

// How far an attempt's log was reported.
struct LogPosition {
  std::uint32_t attempt = 0;
  std::uint64_t offset = 0;      // bytes of the log file
  std::uint64_t next_frame = 1;  // sequence
  std::uint64_t next_line = 1;   // number within the attempt
  std::uint64_t warnings = 0;    // reported of the attempt
};
BOOST_DESCRIBE_STRUCT(LogPosition, (), (attempt, offset, next_frame, next_line, warnings))

struct Nonce {
  std::string value;
  WallTime issued_at{};
  WallTime expires_at{};
};
BOOST_DESCRIBE_STRUCT(Nonce, (), (value, issued_at, expires_at))

// What was issued up to then is not taken any more (signing/replay_window.hpp).
struct NoncesForgotten {
  std::optional<WallTime> orders;
  std::optional<WallTime> commands;
};
BOOST_DESCRIBE_STRUCT(NoncesForgotten, (), (orders, commands))

// Any of the members may be there; what is there happened together.
struct Entry {
  std::optional<Uuid> job;
  std::optional<JobState> state;       // of `job`
  std::optional<LogPosition> log;      // of `job`
  std::optional<bool> tombstone;       // all that is left of `job`
  std::optional<bool> cancel_ahead;    // a cancel came before `job` did
  std::optional<Nonce> nonce;          // of an order that was taken
  std::optional<Nonce> command_nonce;  // of a command
  std::optional<NoncesForgotten> nonces_forgotten;
  std::optional<StoredEvent> event;
  std::optional<std::uint64_t> acknowledged;
  std::optional<bool> drained;
  std::optional<WallTime> drain_issued_at;  // of the command that said so
  std::optional<std::string> envelope;      // of `job`, where it seals nothing
  // With a `state`: the plain inputs of its application from now on; none after an uninstall.
  std::optional<boost::json::object> remembered;
  // Jobs that are over, of which nothing is left to be done: their logs are written as text, and
  // what they needed is gone.
  std::optional<std::vector<Uuid>> tidied;
};
BOOST_DESCRIBE_STRUCT(Entry, (),
                      (job, state, log, tombstone, cancel_ahead, nonce, command_nonce,
                       nonces_forgotten, event, acknowledged, drained, drain_issued_at, envelope,
                       remembered, tidied))

Result<Entry> ParseEntry(const boost::json::value& payload);

}  // namespace prov::agent
