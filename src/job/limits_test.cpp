#include "job/limits.hpp"

#include <gtest/gtest.h>

namespace prov::job {
namespace {

Event Said(StateChange state) {
  Event event;
  event.state = std::move(state);
  return event;
}

TEST(Limits, WhatHonestAgentsSayAtMost_IsNotTooMuch) {
  StateChange state;
  state.reason = std::string(kMostReasonBytes, 'x');
  state.left_running.assign(kMostLeftRunning, {4711, "daemon", "daemon.service"});
  state.outputs.assign(kMostOutputs, {"out", "Out", std::string(600, 'x')});
  EXPECT_EQ(TooMuch(Said(state)), std::nullopt);
  Event event;
  EXPECT_EQ(TooMuch(event), std::nullopt);
  event.progress = Progress{1, std::string(kMostMessageBytes, 'x')};
  EXPECT_EQ(TooMuch(event), std::nullopt);
}

TEST(Limits, OneMoreOfAnything_IsTooMuchAndSaysWhatMayBe) {
  StateChange reason, processes, names, outputs, values;
  reason.reason = std::string(kMostReasonBytes + 1, 'x');
  processes.left_running.resize(kMostLeftRunning + 1);
  names.left_running = {{1, std::string(kMostLeftRunningBytes, 'x'), "y"}};
  outputs.outputs.resize(kMostOutputs + 1);
  values.outputs = {{"a", "b", std::string(kMostOutputBytes, 'x')}};
  Event progress, warning;
  progress.progress = Progress{1, std::string(kMostMessageBytes + 1, 'x')};
  warning.warning = Warning{std::string(kMostMessageBytes + 1, 'x')};
  EXPECT_EQ(TooMuch(Said(reason)), "it has 12001 bytes of reason, and 12000 are allowed");
  EXPECT_EQ(TooMuch(Said(processes)), "it has 101 processes left running, and 100 are allowed");
  EXPECT_EQ(TooMuch(Said(names)),
            "it has 65537 bytes of processes left running, and 65536 are allowed");
  EXPECT_EQ(TooMuch(Said(outputs)), "it has 101 outputs, and 100 are allowed");
  EXPECT_EQ(TooMuch(Said(values)), "it has 65538 bytes of outputs, and 65536 are allowed");
  EXPECT_EQ(TooMuch(progress), "it has 3001 bytes of message, and 3000 are allowed");
  EXPECT_EQ(TooMuch(warning), "it has 3001 bytes of warning, and 3000 are allowed");
}

}  // namespace
}  // namespace prov::job
