#include "exec/services.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prov::exec {
namespace {

TEST(Services, ProgramOf_TheFirstExecStartWithoutPrefixes) {
  EXPECT_EQ(ProgramOf("[Service]\nExecStart=/usr/sbin/nginx -g 'daemon on;'\n"), "/usr/sbin/nginx");
  EXPECT_EQ(ProgramOf("ExecStartPre=/bin/true\nExecStart=\nExecStart=-@/usr/bin/x y"),
            "/usr/bin/x");
  EXPECT_EQ(ProgramOf("[Unit]\nDescription=ExecStart=/no\n"), "");
}

TEST(Services, AUnitThatDoesNotExist_IsNamedAtTheDeadline) {
  const SystemClock clock;
  const auto missing = CheckServices({"no-such-unit-at-all"}, clock, Seconds{0});
  ASSERT_TRUE(missing);
  EXPECT_THAT(*missing, testing::HasSubstr("no-such-unit-at-all.service is not active"));
}

TEST(Services, NoServices_NothingIsMissing) {
  const SystemClock clock;
  EXPECT_FALSE(CheckServices({}, clock, Seconds{0}));
}

}  // namespace
}  // namespace prov::exec
