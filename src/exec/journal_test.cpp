#include "exec/journal.hpp"

#include <fstream>

#include <gtest/gtest.h>

#include "support/temporary_directory.hpp"

namespace prov::exec {
namespace {

const Uuid kEpoch = *Uuid::Parse("018f0000-0000-7000-8000-000000000001");

void Put(const Path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

class JournalTest : public ::testing::Test {
 protected:
  // Three records, and where each ends in the file.
  void SetUp() override {
    auto journal = Journal::Create(path_, kEpoch);
    ASSERT_TRUE(journal);
    ends_.push_back(journal->size());
    for (const char* type : {"received", "started", "exited"}) {
      journal->Append(boost::json::object{{"type", type}});
      ASSERT_TRUE(journal->Sync());
      ends_.push_back(journal->size());
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

TEST_F(JournalTest, Journal_CreatedTwice_IsAConflict) {
  auto second = Journal::Create(path_, kEpoch);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
}

}  // namespace
}  // namespace prov::exec
