// Jobs are kept as long as they are said to be, by a clock that is ticked.
#include "panel/retention.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "panel/panel_fixture_test.hpp"

namespace prov::panel {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::chrono::days kKept{30};

class RetentionTest : public PanelTest {
 protected:
  // It ends now.
  Uuid Ended(job::Status status = job::Status::kFailed) {
    const auto id = AddJob();
    Put(id, job::Status::kDispatched);
    Put(id, job::Status::kRunning, 1);
    Put(id, status, 1);
    return id;
  }
  // A whole round.
  void Sweep() {
    for (int groups = 1;; ++groups) {
      const auto more = Await(retention_.Step());
      ASSERT_TRUE(more) << more.error().ToString();
      if (!*more) return;
      ASSERT_LT(groups, 100);
    }
  }
  bool IsThere(const Uuid& id) {
    return std::ranges::any_of(Jobs(), [&](const auto& job) { return job.id == id; });
  }

  Retention retention_{io_.get_executor(), gate_, kKept, clock_, log_};
};

TEST_F(RetentionTest, EndedJob_IsThereForAsLongAsItIsSaid_AndThenGoesWithItsChanges) {
  const auto id = Ended();
  clock_.Advance(kKept - Millis{1});
  Sweep();
  EXPECT_TRUE(IsThere(id));
  EXPECT_THAT(Audited("jobs.removed"), IsEmpty());
  clock_.Advance(Millis{2});
  Sweep();
  EXPECT_FALSE(IsThere(id));
  EXPECT_THAT(Changes(id), IsEmpty());
  const auto audited = Audited("jobs.removed");
  ASSERT_EQ(audited.size(), 1U);
  EXPECT_EQ(audited[0].subject, id.ToString());
  EXPECT_EQ(audited[0].detail.at("jobs").to_number<int>(), 1);
}

TEST_F(RetentionTest, TimeOfTheEndCounts_NotThatOfTheBeginning) {
  const auto id = AddJob();
  Put(id, job::Status::kDispatched);
  Put(id, job::Status::kRunning, 1);
  clock_.Advance(kKept + std::chrono::hours{1});
  Sweep();
  EXPECT_TRUE(IsThere(id)) << "it runs";
  Put(id, job::Status::kFailed, 1);
  Sweep();
  EXPECT_TRUE(IsThere(id)) << "it has just ended";
  clock_.Advance(kKept + Millis{1});
  Sweep();
  EXPECT_FALSE(IsThere(id));
}

TEST_F(RetentionTest, WhatAPersonHasToDecide_AndWhatWaits_Stays) {
  const auto waiting = AddJob();
  const auto lost = Ended(job::Status::kLost);
  clock_.Advance(kKept * 100);
  Sweep();
  EXPECT_TRUE(IsThere(waiting));
  EXPECT_TRUE(IsThere(lost));
}

TEST_F(RetentionTest, LastSuccessOfAServer_StaysSoThatItIsKnownWhatIsInstalled) {
  const auto before = Ended(job::Status::kSucceeded);
  const auto last = Ended(job::Status::kSucceeded);
  const auto failed = Ended();
  clock_.Advance(kKept * 2);
  Sweep();
  EXPECT_FALSE(IsThere(before));
  EXPECT_FALSE(IsThere(failed));
  EXPECT_TRUE(IsThere(last));
  const auto installed =
      *database_.Read([](store::Transaction& t) { return t.jobs().Installed(Admin(), kAgent); });
  ASSERT_EQ(installed.size(), 1U);
  EXPECT_EQ(installed[0].id, last);
}

TEST_F(RetentionTest, ManyJobs_GoInGroups_AndEachGroupIsInTheAudit) {
  for (int i = 0; i < 120; ++i) Ended();
  clock_.Advance(kKept * 2);
  const auto first = Await(retention_.Step());
  ASSERT_TRUE(first);
  EXPECT_TRUE(*first);
  EXPECT_EQ(Jobs().size(), 70U) << "others write in between";
  Sweep();
  EXPECT_THAT(Jobs(), IsEmpty());
  std::vector<int> groups;
  for (const auto& each : Audited("jobs.removed"))
    groups.push_back(each.detail.at("jobs").to_number<int>());
  EXPECT_THAT(groups, ElementsAre(50, 50, 20));
}

TEST_F(RetentionTest, JobsThatStay_AreLookedAtOncePerRound) {
  for (int i = 0; i < 60; ++i) AddJob();
  const auto ended = Ended();
  clock_.Advance(kKept * 2);
  Sweep();
  EXPECT_FALSE(IsThere(ended)) << "behind those that stay";
  const auto later = Ended();
  clock_.Advance(kKept * 2);
  Sweep();
  EXPECT_FALSE(IsThere(later)) << "another round begins with the oldest";
}

}  // namespace
}  // namespace prov::panel
