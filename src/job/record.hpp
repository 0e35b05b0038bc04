// A job, as the store keeps it and the API shows it (docs/api/openapi.yaml, "Job"). Plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json.hpp>

#include "base/clock.hpp"
#include "base/uuid.hpp"
#include "contract/action.hpp"
#include "job/retry.hpp"
#include "job/status.hpp"
#include "job/step.hpp"

namespace prov::job {

// A declared output. A sensitive one stays in a 0600 file on the server: only its existence is
// told, and `value` is never set.
struct Output {
  std::string name;
  std::string label;
  std::optional<std::string> value;
  bool sensitive = false;
  bool operator==(const Output&) const = default;
};
BOOST_DESCRIBE_STRUCT(Output, (), (name, label, value, sensitive))

// A process that went on after the script ended with 0.
struct LeftRunning {
  std::int64_t pid = 0;
  std::string comm;
  std::optional<std::string> unit;  // the systemd unit it belongs to, if any
  bool operator==(const LeftRunning&) const = default;
};
BOOST_DESCRIBE_STRUCT(LeftRunning, (), (pid, comm, unit))

// What is known of a job's log. `sha256` is lower-case hex over the log's raw bytes, set once the
// agent has told it; `complete` says that everything the script wrote arrived.
struct LogSummary {
  std::uint64_t lines = 0;
  std::uint64_t bytes = 0;
  bool complete = false;
  std::uint64_t dropped_bytes = 0;
  std::optional<std::string> sha256;
  bool operator==(const LogSummary&) const = default;
};
BOOST_DESCRIBE_STRUCT(LogSummary, (), (lines, bytes, complete, dropped_bytes, sha256))

// Why an attempt failed, as its installer's `known_failures` name it (docs/contract.md, C-FAIL-1).
struct FailureFound {
  std::string cause;
  std::string remedy;      // "" where the installer names none
  std::uint64_t line = 0;  // of the attempt's log, from 1
  bool retryable = false;  // the same once more may succeed
  bool operator==(const FailureFound&) const = default;
};
BOOST_DESCRIBE_STRUCT(FailureFound, (), (cause, remedy, line, retryable))

// Where a job came from: made by a panel, or pushed to the queue by somebody else, correctly
// signed.
enum class Origin { kPanel, kExternal };
BOOST_DESCRIBE_ENUM(Origin, kPanel, kExternal)
inline constexpr std::string_view kExternalUser = "external";

// What is decided when a job is made, and never changes.
struct NewJob {
  Uuid id;
  std::string app_id;
  std::string app_version;
  std::string installer_digest;  // "sha256:<64 hex>"
  std::string server_id;
  contract::Action action = contract::Action::kInstall;
  boost::json::object inputs;              // plain inputs only: a secret is never stored
  std::vector<std::string> sealed_inputs;  // names of the sensitive inputs that were given
  RetryPolicy retry;
  std::string user_id;
  Origin origin = Origin::kPanel;
  // Of an external job: whose its order says that it is, which nobody here has checked. `user_id`
  // is kExternalUser.
  std::optional<std::string> claimed_user_id;
  std::optional<Uuid> retry_of;
  WallTime created_at{};
};

struct Record : NewJob {
  Status status = Status::kQueued;
  std::optional<std::string> status_reason;
  std::uint32_t attempt = 0;  // the last one started; 0 before the first
  std::optional<WallTime> next_attempt_at;
  std::optional<int> exit_code;  // 0..255
  std::optional<int> signal;
  std::optional<FailureKind> failure_kind;
  bool needs_attention = false;
  std::optional<std::uint32_t> progress;  // 0..100
  std::optional<std::string> message;
  std::optional<WallTime> dispatched_at;
  std::optional<WallTime> started_at;
  std::optional<WallTime> finished_at;
  std::optional<WallTime> cancel_requested_at;
  std::vector<Output> outputs;
  std::vector<LeftRunning> left_running;
  LogSummary log;
  // Since then the lines of every attempt are gone (panel/retention.hpp); `log` says what they
  // were.
  std::optional<WallTime> log_removed_at;
  // Of the attempt that was started last, as `left_running` and `log`.
  std::vector<Step> steps;
  std::optional<FailureFound> known_failure;
};

}  // namespace prov::job
