#include "exec/shutdown.hpp"

#include <gtest/gtest.h>

namespace prov::exec {
namespace {

TEST(Shutdown, Shutdown_WhatPidOneIs_SaysWhetherEveryProcessIsEnded) {
  using std::string_view_literals::operator""sv;
  EXPECT_TRUE(EndsEveryProcess("systemd-shutdow\n", "/usr/lib/systemd/systemd-shutdown\0reboot"sv));
  EXPECT_TRUE(EndsEveryProcess("init\n", "init [6]  "));
  EXPECT_TRUE(EndsEveryProcess("init\n", "init [0]  "));
  EXPECT_FALSE(EndsEveryProcess("systemd\n", "/sbin/init\0splash"sv));
  EXPECT_FALSE(EndsEveryProcess("init\n", "init [2]  "));
  EXPECT_FALSE(EndsEveryProcess("tini\n", "tini\0--\0agent"sv));
  EXPECT_FALSE(EndsEveryProcess("", ""));
}

TEST(Shutdown, Shutdown_OfThisMachine_IsNotUnderWay) { EXPECT_FALSE(SystemIsGoingDown()); }

}  // namespace
}  // namespace prov::exec
