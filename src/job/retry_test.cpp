#include "job/retry.hpp"

#include <gtest/gtest.h>

namespace prov::job {
namespace {

TEST(Retry, Delays_Double_UpToTheLastAttempt) {
  const RetryPolicy policy{.max_attempts = 4, .backoff_seconds = 10};
  const auto after = [&](std::uint32_t attempt) {
    return DelayBeforeNextAttempt(policy, true, AttemptEnd::kInstallationError, attempt);
  };
  EXPECT_EQ(after(1), Seconds{10});
  EXPECT_EQ(after(2), Seconds{20});
  EXPECT_EQ(after(3), Seconds{40});
  EXPECT_EQ(after(4), std::nullopt);
}

TEST(Retry, NoDelay_IsOver24Hours) {
  const RetryPolicy policy{.max_attempts = 4'000'000'000, .backoff_seconds = 3600};
  EXPECT_EQ(DelayBeforeNextAttempt(policy, true, AttemptEnd::kInstallationError, 6),
            kLongestRetryDelay);
  EXPECT_EQ(DelayBeforeNextAttempt(policy, true, AttemptEnd::kInstallationError, 3'000'000'000),
            kLongestRetryDelay);
}

TEST(Retry, ABackoffOfZero_StaysZero) {
  EXPECT_EQ(DelayBeforeNextAttempt({.max_attempts = 3, .backoff_seconds = 0}, true,
                                   AttemptEnd::kInstallationError, 2),
            Seconds{0});
}

TEST(Retry, WhatIsNotIdempotent_OrEndedForGood_IsNotRunAgain) {
  EXPECT_EQ(DelayBeforeNextAttempt({}, false, AttemptEnd::kInstallationError, 1), std::nullopt);
  EXPECT_EQ(DelayBeforeNextAttempt({}, false, AttemptEnd::kInterrupted, 1), std::nullopt);
  EXPECT_EQ(DelayBeforeNextAttempt({}, true, AttemptEnd::kFinal, 1), std::nullopt);
}

TEST(Retry, AnInterruptedAttempt_IsFollowed_WhereIdempotent) {
  EXPECT_EQ(DelayBeforeNextAttempt({}, true, AttemptEnd::kInterrupted, 1), Seconds{10});
  EXPECT_EQ(DelayBeforeNextAttempt({}, true, AttemptEnd::kInterrupted, 3), std::nullopt);
}

}  // namespace
}  // namespace prov::job
