#include "cli/follow.hpp"

#include <gtest/gtest.h>

#include "base/json.hpp"

namespace prov::cli {
namespace {

boost::json::object Frame(std::string_view text) { return json::ParseText(text)->as_object(); }

boost::json::object Output(const std::string& status, std::vector<std::string> lines,
                           std::string_view stream = "out") {
  boost::json::array described;
  std::string output;
  for (const auto& line : lines) {
    output += line + "\n";
    described.push_back(boost::json::object{
        {"n", described.size() + 1}, {"t", "2026-01-02T03:04:05.678Z"}, {"s", stream}});
  }
  return {{"seq", 1},           {"status", status}, {"attempt", 1},      {"progress", nullptr},
          {"message", nullptr}, {"output", output}, {"lines", described}};
}

TEST(Follow, EachStatus_IsSaidOnce) {
  Watcher watcher({}, "");
  EXPECT_EQ(watcher.Take(Output("queued", {})).notes, "-- queued\n");
  EXPECT_EQ(watcher.Take(Output("running", {"a"})).notes, "-- running\n");
  const auto shown = watcher.Take(Output("running", {"b", "c"}));
  EXPECT_EQ(shown.notes, "");
  EXPECT_EQ(shown.out, "b\nc\n");
}

TEST(Follow, ALogThatWasRemoved_IsSaidOnce) {
  Watcher watcher({}, "");
  auto frame = Output("running", {});
  frame["log_removed_at"] = "2026-01-02T03:04:05.678Z";
  EXPECT_EQ(watcher.Take(frame).notes,
            "-- the log was removed at 2026-01-02T03:04:05.678Z\n-- running\n");
  frame["status"] = "failed";
  EXPECT_EQ(watcher.Take(frame).notes, "-- failed\n");
}

TEST(Follow, EndsWhenTheJobIsOverOrParked) {
  for (const auto* status : {"succeeded", "failed", "timed_out", "canceled", "rejected", "expired",
                             "interrupted", "lost"}) {
    Watcher watcher({}, "");
    EXPECT_FALSE(watcher.over());
    watcher.Take(Output("running", {}));
    EXPECT_FALSE(watcher.over());
    watcher.Take(Output(status, {}));
    EXPECT_TRUE(watcher.over()) << status;
  }
  Watcher waits({}, "");
  waits.Take(Output("retry_wait", {}));
  EXPECT_FALSE(waits.over());
}

TEST(Follow, Groups_AreIndentedAndTheirMarksGone) {
  Watcher watcher({}, "");
  EXPECT_EQ(
      watcher
          .Take(Output("running", {"::group Packages", "one", "::group Inner", "two", "::endgroup",
                                   "three", "::endgroup", "::endgroup", "four"}))
          .out,
      "Packages\n  one\n  Inner\n    two\n  three\nfour\n");
}

TEST(Follow, ACarriageReturnBeforeTheNewline_IsNotShown) {
  Watcher watcher({}, "");
  EXPECT_EQ(watcher.Take(Output("running", {"Unpacking\r", "a\rb"})).out, "Unpacking\na\\x0db\n");
}

TEST(Follow, WhatOnlySpeaksToThePlatform_IsNotShown) {
  Watcher watcher({}, "");
  EXPECT_EQ(watcher
                .Take(Output("running", {"::progress 5 x", "::output url=http://a", "::progressive",
                                         "::warning take care"}))
                .out,
            "::progressive\ntake care\n");
}

// They were hidden though the platform did not understand them either.
TEST(Follow, WhatIsMalformed_IsShownAsItStands) {
  Watcher watcher({}, "");
  EXPECT_EQ(watcher
                .Take(Output("running",
                             {"::progress half", "::progress 101 x", "::output url", "::warning"}))
                .out,
            "::progress half\n::progress 101 x\n::output url\n::warning\n");
}

TEST(Follow, LabelTimeAndColours_AreForWhoAsks) {
  Watcher watcher({.colours = true, .timestamps = true}, "web1 | ");
  const auto shown = watcher.Take(Output("running", {"::warning w"}));
  EXPECT_EQ(shown.out, "web1 | 03:04:05 \x1b[33mw\x1b[0m\n");
  EXPECT_EQ(shown.notes, "web1 | \x1b[34m-- running\x1b[0m\n");
}

TEST(Follow, AHostileLine_DrivesNoTerminal) {
  Watcher watcher({}, "");
  EXPECT_EQ(watcher.Take(Output("running", {"\x1b]0;title\x07", "::group \x1b[2J"})).out,
            "\\x1b]0;title\\x07\n\\x1b[2J\n");
}

TEST(Follow, Progress_IsALineOfItsOwnOrABar) {
  auto frame = Frame(R"({"seq": 2, "status": "running", "attempt": 1, "progress": 50,
                         "message": "Half", "output": "", "lines": []})");
  Watcher plain({}, "");
  plain.Take(Output("running", {}));
  EXPECT_EQ(plain.Take(frame).notes, "--  50 % Half\n");
  EXPECT_EQ(plain.Take(frame).notes, "");
  Watcher bar({.bar = true}, "");
  bar.Take(Output("running", {}));
  EXPECT_EQ(bar.Take(frame).notes, "\r\x1b[K[============            ]  50 % Half");
  const auto end = bar.Take(Output("succeeded", {}));
  EXPECT_EQ(end.notes, "\r\x1b[K-- succeeded\n");
}

TEST(Follow, ASecondAttempt_IsSaid) {
  Watcher watcher({}, "");
  watcher.Take(Output("retry_wait", {}));
  auto frame = Output("running", {});
  frame["attempt"] = 2;
  EXPECT_EQ(watcher.Take(frame).notes, "-- attempt 2\n-- running\n");
}

TEST(Follow, OfSeveral_TheWorstCounts) {
  EXPECT_EQ(Worse(ExitStatus::kOk, ExitStatus::kFailed), ExitStatus::kFailed);
  EXPECT_EQ(Worse(ExitStatus::kFailed, ExitStatus::kNotExecuted), ExitStatus::kFailed);
  EXPECT_EQ(Worse(ExitStatus::kFailed, ExitStatus::kUnknown), ExitStatus::kUnknown);
  EXPECT_EQ(Worse(ExitStatus::kUnreachable, ExitStatus::kUnknown), ExitStatus::kUnreachable);
}

}  // namespace
}  // namespace prov::cli
