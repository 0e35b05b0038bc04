// The journal's file over tests/vectors/exec/journal.json, made by another implementation.
#include <fstream>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "exec/journal.hpp"
#include "support/temporary_directory.hpp"
#include "support/vectors.hpp"

namespace prov::exec {
namespace {

using boost::json::value;

std::string BytesAt(const value& row, std::string_view member = "hex") {
  return HexDecode(test::TextAt(row, member)).value();
}

class JournalVectors : public testing::Test {
 protected:
  Result<OpenedJournal> Opened(const std::string& bytes) const {
    std::filesystem::remove(path_);
    std::ofstream(path_, std::ios::binary) << bytes;
    return Journal::Open(path_);
  }
  std::string OnDisk() const { return HexEncode(ReadFile(path_, 1 << 20).value()); }

  // What may follow: everything where the file is whole or was cut, nothing where it is corrupt.
  void ExpectGoesOn(OpenedJournal& opened, const std::string& whole) const {
    opened.journal.Append(boost::json::object{});
    if (opened.damage == Damage::kCorrupt) {
      EXPECT_FALSE(opened.journal.Sync());
      return;
    }
    EXPECT_EQ(OnDisk(), HexEncode(whole));
    ASSERT_TRUE(opened.journal.Sync());
    EXPECT_TRUE(OnDisk().starts_with(HexEncode(whole)));
    EXPECT_EQ(Journal::Open(path_).value().damage, Damage::kNone);
  }

  const value vectors_ = test::Vectors("exec/journal.json");
  const Uuid epoch_ = Uuid::Parse(test::TextAt(vectors_, "epoch")).value();
  const test::TemporaryDirectory directory_;
  const Path path_ = directory_.path() / "journal";
};

TEST_F(JournalVectors, Files_AreReadAsFarAsTheyAreWhole_AndGoOnOrNot) {
  const std::map<std::string, Damage> damages = {
      {"none", Damage::kNone}, {"truncated", Damage::kTruncated}, {"corrupt", Damage::kCorrupt}};
  for (const auto& row : test::RowsAt(vectors_, "files")) {
    SCOPED_TRACE(test::TextAt(row, "name"));
    const auto bytes = BytesAt(row);
    auto opened = Opened(bytes);
    ASSERT_TRUE(opened) << opened.error().ToString();
    EXPECT_EQ(opened->journal.epoch(), epoch_);
    EXPECT_EQ(opened->damage, damages.at(test::TextAt(row, "damage")));
    const auto unread = row.at("unread_bytes").to_number<std::size_t>();
    EXPECT_EQ(opened->unread_bytes, unread);
    boost::json::array records;
    for (const auto& record : opened->records)
      records.push_back({{"sequence", record.sequence}, {"payload", record.payload}});
    EXPECT_EQ(value(records), row.at("records"));
    ExpectGoesOn(*opened, bytes.substr(0, bytes.size() - unread));
  }
}

TEST_F(JournalVectors, WhatIsWrittenHere_IsTheVectorByteForByte) {
  int written = 0;
  for (const auto& row : test::RowsAt(vectors_, "files")) {
    const auto& records = row.at("records").as_array();
    const bool first = records.empty() || records[0].at("sequence").to_number<int>() == 1;
    if (test::TextAt(row, "damage") != "none" || !first) continue;
    SCOPED_TRACE(test::TextAt(row, "name"));
    std::filesystem::remove(path_);
    auto journal = Journal::Begin(path_, epoch_);
    for (const auto& record : records) journal.Append(record.at("payload"));
    ASSERT_TRUE(journal.Sync());
    EXPECT_EQ(OnDisk(), test::TextAt(row, "hex"));
    struct stat found{};
    ASSERT_EQ(stat(path_.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777, 0600U);
    ++written;
  }
  EXPECT_GE(written, 3);
}

TEST_F(JournalVectors, Compaction_IsTheVectorByteForByte) {
  const auto& vector = vectors_.at("compaction");
  auto opened = Opened(BytesAt(vector));
  ASSERT_TRUE(opened) << opened.error().ToString();
  const auto& kept = vector.at("kept").as_array();
  ASSERT_TRUE(opened->journal.Compact({kept.begin(), kept.end()}));
  EXPECT_EQ(OnDisk(), test::TextAt(vector, "compacted_hex"));
}

TEST_F(JournalVectors, AFileWithAnotherHeader_IsNone) {
  for (const auto& row : test::RowsAt(vectors_, "refused")) {
    SCOPED_TRACE(test::TextAt(row, "name"));
    test::ExpectRefused(Opened(BytesAt(row)), row);
  }
}

}  // namespace
}  // namespace prov::exec
