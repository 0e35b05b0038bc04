#include "panel/live/topics.hpp"

#include <gtest/gtest.h>

#include "base/json.hpp"
#include "base/random.hpp"

namespace prov::panel {
namespace {

using Notice = LiveHub::Notice;

constexpr Notice kServers{.about = Notice::About::kServers};
constexpr Notice kAnything{.about = Notice::About::kAnything};
Notice OfJob(const Uuid& id) { return {Notice::About::kJob, id}; }

TEST(Topics, Topics_FirstOfAll_SaysToReadTheLists) {
  Topics topics(true, true);
  const auto frames = topics.TakeGeneral();
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(json::Serialize(frames[0]), R"({"topic":"jobs","reset":true})");
  EXPECT_EQ(json::Serialize(frames[1]), R"({"topic":"servers"})");
  EXPECT_FALSE(topics.pending());
}

TEST(Topics, Topics_NotAskedFor_WakeNobody) {
  FakeClock clock;
  FakeRandom random;
  Topics servers(false, true);
  EXPECT_FALSE(servers.Changed(OfJob(Uuid::MakeV7(clock, random))));
  EXPECT_TRUE(servers.Changed(kServers));
  Topics jobs(true, false);
  EXPECT_FALSE(jobs.Changed(kServers));
}

TEST(Topics, Topics_AJobThatLooksTheSame_IsShownOnce) {
  Topics topics(true, false);
  job::Record record;
  record.status = job::Status::kRunning;
  EXPECT_TRUE(topics.Show(record));
  record.log.lines = 9;  // a log chunk changes nothing that is shown
  EXPECT_FALSE(topics.Show(record));
  record.progress = 5;
  EXPECT_TRUE(topics.Show(record));
}

TEST(Topics, Topics_MoreJobsThanARoundTakes_SayToReadTheListInstead) {
  FakeClock clock;
  FakeRandom random;
  Topics topics(true, false);
  topics.TakeGeneral();
  for (std::size_t i = 0; i <= Topics::kMostJobs; ++i) {
    clock.Advance(Millis{1});
    topics.Changed(OfJob(Uuid::MakeV7(clock, random)));
  }
  EXPECT_TRUE(topics.TakeJobs().empty());
  EXPECT_EQ(topics.TakeGeneral().size(), 1u);
}

TEST(Topics, Topics_SomethingMayHaveBeenMissed_SayToReadTheListsOnce) {
  FakeClock clock;
  FakeRandom random;
  Topics topics(true, true);
  topics.TakeGeneral();
  job::Record record;
  record.status = job::Status::kRunning;
  topics.Show(record);
  topics.Changed(OfJob(Uuid::MakeV7(clock, random)));
  EXPECT_TRUE(topics.Changed(kAnything));
  const auto frames = topics.TakeGeneral();
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(json::Serialize(frames[0]), R"({"topic":"jobs","reset":true})");
  EXPECT_EQ(json::Serialize(frames[1]), R"({"topic":"servers"})");
  EXPECT_TRUE(topics.TakeJobs().empty()) << "the list has them";
  EXPECT_TRUE(topics.Show(record)) << "what was shown before it counts no more";
  EXPECT_FALSE(Topics(false, false).Changed(kAnything));
}

}  // namespace
}  // namespace prov::panel
