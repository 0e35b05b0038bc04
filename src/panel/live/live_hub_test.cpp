#include "panel/live/live_hub.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace prov::panel {
namespace {

TEST(LiveHub, LiveHub_Subscription_LastsAsLongAsItsObject) {
  FakeClock clock;
  FakeRandom random;
  const auto job = Uuid::MakeV7(clock, random);
  LiveHub hub;
  std::vector<Uuid> one;
  std::vector<Uuid> two;
  auto first = hub.Subscribe([&](const Uuid& id) { one.push_back(id); });
  {
    auto second = hub.Subscribe([&](const Uuid& id) { two.push_back(id); });
    auto moved = std::move(second);
    hub.JobChanged(job);
    EXPECT_EQ(hub.listeners(), 2u);
  }
  hub.JobChanged(job);
  EXPECT_EQ(one, (std::vector<Uuid>{job, job}));
  EXPECT_EQ(two, (std::vector<Uuid>{job}));
  first = hub.Subscribe([&](const Uuid& id) { two.push_back(id); });  // the old one ends
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
  const auto first = hub.Subscribe([&](const Uuid& id) { all.push_back(id); });
  const auto second = hub.Subscribe([&](const Uuid& id) { some.push_back(id); }, true);
  hub.JobChanged(own);
  hub.JobChanged(others, LiveHub::By::kAnotherPanel);
  EXPECT_EQ(all, (std::vector<Uuid>{own, others}));
  EXPECT_EQ(some, (std::vector<Uuid>{own}));
}

TEST(LiveHub, LiveHub_ServersChanged_TellsEverybodyAndCounts) {
  LiveHub hub;
  std::vector<Uuid> told;
  const auto subscription = hub.Subscribe([&](const Uuid& id) { told.push_back(id); });
  const auto before = hub.servers_version();
  hub.ServersChanged();
  EXPECT_EQ(told, std::vector<Uuid>{Uuid{}});
  EXPECT_EQ(hub.servers_version(), before + 1);
}

}  // namespace
}  // namespace prov::panel
