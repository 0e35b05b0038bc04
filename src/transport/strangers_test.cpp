#include "transport/strangers.hpp"

#include <gtest/gtest.h>

namespace prov::transport {
namespace {

using Names = std::vector<std::string>;

class StrangersTest : public ::testing::Test {
 protected:
  bool Heard(const std::string& agent) { return strangers_.Heard(agent, now_); }
  Names Answered(const Names& known) { return strangers_.Answered(known, now_); }

  Strangers strangers_;
  SteadyTime now_;
};

TEST_F(StrangersTest, WhoIsHeard_IsAskedAbout_UntilTheDirectorySaysNo) {
  EXPECT_TRUE(Heard("a"));
  EXPECT_TRUE(Heard("a")) << "nobody asked yet";
  strangers_.Asking();
  EXPECT_TRUE(Heard("a")) << "the directory may fail";
  EXPECT_EQ(Answered({"b"}), Names());
  EXPECT_FALSE(Heard("a"));
  EXPECT_TRUE(Heard("c")) << "another one";
}

TEST_F(StrangersTest, WhoIsHeardWhileTheDirectoryIsAsked_IsAskedAboutAgain) {
  strangers_.Asking();
  EXPECT_TRUE(Heard("a"));
  EXPECT_EQ(Answered({}), Names());
  EXPECT_TRUE(Heard("a"));
}

TEST_F(StrangersTest, WhomTheDirectoryKnows_IsNoStranger_AlsoWhereItHasSaidNo) {
  EXPECT_TRUE(Heard("a"));
  EXPECT_TRUE(Heard("b"));
  strangers_.Asking();
  EXPECT_EQ(Answered({"b", "c"}), Names{"b"});
  strangers_.Asking();
  EXPECT_EQ(Answered({"a", "b", "c"}), Names{"a"});
  EXPECT_TRUE(Heard("a")) << "removed since, and heard again";
}

TEST_F(StrangersTest, WhoIsSilent_IsForgotten_AndWhoIsNotStaysDenied) {
  EXPECT_TRUE(Heard("silent"));
  EXPECT_TRUE(Heard("loud"));
  for (int i = 0; i < 10; ++i) {
    strangers_.Asking();
    Answered({});
    now_ += Strangers::kSilence / 4;
    EXPECT_FALSE(Heard("loud"));
  }
  EXPECT_TRUE(Heard("silent"));
}

TEST_F(StrangersTest, BeyondTheMost_NobodyIsRemembered) {
  for (std::size_t i = 0; i < Strangers::kMost; ++i) ASSERT_TRUE(Heard(std::to_string(i)));
  EXPECT_FALSE(Heard("one more"));
  now_ += 2 * Strangers::kSilence;
  Answered({});
  EXPECT_TRUE(Heard("one more"));
}

}  // namespace
}  // namespace prov::transport
