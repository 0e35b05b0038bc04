#include "agent/identity.hpp"

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exec/journal.hpp"
#include "support/temporary_directory.hpp"

namespace prov::agent {
namespace {

using ::testing::HasSubstr;

class IdentityTest : public ::testing::Test {
 public:
  const exec::StatePaths& state() const { return state_; }
  Identity Made() {
    auto identity = DeriveIdentity("agent-1", std::string(32, 's'), state());
    EXPECT_TRUE(identity);
    return std::move(*identity);
  }
  FakeClock clock_;
  FakeRandom random_;

 private:
  test::TemporaryDirectory directory_;
  exec::StatePaths state_{directory_.path()};
};

TEST_F(IdentityTest, WrittenKeysAreReadAgain) {
  auto identity = Made();
  identity.generation = 3;
  ASSERT_TRUE(WriteIdentity(state(), identity));
  struct stat status{};
  ASSERT_EQ(stat((state().root / "keys").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  const auto read = ReadIdentity(state());
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(read->agent_id, "agent-1");
  EXPECT_EQ(read->generation, 3U);
  EXPECT_EQ(read->job_key.view(), identity.job_key.view());
  EXPECT_EQ(read->event_key.view(), identity.event_key.view());
  EXPECT_EQ(read->http_key.view(), identity.http_key.view());
  EXPECT_EQ(read->sealing.present.public_key, identity.sealing.present.public_key);
}

TEST_F(IdentityTest, NotEnrolledIsNotFound) {
  EXPECT_EQ(ReadIdentity(state()).error().code, ErrorCode::kNotFound);
}

TEST_F(IdentityTest, KeysThatOthersCanReadAreRefused) {
  ASSERT_TRUE(WriteIdentity(state(), Made()));
  ASSERT_EQ(chmod((state().root / "keys").c_str(), 0640), 0);
  EXPECT_EQ(ReadIdentity(state()).error().code, ErrorCode::kPermissionDenied);
}

TEST_F(IdentityTest, DamagedKeysAreCorruptAndNeverQuoted) {
  ASSERT_TRUE(WriteFileAtomically(state().root / "keys", "{\"job\": \"canary\"}", 0600));
  const auto read = ReadIdentity(state());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(read.error().ToString(), Not(HasSubstr("canary")));
}

TEST_F(IdentityTest, TheEpochStaysUntilAReasonOrAnotherMachine) {
  const auto first = EnsureEpoch(state(), clock_, random_);
  ASSERT_TRUE(first) << first.error().ToString();
  EXPECT_EQ(first->reason, "first start");
  EXPECT_EQ(EnsureEpoch(state(), clock_, random_)->id, first->id);

  const auto forced = EnsureEpoch(state(), clock_, random_, "the journal was lost");
  ASSERT_TRUE(forced);
  EXPECT_NE(forced->id, first->id);
  EXPECT_EQ(forced->previous, first->id);

  auto elsewhere = *forced;
  elsewhere.binding.machine_id = "another";
  ASSERT_TRUE(WriteEpoch(state(), elsewhere));
  const auto moved = EnsureEpoch(state(), clock_, random_);
  ASSERT_TRUE(moved);
  EXPECT_NE(moved->id, forced->id);
  EXPECT_THAT(moved->reason, HasSubstr("another machine"));
}

TEST_F(IdentityTest, ADamagedEpochBeginsANewOne) {
  ASSERT_TRUE(WriteFileAtomically(state().Epoch(), "?", 0600));
  EXPECT_THAT(EnsureEpoch(state(), clock_, random_)->reason, HasSubstr("damaged"));
}

// The panel then knew no epoch that the new one followed, and refused everything for ever.
TEST_F(IdentityTest, ALostRecordOfTheEpochIsFollowedFromTheJournals) {
  const auto journalled = Uuid::MakeV7(clock_, random_);
  ASSERT_TRUE(exec::Journal::Begin(state().Journal(), journalled).Sync());
  const auto next = EnsureEpoch(state(), clock_, random_);
  ASSERT_TRUE(next) << next.error().ToString();
  EXPECT_EQ(next->previous, journalled);
  EXPECT_THAT(next->reason, HasSubstr("lost"));
}

TEST_F(IdentityTest, ADamagedRecordOfTheEpochIsFollowedFromWhereTheJournalWasBegun) {
  const auto begun = Uuid::MakeV7(clock_, random_);
  ASSERT_TRUE(WriteFileAtomically(state().JournalBegun(), begun.ToString() + "\n", 0600));
  ASSERT_TRUE(WriteFileAtomically(state().Epoch(), "?", 0600));
  EXPECT_EQ(EnsureEpoch(state(), clock_, random_)->previous, begun);
}

TEST_F(IdentityTest, EpochsThePanelMissedAreNamedToo) {
  const auto first = EnsureEpoch(state(), clock_, random_);
  const auto second = EnsureEpoch(state(), clock_, random_, "the journal was lost");
  const auto third = EnsureEpoch(state(), clock_, random_, "the journal was lost");
  ASSERT_TRUE(first && second && third);
  EXPECT_EQ(third->previous, second->id);
  EXPECT_EQ(third->earlier, std::vector{first->id});
  EXPECT_EQ(EpochFactsOf(*ReadEpoch(state())).earlier, std::vector{first->id});
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(EnsureEpoch(state(), clock_, random_, "again"));
  EXPECT_EQ(ReadEpoch(state())->earlier.size(), job::kMostEarlierEpochs);
}

TEST_F(IdentityTest, WhatIsNotKnownOfAMachineMakesItNoOther) {
  const MachineBinding known{"machine", "root"};
  EXPECT_TRUE(SameMachine(known, known));
  EXPECT_TRUE(SameMachine(known, {"machine", ""}));
  EXPECT_TRUE(SameMachine({"", "root"}, known));
  EXPECT_FALSE(SameMachine(known, {"machine", "another"}));
  EXPECT_FALSE(SameMachine({"another", ""}, known));
}

// A link in /dev/disk/by-uuid that was missing at one start began a new epoch, and lost every job.
TEST_F(IdentityTest, WhatWasNotKnownOfTheMachineIsRecordedOnceItIs) {
  auto epoch = *EnsureEpoch(state(), clock_, random_);
  const auto now = ReadMachineBinding();
  epoch.binding = {};
  ASSERT_TRUE(WriteEpoch(state(), epoch));
  EXPECT_EQ(EnsureEpoch(state(), clock_, random_)->id, epoch.id);
  EXPECT_EQ(ReadEpoch(state())->binding, now);
}

TEST_F(IdentityTest, TheKeysBeforeAreKeptBesideThePresentOnes) {
  auto identity = Made();
  const auto before = Made();
  identity.generation = 2;
  identity.previous = KeysBefore(before);
  ASSERT_TRUE(WriteIdentity(state(), identity));
  const auto read = ReadIdentity(state());
  ASSERT_TRUE(read) << read.error().ToString();
  ASSERT_TRUE(read->previous);
  EXPECT_EQ(read->previous->generation, 1U);
  EXPECT_EQ(read->previous->job_key.view(), before.job_key.view());
  EXPECT_EQ(read->previous->event_key.view(), before.event_key.view());
}

TEST_F(IdentityTest, OneAtATimeRunsOrEnrolsWithAState) {
  const auto running = LockState(state());
  ASSERT_TRUE(running);
  EXPECT_EQ(LockState(state()).error().code, ErrorCode::kConflict);
  const auto enrolling = LockEnrolment(state());
  ASSERT_TRUE(enrolling) << "an agent that runs is enrolled too";
  EXPECT_EQ(LockEnrolment(state()).error().code, ErrorCode::kConflict);
}

TEST_F(IdentityTest, ADirectoryOthersCanWriteInIsRefused) {
  const auto open = state().root / "open";
  ASSERT_TRUE(MakeDirectories(open / "below", 0755));
  ASSERT_TRUE(CheckOwnership(open / "below"));
  ASSERT_EQ(chmod(open.c_str(), 0777), 0);
  const auto checked = CheckOwnership(open / "below");
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().message, HasSubstr("chmod go-w"));
}

TEST_F(IdentityTest, AnotherUsersParentIsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  const auto given = state().root / "given";
  ASSERT_TRUE(MakeDirectories(given / "below", 0755));
  ASSERT_EQ(chown(given.c_str(), 65534, 65534), 0);
  const auto checked = CheckOwnership(given / "below");
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().message, HasSubstr("must be root's"));
}

TEST_F(IdentityTest, ASymlinkIsFollowedToWhatItLeadsTo) {
  const auto open = state().root / "open";
  ASSERT_TRUE(MakeDirectories(open, 0755));
  ASSERT_EQ(chmod(open.c_str(), 0777), 0);
  std::filesystem::create_directory_symlink(open, state().root / "link");
  EXPECT_FALSE(CheckOwnership(state().root / "link"));
}

TEST_F(IdentityTest, TheStateDirectoryIsMadePrivate) {
  const exec::StatePaths nested{state().root / "a" / "b"};
  ASSERT_TRUE(PrepareStateDirectory(nested));
  EXPECT_TRUE(std::filesystem::is_directory(nested.Jobs()));
  ASSERT_EQ(chmod(nested.root.c_str(), 0755), 0);
  EXPECT_EQ(PrepareStateDirectory(nested).error().code, ErrorCode::kPermissionDenied);
}

}  // namespace
}  // namespace prov::agent
