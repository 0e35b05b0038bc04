#include "signing/replay_window.hpp"

#include <gtest/gtest.h>

namespace prov::signing {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr WallTime kNow{Millis{1'800'000'000'000}};

TEST(ReplayWindow, ANonce_IsTakenOnce_InAnyOrder) {
  ReplayWindow window;
  EXPECT_TRUE(window.Take("nonce-00000000-b", kNow + hours{2}, kNow));
  EXPECT_TRUE(window.Take("nonce-00000000-a", kNow + hours{1}, kNow));
  EXPECT_EQ(window.Take("nonce-00000000-b", kNow + hours{2}, kNow).error().code,
            ErrorCode::kConflict);
  EXPECT_EQ(window.Take("nonce-00000000-a", kNow + hours{9}, kNow).error().code,
            ErrorCode::kConflict);
}

TEST(ReplayWindow, ANonce_IsRememberedAsLongAsItsCarrierIsValid) {
  ReplayWindow window;
  const WallTime expires = kNow + hours{1};
  ASSERT_TRUE(window.Take("nonce-00000000-a", expires, kNow));
  // The last moment at which CheckValidity still lets it through, and the same with the clock set
  // back by the skew.
  const WallTime last = expires + kClockSkew - Millis{1};
  ASSERT_TRUE(CheckValidity(kNow, kNow, expires, last));
  EXPECT_FALSE(window.Take("nonce-00000000-a", expires, last));
  EXPECT_FALSE(window.Take("nonce-00000000-a", expires, expires + 2 * kClockSkew));
}

TEST(ReplayWindow, AfterExpiry_NoncesAreForgotten) {
  ReplayWindow window;
  ASSERT_TRUE(window.Take("nonce-00000000-a", kNow + hours{1}, kNow));
  ASSERT_TRUE(window.Take("nonce-00000000-b", kNow + hours{3}, kNow + hours{2}));
  EXPECT_FALSE(window.Contains("nonce-00000000-a"));
  EXPECT_EQ(window.size(), 1U);
}

TEST(ReplayWindow, WhenFull_ItRefuses_AndForgetsNothing) {
  ReplayWindow window(1);
  ASSERT_TRUE(window.Take("nonce-00000000-a", kNow + hours{1}, kNow));
  EXPECT_EQ(window.Take("nonce-00000000-b", kNow + hours{1}, kNow).error().code,
            ErrorCode::kExhausted);
  EXPECT_TRUE(window.Contains("nonce-00000000-a"));
}

TEST(ReplayWindow, AShortOrLongNonce_IsRefused) {
  ReplayWindow window;
  EXPECT_FALSE(window.Take(std::string(15, 'n'), kNow + hours{1}, kNow));
  EXPECT_FALSE(window.Take(std::string(65, 'n'), kNow + hours{1}, kNow));
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
