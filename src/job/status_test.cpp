#include "job/status.hpp"

#include <set>
#include <tuple>

#include <gtest/gtest.h>

#include "base/files.hpp"
#include "base/json.hpp"

namespace prov::job {
namespace {

std::vector<Status> All() {
  std::vector<Status> all;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<Status>>(
      [&](auto described) { all.push_back(described.value); });
  return all;
}

TEST(Status, Names_AreTheApis) {
  EXPECT_EQ(json::EnumNames<Status>(),
            "queued, dispatched, accepted, running, retry_wait, succeeded, failed, timed_out, "
            "canceled, rejected, "
            "expired, interrupted, lost");
}

TEST(Status, EachTransition_StandsOnce) {
  std::set<std::tuple<Status, Status, Party>> seen;
  for (const auto& row : Transitions()) {
    EXPECT_TRUE(seen.insert({row.from, row.to, row.by}).second)
        << json::EnumName(row.from) << " to " << json::EnumName(row.to);
  }
}

TEST(Status, NothingFollowsATerminalState_WhoeverAsks) {
  for (const Status from : All()) {
    if (!IsTerminal(from)) continue;
    for (const Status to : All()) {
      for (const Party by : {Party::kPanel, Party::kAgent, Party::kAnswer}) {
        EXPECT_FALSE(MayTransition(from, to, by))
            << json::EnumName(from) << " to " << json::EnumName(to);
      }
    }
  }
}

TEST(Status, ThePanel_EndsOnlyWhatIsQueued) {
  for (const auto& row : Transitions()) {
    if (row.by == Party::kPanel && IsTerminal(row.to)) EXPECT_EQ(row.from, Status::kQueued);
  }
}

TEST(Status, WhatIsParked_IsResolvedOnlyByTheAgent_AndWhatWasInterruptedOnlyToAResult) {
  for (const auto& row : Transitions()) {
    if (!IsParked(row.from)) continue;
    EXPECT_NE(row.by, Party::kPanel);
    if (row.from == Status::kInterrupted) EXPECT_TRUE(IsTerminal(row.to));
  }
}

TEST(Status, RejectedAndExpired_NeverFollowAnExecution) {
  for (const Status from : {Status::kRunning, Status::kRetryWait}) {
    EXPECT_FALSE(MayTransition(from, Status::kRejected, Party::kAgent));
    EXPECT_FALSE(MayTransition(from, Status::kExpired, Party::kAgent));
  }
}

TEST(Status, EveryActiveState_IsReachedFromQueued_AndCanEnd) {
  std::set<Status> reached{Status::kQueued};
  for (std::size_t before = 0; before != reached.size();) {
    before = reached.size();
    for (const auto& row : Transitions()) {
      if (row.by != Party::kAnswer && reached.contains(row.from)) reached.insert(row.to);
    }
  }
  EXPECT_EQ(reached.size(), All().size());
  for (const Status from : All()) {
    if (!IsActive(from)) continue;
    EXPECT_TRUE(MayTransition(from, Status::kCanceled, Party::kAgent) || from == Status::kQueued)
        << json::EnumName(from);
  }
}

TEST(Status, TheDocument_HoldsTheTable) {
  const auto document = ReadFile(PROV_SOURCE_DIR "/docs/formats/states.md", 1 << 20);
  ASSERT_TRUE(document) << document.error().message;
  EXPECT_NE(document->find(TransitionsAsMarkdown()), std::string::npos)
      << "docs/formats/states.md must hold this table:\n"
      << TransitionsAsMarkdown();
}

}  // namespace
}  // namespace prov::job
