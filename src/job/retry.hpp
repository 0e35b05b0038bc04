// Whether another attempt follows, and when (docs/contract.md, "Exit codes"). Attempts happen
// inside a job and are decided by the agent from the policy in the envelope, so they go on while
// the panel is away. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include <boost/describe.hpp>

#include "base/clock.hpp"

namespace prov::job {

struct RetryPolicy {
  std::uint32_t max_attempts = 3;      // 1..10
  std::uint32_t backoff_seconds = 10;  // 0..3600
};
BOOST_DESCRIBE_STRUCT(RetryPolicy, (), (max_attempts, backoff_seconds))

inline constexpr Seconds kLongestRetryDelay = std::chrono::hours{24};

// How an attempt ended, as far as a retry is concerned.
enum class AttemptEnd {
  kInstallationError,  // exit 2
  kInterrupted,        // machine or runner died; the script's own end is not known
  kFinal,              // anything else: success, other exit codes, timeout, cancel
};

// The time from the end of attempt `attempt` (from 1) to the start of the next, or nothing when
// none follows. An installer that is not idempotent is never run again. backoff_seconds *
// 2^(attempt-1), 24 h at most.
std::optional<Seconds> DelayBeforeNextAttempt(const RetryPolicy& policy, bool idempotent,
                                              AttemptEnd end, std::uint32_t attempt);

}  // namespace prov::job
