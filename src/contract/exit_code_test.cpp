#include "contract/exit_code.hpp"

#include <map>

#include <gtest/gtest.h>

#include "base/json.hpp"

namespace prov::contract {
namespace {

TEST(ExitCode, EveryCode_IsJudgedByTheTable) {
  const std::map<int, Verdict> table{
      {0, Verdict::kSucceeded},          {1, Verdict::kFailedValidation},
      {2, Verdict::kFailedInstallation}, {3, Verdict::kFailedConfiguration},
      {124, Verdict::kTimedOut},         {194, Verdict::kReboot}};
  for (int code = 0; code <= 255; ++code) {
    const auto expected = table.contains(code) ? table.at(code) : Verdict::kFailedUnknown;
    EXPECT_EQ(Judge({.exit_code = code}, true), expected) << code;
  }
  EXPECT_EQ(Judge({.exit_code = 194}, false), Verdict::kFailedUnknown);
}

TEST(ExitCode, EverySignal_IsASignal_UnlessTheKernelSaysOutOfMemory) {
  for (int signal = 1; signal <= 64; ++signal) {
    EXPECT_EQ(Judge({.signal = signal}, true), Verdict::kFailedSignal) << signal;
    EXPECT_EQ(Judge({.signal = signal, .out_of_memory = true}, true), Verdict::kFailedOom)
        << signal;
  }
}

TEST(ExitCode, WhatThePlatformDid_DecidesBeforeWhatTheScriptSaid) {
  EXPECT_EQ(Judge({.exit_code = 0, .timed_out = true}, true), Verdict::kTimedOut);
  EXPECT_EQ(Judge({.signal = 15, .canceled = true}, true), Verdict::kCanceled);
  EXPECT_EQ(Judge({.exit_code = 2, .out_of_memory = true}, true), Verdict::kFailedOom);
}

TEST(ExitCode, AChildKilledForMemory_DoesNotSpoilASuccess) {
  EXPECT_EQ(Judge({.exit_code = 0, .out_of_memory = true}, true), Verdict::kSucceeded);
}

TEST(ExitCode, Descriptions_NameCodeAndSignal) {
  EXPECT_EQ(Describe({.exit_code = 2}), "exit code 2: installation error");
  EXPECT_EQ(Describe({.exit_code = 77}), "exit code 77: unknown error");
  EXPECT_EQ(Describe({.signal = 9}), "killed by signal 9 (SIGKILL)");
  EXPECT_EQ(Describe({.signal = 9, .out_of_memory = true}),
            "out of memory: killed by signal 9 (SIGKILL)");
  EXPECT_EQ(Describe({.signal = 40}), "killed by signal 40");
}

}  // namespace
}  // namespace prov::contract
