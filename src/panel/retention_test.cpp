// Jobs are kept as long as they are said to be, by a clock that is ticked.
#include "panel/retention.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "panel/panel_fixture_test.hpp"

namespace prov::panel {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::chrono::days kKept{30};
constexpr std::chrono::days kLogsKept{7};

class RetentionTest : public PanelTest {
 protected:
  // It ends now, and printed that many lines, each in a chunk of its own.
  Uuid Ended(job::Status status = job::Status::kFailed, std::uint64_t lines = 0) {
    const auto id = AddJob();
    Put(id, job::Status::kDispatched);
    Put(id, job::Status::kRunning, 1);
    const auto printed = database_.Write([&](store::Transaction& t) -> Status {
      PROV_TRY(const auto record, t.jobs().Get(Admin(), id));
      for (std::uint64_t line = 1; line <= lines; ++line)
        PROV_CHECK(t.jobs().Apply({1, job::Status::kRunning}, job::Party::kAgent, record,
                                  clock_.Now(), store::LogChunk{line, 1, "a line"}));
      return {};
    });
    EXPECT_TRUE(printed) << printed.error().ToString();
    Put(id, status, 1);
    return id;
  }
  Uuid EndedWithALog(job::Status status = job::Status::kFailed) { return Ended(status, 1); }
  bool HasLog(const Uuid& id) {
    return std::ranges::any_of(Changes(id), [](const auto& each) { return each.log.has_value(); });
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
  // As Sweep(), past groups that fail; how many did.
  int SweepPastFailures() {
    int failures = 0;
    for (int groups = 1; groups < 200; ++groups) {
      const auto more = Await(retention_.Step());
      if (more && !*more) return failures;
      if (more) continue;
      ++failures;
      failure_ = more.error().ToString();
    }
    ADD_FAILURE() << "it came to no end";
    return failures;
  }
  // From now on no write is committed after which `broken` is true.
  void Refuse(std::function<bool(store::Transaction&)> broken) {
    database_.veto = [broken = std::move(broken)](store::Transaction& t) -> Status {
      if (broken(t)) return Error{ErrorCode::kUnavailable, "the database is too slow.", {}};
      return {};
    };
  }
  bool IsThere(const Uuid& id) {
    return std::ranges::any_of(Jobs(), [&](const auto& job) { return job.id == id; });
  }

  std::string failure_;  // the last one
  Retention retention_{io_.get_executor(), gate_, {kKept, kLogsKept}, clock_, log_};
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
  for (int i = 0; i < 80; ++i) Ended();
  ASSERT_EQ(Changes(Jobs().front().id).size(), 4U);
  clock_.Advance(kKept * 2);
  const auto first = Await(retention_.Step());
  ASSERT_TRUE(first);
  EXPECT_TRUE(*first);
  EXPECT_EQ(Jobs().size(), 48U) << "others write in between";
  Sweep();
  EXPECT_THAT(Jobs(), IsEmpty());
  std::vector<int> groups;
  for (const auto& each : Audited("jobs.removed"))
    groups.push_back(each.detail.at("jobs").to_number<int>());
  EXPECT_THAT(groups, ElementsAre(32, 32, 16)) << "128 changes at a time";
}

TEST_F(RetentionTest, LongJob_GoesInGroups_AndIsInTheAuditOnce) {
  const auto id = Ended(job::Status::kFailed, 300);
  clock_.Advance(kKept * 2);
  for (const std::size_t left : {176U, 48U}) {
    ASSERT_TRUE(Await(retention_.Step()));
    EXPECT_EQ(Changes(id).size(), left);
    EXPECT_THAT(Audited("jobs.removed"), IsEmpty());
  }
  Sweep();
  EXPECT_FALSE(IsThere(id));
  EXPECT_EQ(Audited("jobs.removed").size(), 1U);
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

TEST_F(RetentionTest, JobThatCannotBeRemoved_StandsInTheWayOfNoOther) {
  std::vector<Uuid> ids;
  for (int i = 0; i < 70; ++i) ids.push_back(Ended());
  const auto bad = ids[20];
  Refuse([bad](store::Transaction& t) { return !t.jobs().Get(Admin(), bad); });
  clock_.Advance(kKept * 2);
  EXPECT_LE(SweepPastFailures(), 8);
  EXPECT_THAT(failure_, HasSubstr(bad.ToString()));
  ASSERT_EQ(Jobs().size(), 1U);
  EXPECT_EQ(Jobs()[0].id, bad);
  database_.veto = nullptr;
  Sweep();
  EXPECT_THAT(Jobs(), IsEmpty()) << "another round tries it again";
}

TEST_F(RetentionTest, LogThatCannotBeRemoved_StandsInTheWayOfNoOther) {
  std::vector<Uuid> ids;
  for (int i = 0; i < 9; ++i) {
    Ended();  // it printed nothing, and is not asked about
    ids.push_back(EndedWithALog());
  }
  const auto bad = ids[4];
  Refuse([bad](store::Transaction& t) {
    return t.jobs().Get(Admin(), bad)->log_removed_at.has_value();
  });
  clock_.Advance(kLogsKept * 2);
  EXPECT_LE(SweepPastFailures(), 4);
  for (const auto& id : ids) EXPECT_EQ(HasLog(id), id == bad);
}

TEST_F(RetentionTest, StoreThatIsAwayForAWhile_IsGoneOnWithWhereItWas) {
  const auto first = Ended();
  const auto second = Ended();
  clock_.Advance(kKept * 2);
  database_.writes_left = 0;
  ASSERT_FALSE(Await(retention_.Step()));
  database_.Repair();
  Sweep();
  EXPECT_FALSE(IsThere(first));
  EXPECT_FALSE(IsThere(second));
}

TEST_F(RetentionTest, Logs_GoSoonerThanTheirJobs_AndAreInTheAudit) {
  const auto id = EndedWithALog();
  clock_.Advance(kLogsKept);
  Sweep();
  EXPECT_TRUE(HasLog(id));
  clock_.Advance(Millis{1});
  Sweep();
  EXPECT_TRUE(IsThere(id));
  EXPECT_FALSE(HasLog(id));
  EXPECT_EQ(Job(id).log_removed_at, clock_.Now());
  const auto audited = Audited("logs.removed");
  ASSERT_EQ(audited.size(), 1U);
  EXPECT_EQ(audited[0].subject, id.ToString());
  EXPECT_EQ(audited[0].detail.at("logs").to_number<int>(), 1);
  EXPECT_TRUE(log_.Has("logs_removed"));
  clock_.Advance(kKept);
  Sweep();
  EXPECT_FALSE(IsThere(id));
}

TEST_F(RetentionTest, LogOfTheLastSuccess_Goes_ThoughItsJobStays) {
  const auto id = EndedWithALog(job::Status::kSucceeded);
  clock_.Advance(kKept * 2);
  Sweep();
  EXPECT_TRUE(IsThere(id));
  EXPECT_FALSE(HasLog(id));
}

TEST_F(RetentionTest, LogsThatAreKeptNoShorterThanJobs_GoWithThem) {
  for (const auto logs : {std::chrono::days{0}, kKept, kKept * 2}) {
    Retention with_jobs(io_.get_executor(), gate_, {kKept, logs}, clock_, log_);
    const auto id = EndedWithALog(job::Status::kSucceeded);
    clock_.Advance(kKept * 3);
    while (*Await(with_jobs.Step())) {
    }
    EXPECT_TRUE(HasLog(id)) << "as its job, which says what is installed: " << logs.count();
  }
}

TEST_F(RetentionTest, JobsKeptForEver_LoseTheirLogs) {
  Retention logs_only(io_.get_executor(), gate_, {std::chrono::days{0}, kLogsKept}, clock_, log_);
  const auto id = EndedWithALog();
  clock_.Advance(kKept * 100);
  while (*Await(logs_only.Step())) {
  }
  EXPECT_TRUE(IsThere(id));
  EXPECT_FALSE(HasLog(id));
}

}  // namespace
}  // namespace prov::panel
