#include "exec/journal.hpp"

#include <fstream>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "support/power_cut.hpp"
#include "support/temporary_directory.hpp"

namespace prov::exec {
namespace {

const Uuid kEpoch = *Uuid::Parse("018f0000-0000-7000-8000-000000000001");

void Put(const Path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

ino_t Inode(const Path& path) {
  struct stat found{};
  return stat(path.c_str(), &found) == 0 ? found.st_ino : 0;
}

Status Add(Journal& journal) {
  journal.Append(boost::json::object{{"type", "after"}});
  return journal.Sync();
}

class JournalTest : public ::testing::Test {
 protected:
  // Three records, and where each ends in the file.
  void SetUp() override {
    auto journal = Journal::Begin(path_, kEpoch);
    ASSERT_TRUE(journal.Sync());
    ends_.push_back(journal.size());
    for (const char* type : {"received", "started", "exited"}) {
      journal.Append(boost::json::object{{"type", type}});
      ASSERT_TRUE(journal.Sync());
      ends_.push_back(journal.size());
    }
    whole_ = *ReadFile(path_, 1 << 20);
  }
  test::TemporaryDirectory directory_;
  Path path_ = directory_.path() / "journal";
  std::vector<std::uint64_t> ends_;
  std::string whole_;
};

TEST_F(JournalTest, Journal_Reopened_KeepsRecordsEpochAndSequence) {
  auto opened = Journal::Open(path_);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->damage, Damage::kNone);
  EXPECT_EQ(opened->journal.epoch(), kEpoch);
  ASSERT_EQ(opened->records.size(), 3u);
  EXPECT_EQ(opened->records[2].payload.at("type").as_string(), "exited");
  EXPECT_EQ(opened->journal.Append(boost::json::object{}), 4u);
}

TEST_F(JournalTest, Journal_CutAtEveryLength_RecoversThePrefixAndGoesOn) {
  for (std::size_t length = ends_[0]; length < whole_.size(); ++length) {
    Put(path_, std::string_view(whole_).substr(0, length));
    auto opened = Journal::Open(path_);
    ASSERT_TRUE(opened) << length;
    std::size_t expected = 0;
    while (ends_[expected + 1] <= length) ++expected;
    EXPECT_EQ(opened->records.size(), expected) << length;
    EXPECT_EQ(opened->damage, ends_[expected] == length ? Damage::kNone : Damage::kTruncated);
    opened->journal.Append(boost::json::object{{"type", "after"}});
    ASSERT_TRUE(opened->journal.Sync());
    auto again = Journal::Open(path_);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->damage, Damage::kNone) << length;
    EXPECT_EQ(again->records.size(), expected + 1) << length;
  }
}

TEST_F(JournalTest, Journal_HeaderCutAtEveryLength_IsCorrupt) {
  for (std::size_t length = 0; length < ends_[0]; ++length) {
    Put(path_, std::string_view(whole_).substr(0, length));
    auto opened = Journal::Open(path_);
    ASSERT_FALSE(opened) << length;
    EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
  }
}

TEST_F(JournalTest, Journal_EveryBitFlipped_IsCorruptAndTakesNothingMore) {
  for (std::size_t bit = 0; bit < whole_.size() * 8; ++bit) {
    auto bytes = whole_;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    Put(path_, bytes);
    auto opened = Journal::Open(path_);
    if (bit / 8 < ends_[0]) {
      EXPECT_FALSE(opened) << bit;
      continue;
    }
    ASSERT_TRUE(opened) << bit;
    EXPECT_EQ(opened->damage, Damage::kCorrupt) << bit;
    EXPECT_LT(opened->records.size(), 3u) << bit;
    opened->journal.Append(boost::json::object{});
    EXPECT_FALSE(opened->journal.Sync()) << bit;
  }
}

TEST_F(JournalTest, Journal_ZerosAfterTheEnd_AreATornWrite) {
  Put(path_, whole_ + std::string(100, '\0'));
  auto opened = Journal::Open(path_);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->damage, Damage::kTruncated);
  EXPECT_EQ(opened->records.size(), 3u);
}

TEST_F(JournalTest, Journal_Compacted_KeepsWhatWasGivenAndNumbersOn) {
  auto opened = Journal::Open(path_);
  ASSERT_TRUE(opened);
  ASSERT_TRUE(opened->journal.Compact({boost::json::object{{"type", "kept"}}}));
  EXPECT_EQ(opened->journal.Append(boost::json::object{{"type", "new"}}), 5u);
  ASSERT_TRUE(opened->journal.Sync());
  auto again = Journal::Open(path_);
  ASSERT_TRUE(again);
  ASSERT_EQ(again->records.size(), 2u);
  EXPECT_EQ(again->records[0].sequence, 4u);
  EXPECT_EQ(again->records[1].payload.at("type").as_string(), "new");
}

