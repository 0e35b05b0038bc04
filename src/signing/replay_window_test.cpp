#include "signing/replay_window.hpp"

#include <gtest/gtest.h>

namespace prov::signing {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr WallTime kNow{Millis{1'800'000'000'000}};

TEST(ReplayWindow, ANonce_IsTakenOnce_InAnyOrder) {
  ReplayWindow window;
  EXPECT_TRUE(window.Take("nonce-00000000-b", {kNow, kNow + hours{2}}, kNow));
  EXPECT_TRUE(window.Take("nonce-00000000-a", {kNow, kNow + hours{1}}, kNow));
  EXPECT_EQ(window.Take("nonce-00000000-b", {kNow, kNow + hours{2}}, kNow).error().code,
            ErrorCode::kConflict);
  EXPECT_EQ(window.Take("nonce-00000000-a", {kNow, kNow + hours{9}}, kNow).error().code,
            ErrorCode::kConflict);
}

TEST(ReplayWindow, ANonce_IsRememberedAsLongAsItsCarrierIsValid) {
  ReplayWindow window;
  const WallTime expires = kNow + hours{1};
  ASSERT_TRUE(window.Take("nonce-00000000-a", {kNow, expires}, kNow));
  // The last moment at which CheckValidity still lets it through, and the same with the clock set
  // back by the skew.
  const WallTime last = expires + kClockSkew - Millis{1};
  ASSERT_TRUE(CheckValidity(kNow, kNow, expires, last));
  EXPECT_FALSE(window.Take("nonce-00000000-a", {kNow, expires}, last));
  EXPECT_FALSE(window.Take("nonce-00000000-a", {kNow, expires}, expires + 2 * kClockSkew));
}

TEST(ReplayWindow, AfterExpiry_NoncesAreForgotten) {
  ReplayWindow window;
  ASSERT_TRUE(window.Take("nonce-00000000-a", {kNow, kNow + hours{1}}, kNow));
  ASSERT_TRUE(window.Take("nonce-00000000-b", {kNow, kNow + hours{3}}, kNow + hours{2}));
  EXPECT_FALSE(window.Contains("nonce-00000000-a"));
  EXPECT_EQ(window.size(), 1U);
}

TEST(ReplayWindow, WhenFull_TheFirstIssuedIsForgottenAndStillNotTakenTwice) {
  ReplayWindow window(2);
  const auto nonce = [](int i) { return "nonce-00000000-" + std::to_string(i); };
  const auto issued = [](int i) {
    return ReplayWindow::Times{kNow + minutes{i}, kNow + minutes{i} + hours{1}};
  };
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(window.Take(nonce(i), issued(i), kNow)) << "a flood ended what it carries";
    for (int before = 0; before <= i; ++before)
      EXPECT_FALSE(window.Take(nonce(before), issued(before), kNow)) << before << " after " << i;
    EXPECT_LE(window.size(), 2U);
  }
  // Out of order, but issued after all that is forgotten.
  EXPECT_TRUE(window.Take(nonce(99), {kNow + minutes{8} + Millis{1}, kNow + hours{1}}, kNow));
  EXPECT_FALSE(window.Take(nonce(98), issued(3), kNow)) << "it may be one of the forgotten";
}

TEST(ReplayWindow, FromASnapshot_WhatWasForgottenStaysRefused) {
  ReplayWindow window(2);
  window.ForgetUntil(kNow);
  EXPECT_FALSE(window.Take("nonce-00000000-a", {kNow, kNow + hours{1}}, kNow));
  EXPECT_TRUE(window.Take("nonce-00000000-a", {kNow + Millis{1}, kNow + hours{1}}, kNow));
  EXPECT_EQ(window.forgotten_until(), kNow);
}

TEST(ReplayWindow, AShortOrLongNonce_IsRefused) {
  ReplayWindow window;
  EXPECT_FALSE(window.Take(std::string(15, 'n'), {kNow, kNow + hours{1}}, kNow));
  EXPECT_FALSE(window.Take(std::string(65, 'n'), {kNow, kNow + hours{1}}, kNow));
}

TEST(Validity, Table) {
  struct Row {
    Millis issued, not_before, expires;
    bool valid;
  };
  const Row rows[] = {
      {minutes{0}, minutes{0}, hours{1}, true},
      {minutes{0}, minutes{0}, hours{24}, true},
      {minutes{0}, minutes{0}, hours{24} + Millis{1}, false},  // valid for too long
      {minutes{5}, minutes{5}, hours{1}, true},                // ahead by the skew
      {minutes{5}, minutes{5} + Millis{1}, hours{1}, false},   // and by more
      {-hours{2}, -hours{2}, -minutes{5} + Millis{1}, true},   // just inside the skew
      {-hours{2}, -hours{2}, -minutes{5}, false},              // just outside
      {minutes{1}, minutes{0}, hours{1}, false},               // not before it was issued
      {minutes{0}, hours{1}, hours{1}, false},                 // over before it begins
      {-hours{9000}, -hours{9000}, -hours{8999}, false},       // a year ago
      {hours{9000}, hours{9000}, hours{9001}, false},          // in a year
  };
  for (const auto& row : rows) {
    EXPECT_EQ(CheckValidity(kNow + row.issued, kNow + row.not_before, kNow + row.expires, kNow)
                  .has_value(),
              row.valid)
        << row.issued.count() << " " << row.not_before.count() << " " << row.expires.count();
  }
}

}  // namespace
}  // namespace prov::signing
