#include "panel/auth/sign_in_limits.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/memory/database.hpp"

namespace prov::panel {
namespace {

class Limits : public ::testing::Test {
 protected:
  std::optional<Seconds> Begin(const std::string& account, const std::string& address) {
    return *database_.Write([&](store::Transaction& t) {
      return SignInLimits(t.attempts(), clock_.Now()).Begin(account, address);
    });
  }
  std::optional<Seconds> Wait(const std::string& account, const std::string& address) {
    return *database_.Read([&](store::Transaction& t) {
      return SignInLimits(t.attempts(), clock_.Now()).Wait(account, address);
    });
  }
  void Succeeded(const std::string& account, const std::string& address) {
    ASSERT_TRUE(database_.Write([&](store::Transaction& t) {
      return SignInLimits(t.attempts(), clock_.Now()).Succeeded(account, address);
    }));
  }
  void TakeBack(const std::string& account, const std::string& address) {
    ASSERT_TRUE(database_.Write([&](store::Transaction& t) {
      return SignInLimits(t.attempts(), clock_.Now()).TakeBack(account, address);
    }));
  }
  // How many attempts are let through, of `tries`.
  int Let(int tries, const std::string& account, const std::function<std::string(int)>& address) {
    int let = 0;
    for (int i = 0; i < tries; ++i) let += !Begin(account, address(i));
    return let;
  }
  FakeClock clock_;
  store::memory::MemoryDatabase database_;
};

TEST_F(Limits, OfAnAccount_CountFromEveryAddress) {
  const auto many = [](int i) { return "192.0.2." + std::to_string(i); };
  EXPECT_EQ(Let(50, "ann", many), 10);
  EXPECT_EQ(Let(1, "bob", many), 1);
  clock_.Advance(Seconds{100});
  EXPECT_EQ(Begin("ann", "198.51.100.1"), Seconds{200});
  EXPECT_EQ(Wait("ann", "198.51.100.1"), Seconds{200});
  clock_.Advance(Millis{199'999});
  EXPECT_EQ(Begin("ann", "198.51.100.1"), Seconds{1});
  clock_.Advance(Millis{1});
  EXPECT_EQ(Wait("ann", "198.51.100.1"), std::nullopt);
  EXPECT_EQ(Let(50, "ann", many), 10) << "a window begins anew";
}

TEST_F(Limits, OfAnAddress_CountForEveryAccount) {
  int let = 0;
  for (int i = 0; i < 100; ++i) let += !Begin("user" + std::to_string(i), "192.0.2.1");
  EXPECT_EQ(let, 30);
  EXPECT_EQ(Begin("user0", "192.0.2.2"), std::nullopt);
}

TEST_F(Limits, OfANetworkOfIpv6_AreOne) {
  const auto inside = [](int i) { return "2001:db8:1:2::" + std::to_string(i); };
  int let = 0;
  for (int i = 0; i < 100; ++i) let += !Begin("user" + std::to_string(i), inside(i));
  EXPECT_EQ(let, 30);
  EXPECT_EQ(Begin("ann", "2001:db8:1:3::1"), std::nullopt);
  EXPECT_EQ(NetworkOf("::ffff:192.0.2.1"), "::ffff:192.0.2.1");
  EXPECT_EQ(NetworkOf("nonsense"), "nonsense");
}

TEST_F(Limits, AreNotReachedByWhoIsRight) {
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(Begin("ann", "192.0.2.1"), std::nullopt) << i;
    Succeeded("ann", "192.0.2.1");
  }
}

TEST_F(Limits, OfAnAddress_AreNotForgottenByOneThatWasRight) {
  for (int i = 0; i < 30; ++i) (void)Begin("user" + std::to_string(i), "192.0.2.1");
  clock_.Advance(Seconds{1});
  EXPECT_EQ(Begin("eve", "192.0.2.1"), Seconds{299});
  Succeeded("user29", "192.0.2.1");
  EXPECT_EQ(Begin("eve", "192.0.2.1"), std::nullopt) << "one was no failure";
  EXPECT_EQ(Begin("eve", "192.0.2.1"), Seconds{299}) << "29 were";
}

TEST_F(Limits, DoNotCountWhatNobodyCouldJudge) {
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(Begin("ann", "192.0.2.1"), std::nullopt) << i;
    TakeBack("ann", "192.0.2.1");
  }
}

TEST_F(Limits, OutliveNoClockThatIsSetBack) {
  for (int i = 0; i < 10; ++i) (void)Begin("ann", "192.0.2.1");
  clock_.SetWall(clock_.Now() - Seconds{30});
  EXPECT_EQ(Wait("ann", "192.0.2.1"), SignInLimits::kWindow);
  clock_.SetWall(clock_.Now() - std::chrono::hours{24});
  EXPECT_EQ(Begin("ann", "192.0.2.1"), std::nullopt);
}

TEST_F(Limits, AreKeptNoLongerThanTheyCount) {
  (void)Begin("ann", "192.0.2.1");
  clock_.Advance(SignInLimits::kWindow);
  (void)Begin("bob", "192.0.2.2");
  EXPECT_EQ(database_
                .Write([&](store::Transaction& t) {
                  return t.attempts().RemoveOld(clock_.Now() - Millis{1});
                })
                .value(),
            0U);
}

}  // namespace
}  // namespace prov::panel