TEST_F(JournalTest, Journal_Begun_LeavesWhatIsThereUntilAllOfItTakesItsPlace) {
  const auto next = *Uuid::Parse("018f0000-0000-7000-8000-000000000002");
  auto journal = Journal::Begin(path_, next);
  journal.Append(boost::json::object{{"type", "first"}});
  EXPECT_EQ(*ReadFile(path_, 1 << 20), whole_);
  {
    const test::SyncFailure disk(path_.string() + ".new");
    EXPECT_FALSE(journal.Sync());
  }
  EXPECT_FALSE(journal.Sync()) << "it failed before";
  EXPECT_EQ(*ReadFile(path_, 1 << 20), whole_);
  journal = Journal::Begin(path_, next);
  journal.Append(boost::json::object{{"type", "first"}});
  ASSERT_TRUE(journal.Sync());
  ASSERT_TRUE(Add(journal));
  const auto opened = Journal::Open(path_);
  EXPECT_EQ(opened->journal.epoch(), next);
  EXPECT_EQ(opened->records.size(), 2u);
}

TEST_F(JournalTest, Journal_WhoseCompactionFailedBehindTheRename_TakesNothingMore) {
  auto opened = Journal::Open(path_);
  {
    const test::SyncFailure disk(directory_.path());
    EXPECT_FALSE(opened->journal.Compact({boost::json::object{{"type", "kept"}}}));
  }
  EXPECT_FALSE(Add(opened->journal)) << "it went into a file without a name";
  EXPECT_EQ(Journal::Open(path_)->records.size(), 1u);
}

TEST_F(JournalTest, Journal_WhoseCompactionFailedBeforeTheRename_GoesOn) {
  auto opened = Journal::Open(path_);
  {
    const test::SyncFailure disk(path_.string() + ".new");
    EXPECT_FALSE(opened->journal.Compact({boost::json::object{{"type", "kept"}}}));
  }
  EXPECT_TRUE(Add(opened->journal));
  EXPECT_EQ(Journal::Open(path_)->records.size(), 4u);
}

// The compacted one's name was not durable: the power cut brought the old one back, without what
// had been appended since.
TEST_F(JournalTest, Journal_WhoseNewNameWasNotMadeDurable_IsSoOnceItIsOpened) {
  test::PowerCut disk(directory_.path());
  {
    auto opened = Journal::Open(path_);
    const test::SyncFailure failing(directory_.path());
    EXPECT_FALSE(opened->journal.Compact({boost::json::object{{"type", "kept"}}}));
  }
  ASSERT_TRUE(Add(Journal::Open(path_)->journal));
  disk.Strike();
  EXPECT_EQ(Journal::Open(path_)->records.size(), 2u);
}

// Killed between write and fsync: the next life read the record, told the panel, and lost it with
// the power.
TEST_F(JournalTest, Journal_WrittenAndNotSynced_IsDurableOnceItIsOpened) {
  Put(path_, whole_.substr(0, ends_[2]));
  test::PowerCut disk(directory_.path());
  Put(path_, whole_);
  EXPECT_EQ(Journal::Open(path_)->records.size(), 3u);
  disk.Strike();
  EXPECT_EQ(Journal::Open(path_)->records.size(), 3u);
}

// The kernel takes pages whose writing failed for clean, and gives them to whoever reads.
TEST_F(JournalTest, Journal_WhoseFsyncFailed_IsWrittenAnewBeforeItIsBelieved) {
  for (const bool at_open : {false, true}) {
    SCOPED_TRACE(at_open);
    const auto records = Journal::Open(path_)->records.size();
    auto opened = Journal::Open(path_);
    {
      const test::SyncFailure disk(path_);
      if (at_open)
        EXPECT_FALSE(Journal::Open(path_));
      else
        EXPECT_FALSE(Add(opened->journal));
    }
    const auto kept = Inode(path_);
    EXPECT_EQ(Journal::Open(path_)->records.size(), at_open ? records : records + 1);
    EXPECT_NE(Inode(path_), kept) << "what memory held was believed";
    const auto anew = Inode(path_);
    EXPECT_TRUE(Add(Journal::Open(path_)->journal));
    EXPECT_EQ(Inode(path_), anew) << "it is sure again";
  }
}

TEST_F(JournalTest, Journal_ThatWouldBeTooLargeToBeRead_IsNotWritten) {
  const auto most = whole_.size() + 60;
  auto opened = Journal::Open(path_, most);
  const auto refused = opened->journal.Compact({boost::json::value(std::string(most, 'x'))});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kTooLarge);
  ASSERT_TRUE(Add(opened->journal));
  EXPECT_EQ(Add(opened->journal).error().code, ErrorCode::kTooLarge);
  const auto again = Journal::Open(path_, most);
  ASSERT_TRUE(again) << again.error().ToString();
  EXPECT_EQ(again->records.size(), 4u);
  EXPECT_EQ(again->damage, Damage::kNone);
}

}  // namespace
}  // namespace prov::exec
