#include "panel/auth/sign_in_limits.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prov::panel {
namespace {

class Limits : public ::testing::Test {
 protected:
  // How many attempts are let through, of `tries`.
  int Let(int tries, const std::string& account, const std::function<std::string(int)>& address) {
    int let = 0;
    for (int i = 0; i < tries; ++i) let += !limits_.Begin(account, address(i));
    return let;
  }
  FakeClock clock_;
  SignInLimits limits_{clock_};
};

TEST_F(Limits, OfAnAccount_CountFromEveryAddress) {
  const auto many = [](int i) { return "192.0.2." + std::to_string(i); };
  EXPECT_EQ(Let(50, "ann", many), 10);
  EXPECT_EQ(Let(1, "bob", many), 1);
  clock_.Advance(Seconds{100});
  EXPECT_EQ(limits_.Begin("ann", "198.51.100.1"), Seconds{200});
  clock_.Advance(Millis{199'999});
  EXPECT_EQ(limits_.Begin("ann", "198.51.100.1"), Seconds{1});
  clock_.Advance(Millis{1});
  EXPECT_EQ(limits_.Begin("ann", "198.51.100.1"), std::nullopt);
}

TEST_F(Limits, OfAnAddress_CountForEveryAccount) {
  int let = 0;
  for (int i = 0; i < 100; ++i) let += !limits_.Begin("user" + std::to_string(i), "192.0.2.1");
  EXPECT_EQ(let, 30);
  EXPECT_EQ(limits_.Begin("user0", "192.0.2.2"), std::nullopt);
}

TEST_F(Limits, OfANetworkOfIpv6_AreOne) {
  const auto inside = [](int i) { return "2001:db8:1:2::" + std::to_string(i); };
  int let = 0;
  for (int i = 0; i < 100; ++i) let += !limits_.Begin("user" + std::to_string(i), inside(i));
  EXPECT_EQ(let, 30);
  EXPECT_EQ(limits_.Begin("ann", "2001:db8:1:3::1"), std::nullopt);
  EXPECT_EQ(NetworkOf("::ffff:192.0.2.1"), "::ffff:192.0.2.1");
  EXPECT_EQ(NetworkOf("nonsense"), "nonsense");
}

TEST_F(Limits, AreNotReachedByWhoIsRight) {
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(limits_.Begin("ann", "192.0.2.1"), std::nullopt) << i;
    limits_.Succeeded("ann", "192.0.2.1");
  }
}

TEST_F(Limits, OfAnAddress_AreNotForgottenByOneThatWasRight) {
  for (int i = 0; i < 30; ++i) (void)limits_.Begin("user" + std::to_string(i), "192.0.2.1");
  clock_.Advance(Seconds{1});
  EXPECT_EQ(limits_.Begin("eve", "192.0.2.1"), Seconds{299});
  limits_.Succeeded("user29", "192.0.2.1");
  EXPECT_EQ(limits_.Begin("eve", "192.0.2.1"), std::nullopt) << "one was no failure";
  EXPECT_EQ(limits_.Begin("eve", "192.0.2.1"), Seconds{299}) << "29 were";
}

TEST_F(Limits, DoNotCountWhatNobodyCouldJudge) {
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(limits_.Begin("ann", "192.0.2.1"), std::nullopt) << i;
    limits_.TakeBack("ann", "192.0.2.1");
  }
}

TEST_F(Limits, KeepABoundedNumberOfNames) {
  for (int i = 0; i < 30'000; ++i)
    (void)limits_.Begin("user" + std::to_string(i), std::to_string(i));
  EXPECT_EQ(limits_.Begin("ann", "192.0.2.1"), std::nullopt);
}

}  // namespace
}  // namespace prov::panel
