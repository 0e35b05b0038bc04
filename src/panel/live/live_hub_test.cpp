#include "panel/live/live_hub.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace prov::panel {
namespace {

using Notice = LiveHub::Notice;

TEST(LiveHub, LiveHub_Subscription_LastsAsLongAsItsObject) {
  FakeClock clock;
  FakeRandom random;
  const auto job = Uuid::MakeV7(clock, random);
  LiveHub hub;
  std::vector<Uuid> one;
  std::vector<Uuid> two;
  auto first = hub.Subscribe([&](const Notice& each) { one.push_back(each.job); });
  {
    auto second = hub.Subscribe([&](const Notice& each) { two.push_back(each.job); });
    auto moved = std::move(second);
    hub.JobChanged(job);
    EXPECT_EQ(hub.listeners(), 2u);
  }
  hub.JobChanged(job);
  EXPECT_EQ(one, (std::vector<Uuid>{job, job}));
  EXPECT_EQ(two, (std::vector<Uuid>{job}));
  first = hub.Subscribe([&](const Notice& each) { two.push_back(each.job); });  // the old one ends
  EXPECT_EQ(hub.listeners(), 1u);
  hub.JobChanged(job);
  EXPECT_EQ(one.size(), 2u);
  first = {};
  EXPECT_EQ(hub.listeners(), 0u);
}

TEST(LiveHub, LiveHub_WhatAnotherPanelCommitted_IsNotToldToWhoWantsOwnChangesOnly) {
  FakeClock clock;
  FakeRandom random;
  const auto own = Uuid::MakeV7(clock, random);
  const auto others = Uuid::MakeV7(clock, random);
  LiveHub hub;
  std::vector<Uuid> all;
  std::vector<Uuid> some;
  const auto first = hub.Subscribe([&](const Notice& each) { all.push_back(each.job); });
  const auto second = hub.Subscribe([&](const Notice& each) { some.push_back(each.job); }, true);
  hub.JobChanged(own);
  hub.JobChanged(others, LiveHub::By::kAnotherPanel);
  EXPECT_EQ(all, (std::vector<Uuid>{own, others}));
  EXPECT_EQ(some, (std::vector<Uuid>{own}));
}

TEST(LiveHub, LiveHub_ServersChanged_TellsEverybodyAndCounts) {
  LiveHub hub;
  std::vector<Notice> told;
  const auto subscription = hub.Subscribe([&](const Notice& each) { told.push_back(each); });
  const auto before = hub.servers_version();
  hub.ServersChanged();
  EXPECT_EQ(told, std::vector{Notice{.about = Notice::About::kServers}});
  EXPECT_EQ(hub.servers_version(), before + 1);
}

TEST(LiveHub, LiveHub_AnythingChanged_TellsThoseWhoShow_NotThoseWhoRepeatOwnChanges) {
  LiveHub hub;
  std::vector<Notice> told;
  std::vector<Notice> own;
  const auto shows = hub.Subscribe([&](const Notice& each) { told.push_back(each); });
  const auto repeats = hub.Subscribe([&](const Notice& each) { own.push_back(each); }, true);
  hub.AnythingChanged();
  EXPECT_EQ(told, std::vector{Notice{.about = Notice::About::kAnything}});
  EXPECT_TRUE(own.empty());
}

}  // namespace
}  // namespace prov::panel
