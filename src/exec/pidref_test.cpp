#include "exec/pidref.hpp"

#include <csignal>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace prov::exec {
namespace {

TEST(PidRef, PidRef_OfAnotherStartTimeOrBoot_IsGone) {
  auto self = ReferTo(getpid());
  ASSERT_TRUE(self);
  EXPECT_TRUE(OpenPid(*self));
  auto reused = *self;
  ++reused.start_time;
  ASSERT_FALSE(OpenPid(reused));
  EXPECT_EQ(OpenPid(reused).error().code, ErrorCode::kNotFound);
  auto rebooted = *self;
  rebooted.boot_id = "another";
  EXPECT_FALSE(OpenPid(rebooted));
}

TEST(PidRef, PidRef_OfAReapedProcess_IsGoneAndNotSignalled) {
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  auto reference = ReferTo(child);
  ASSERT_TRUE(reference);
  auto held = OpenPid(*reference);
  ASSERT_TRUE(held);
  EXPECT_TRUE(SendSignal(*held, SIGKILL));
  waitpid(child, nullptr, 0);
  EXPECT_FALSE(SendSignal(*held, SIGKILL));
  EXPECT_FALSE(OpenPid(*reference));
}

// An executor that had no descriptor left took every runner for dead.
TEST(PidRef, PidRef_WithoutADescriptorLeft_SaysNothingOfTheProcess) {
  const auto self = ReferTo(getpid());
  ASSERT_TRUE(self);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto held = OpenPid(*self);
  const auto referred = ReferTo(getpid());
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(held);
  EXPECT_NE(held.error().code, ErrorCode::kNotFound);
  ASSERT_FALSE(referred);
  EXPECT_NE(referred.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace prov::exec
