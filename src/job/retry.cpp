#include "job/retry.hpp"

#include <algorithm>

namespace prov::job {

std::optional<Seconds> DelayBeforeNextAttempt(const RetryPolicy& policy, bool idempotent,
                                              AttemptEnd end, std::uint32_t attempt) {
  if (!idempotent || end == AttemptEnd::kFinal || attempt >= policy.max_attempts)
    return std::nullopt;
  Seconds delay{policy.backoff_seconds};
  for (std::uint32_t i = 1; i < attempt && delay < kLongestRetryDelay; ++i) delay *= 2;
  return std::min(delay, kLongestRetryDelay);
}

}  // namespace prov::job
