#include "transport/http/nonce_window.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace prov::transport::http {
namespace {

constexpr SteadyTime kNow{std::chrono::hours{5}};

std::string Nonce(int number) { return fmt::format("{:032x}", number); }

TEST(NonceWindow, ANonce_IsTakenOnce_InAnyOrder) {
  NonceWindow window(100);
  for (const int number : {2, 1, 3}) EXPECT_TRUE(window.Take(Nonce(number), kNow));
  for (const int number : {1, 2, 3}) {
    const auto again = window.Take(Nonce(number), kNow);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, ErrorCode::kUnauthenticated);
  }
}

TEST(NonceWindow, ANonce_IsRememberedForItsWholeLife_WheneverItCame) {
  // Every phase of the window's two generations, in steps of a second.
  for (Millis came{0}; came < 3 * kNonceLife; came += Seconds{1}) {
    NonceWindow window(10'000);
    int other = 1000;
    for (Millis at{0}; at < came; at += Seconds{7})
      ASSERT_TRUE(window.Take(Nonce(other++), kNow + at));
    ASSERT_TRUE(window.Take(Nonce(1), kNow + came));
    for (Millis after{0}; after < kNonceLife; after += Seconds{7})
      ASSERT_TRUE(window.Take(Nonce(other++), kNow + came + after));
    EXPECT_FALSE(window.Take(Nonce(1), kNow + came + kNonceLife - Millis{1})) << came.count();
  }
}

TEST(NonceWindow, TooMany_AreExhausted_AndThereIsRoomAgainLater) {
  NonceWindow window(3);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(window.Take(Nonce(i), kNow));
  const auto refused = window.Take(Nonce(3), kNow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kExhausted);
  EXPECT_FALSE(window.Take(Nonce(0), kNow)) << "none was forgotten for it";
  EXPECT_TRUE(window.Take(Nonce(3), kNow + kNonceLife));
}

TEST(NonceWindow, AnIdleWindow_HasExpired_OnlyWhenNoNonceOfItMatters) {
  NonceWindow window(3);
  ASSERT_TRUE(window.Take(Nonce(1), kNow));
  ASSERT_TRUE(window.Take(Nonce(2), kNow + kNonceLife - Millis{1}));
  EXPECT_FALSE(window.Expired(kNow + 2 * kNonceLife - Millis{1}));
  EXPECT_TRUE(window.Expired(kNow + 2 * kNonceLife));
}

TEST(NonceWindow, WhatIsNoNonce_IsRefused) {
  NonceWindow window(3);
  for (const auto* text : {"", "00", "zz000000000000000000000000000000"})
    EXPECT_FALSE(window.Take(text, kNow)) << text;
  EXPECT_FALSE(window.Take(std::string(64, '0'), kNow));
}

}  // namespace
}  // namespace prov::transport::http
