#include "job/step.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prov::job {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr WallTime At(int second) { return WallTime{Seconds{1'800'000'000 + second}}; }

std::vector<Step> StepsOf(std::vector<LogFrame> frames, std::uint64_t first_line = 1) {
  std::vector<Step> steps;
  TakeMarks(steps, StepMarksOf(frames, first_line));
  return steps;
}

LogFrame Frame(int second, std::string bytes, Stream stream = Stream::kOut) {
  return {static_cast<std::uint64_t>(second) + 1, At(second), stream, std::move(bytes)};
}

TEST(Steps, AreTheGroups_WithTheirFirstLineAndTimes) {
  const auto steps = StepsOf({Frame(0, "hello\n::group Install packages\napt\n"),
                              Frame(3, "::endgroup\nbetween\n"), Frame(5, "::group Start it\n")},
                             11);
  EXPECT_THAT(steps, ElementsAre(Step{"Install packages", 12, At(0), At(3), StepStatus::kSucceeded},
                                 Step{"Start it", 16, At(5), std::nullopt, StepStatus::kRunning}));
}

TEST(Steps, GoOnWithTheNextChunk) {
  auto steps = StepsOf({Frame(0, "::group One\n")});
  TakeMarks(steps, StepMarksOf(std::vector{Frame(4, "x\n::group Two\n")}, 2));
  EXPECT_THAT(steps, ElementsAre(Step{"One", 1, At(0), At(4), StepStatus::kSucceeded},
                                 Step{"Two", 3, At(4), std::nullopt, StepStatus::kRunning}));
}

TEST(Steps, ALineThatComesInPieces_IsOne) {
  EXPECT_THAT(StepsOf({Frame(0, ":"), Frame(1, "note\n", Stream::kErr), Frame(2, ":group A\n")}),
              ElementsAre(Step{"A", 2, At(0), std::nullopt, StepStatus::kRunning}));
}

TEST(Steps, WhatOnlyLooksLikeAGroup_IsPlainLog) {
  EXPECT_THAT(StepsOf({Frame(0, " ::group A\n::groups B\n:group C\n::endgroup\nstd::group\n")}),
              IsEmpty());
}

TEST(Steps, EndWithTheirAttempt) {
  const auto ended = [](Status status) {
    auto steps = StepsOf({Frame(0, "::group A\n::endgroup\n::group B\n")});
    EndSteps(steps, status, At(9));
    EndSteps(steps, Status::kLost, At(10));  // they have ended
    EXPECT_EQ(steps.at(0), (Step{"A", 1, At(0), At(0), StepStatus::kSucceeded}));
    EXPECT_EQ(steps.at(1).finished_at, At(9));
    return steps.at(1).status;
  };
  EXPECT_EQ(ended(Status::kSucceeded), StepStatus::kSucceeded);
  EXPECT_EQ(ended(Status::kCanceled), StepStatus::kCanceled);
  for (const auto status : {Status::kFailed, Status::kTimedOut, Status::kRetryWait,
                            Status::kInterrupted, Status::kLost}) {
    EXPECT_EQ(ended(status), StepStatus::kFailed);
  }
}

TEST(Steps, AreBounded_InNumberAndName) {
  std::string text = "::group " + std::string(1000, 'x') + "\n";
  for (std::size_t i = 0; i < kMostSteps + 50; ++i) text += "::group more\n::endgroup\n";
  const auto steps = StepsOf({Frame(0, text)});
  EXPECT_THAT(steps, SizeIs(kMostSteps));
  EXPECT_EQ(steps.front().name.size(), kMostStepNameBytes);
  EXPECT_EQ(StepsOf({Frame(0, "::group a\xff\n")}).at(0).name, "a\xef\xbf\xbd");
}

}  // namespace
}  // namespace prov::job
