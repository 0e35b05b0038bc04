#include "exec/log_frames.hpp"

#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "base/sha256.hpp"
#include "support/temporary_directory.hpp"

namespace prov::exec {
namespace {

TEST(LogFrames_Read, LogFrames_CutAtEveryLength_RecoverAPrefix) {
  std::string bytes;
  std::vector<std::size_t> ends{0};
  for (std::uint64_t i = 1; i <= 3; ++i) {
    AppendFrame(bytes, {i, WallTime{Millis{1000 + i}}, Stream::kErr, "line\n"});
    ends.push_back(bytes.size());
  }
  for (std::size_t length = 0; length <= bytes.size(); ++length) {
    const auto read = ParseFrames(std::string_view(bytes).substr(0, length));
    std::size_t whole = 0;
    while (whole < 3 && ends[whole + 1] <= length) ++whole;
    EXPECT_EQ(read.frames.size(), whole);
    EXPECT_EQ(read.consumed, ends[whole]);
    EXPECT_EQ(read.end, ends[whole] == length ? RecordState::kEnd : RecordState::kTruncated);
  }
}

TEST(LogFrames_Read, LogFrames_OneSkipped_IsCorrupt) {
  std::string bytes;
  AppendFrame(bytes, {1, {}, Stream::kOut, "a\n"});
  AppendFrame(bytes, {3, {}, Stream::kOut, "c\n"});
  const auto read = ParseFrames(bytes);
  EXPECT_EQ(read.frames.size(), 1u);
  EXPECT_EQ(read.end, RecordState::kCorrupt);
}

TEST(LogWriter, LogWriter_BeyondTheLimit_KeepsHeadAndTailAndCountsTheRest) {
  test::TemporaryDirectory directory;
  FakeClock clock;
  auto writer = LogWriter::Create(directory.path() / "log", {.bytes = 60, .tail = 20}, clock);
  ASSERT_TRUE(writer);
  std::uint64_t given = 0;
  for (int i = 10; i < 60; ++i) {
    const auto line = "line " + std::to_string(i) + "\n";
    given += line.size();
    writer->Add(Stream::kOut, line);
    writer->Flush();
  }
  auto totals = writer->Finish();
  ASSERT_TRUE(totals);
  const auto read = ParseFrames(*ReadFile(directory.path() / "log", 1 << 20));
  EXPECT_EQ(read.end, RecordState::kEnd);
  std::string text;
  std::uint64_t kept = 0;
  for (const auto& frame : read.frames) {
    text += frame.bytes;
    if (frame.stream != Stream::kNotice) kept += frame.bytes.size();
  }
  EXPECT_TRUE(text.starts_with("line 10\nline 11\n")) << text;
  EXPECT_TRUE(text.ends_with("line 58\nline 59\n")) << text;
  EXPECT_EQ(kept + totals->dropped_bytes, given);
  EXPECT_EQ(text.size(), totals->bytes);
}

class LogWriterContinued : public ::testing::Test {
 protected:
  // Two lines, as a run before a reboot leaves them.
  void SetUp() override {
    auto writer = LogWriter::Create(path_, {}, clock_);
    writer->Add(Stream::kOut, "one\ntwo\n");
    writer->Flush();
    writer->Add(Stream::kErr, "three\n");
    ASSERT_TRUE(writer->Finish());
    before_ = *ReadFile(path_, 1 << 20);
  }

  test::TemporaryDirectory directory_;
  Path path_ = directory_.path() / "log";
  FakeClock clock_;
  std::string before_;
};

TEST_F(LogWriterContinued, EndsAsOneThatWasNeverClosed) {
  auto continued = LogWriter::Continue(path_, {}, clock_, 7);
  ASSERT_TRUE(continued) << continued.error().ToString();
  continued->Add(Stream::kOut, "four\n");
  const auto totals = continued->Finish();
  ASSERT_TRUE(totals);
  EXPECT_EQ(totals->lines, 4u);
  EXPECT_EQ(totals->bytes, 19u);
  EXPECT_EQ(totals->dropped_bytes, 7u);
  EXPECT_EQ(totals->sha256, HexEncode(Sha256("one\ntwo\nthree\nfour\n")));
  const auto read = ParseFrames(*ReadFile(path_, 1 << 20));
  EXPECT_EQ(read.end, RecordState::kEnd);
  ASSERT_EQ(read.frames.size(), 3u);
  EXPECT_EQ(read.frames[2].bytes, "four\n");
}

TEST_F(LogWriterContinued, CutAtEveryLength_GoesOnBehindTheLastWholeFrame) {
  for (std::size_t length = 0; length <= before_.size(); ++length) {
    ASSERT_TRUE(WriteFileAtomically(path_, before_.substr(0, length), 0600));
    const auto whole = ParseFrames(before_.substr(0, length)).frames.size();
    auto continued = LogWriter::Continue(path_, {}, clock_, 0);
    ASSERT_TRUE(continued) << continued.error().ToString();
    continued->Add(Stream::kOut, "four\n");
    ASSERT_TRUE(continued->Finish());
    const auto read = ParseFrames(*ReadFile(path_, 1 << 20));
    EXPECT_EQ(read.end, RecordState::kEnd);
    EXPECT_EQ(read.frames.size(), whole + 1) << length;
  }
}

TEST_F(LogWriterContinued, OverManyFrames_CountsAll) {
  auto writer = LogWriter::Continue(path_, {}, clock_, 0);
  for (int i = 0; i < 100; ++i) {
    writer->Add(Stream::kOut, std::string(kLargestFrame - 1, 'x') + "\n");
    writer->Flush();
  }
  ASSERT_TRUE(writer->Finish());
  auto continued = LogWriter::Continue(path_, {}, clock_, 0);
  ASSERT_TRUE(continued) << continued.error().ToString();
  const auto totals = continued->Finish();
  ASSERT_TRUE(totals);
  EXPECT_EQ(totals->lines, 103u);
  EXPECT_EQ(totals->bytes, 14 + 100 * kLargestFrame);
}

TEST_F(LogWriterContinued, Damaged_IsRefusedAndLeftAsItIs) {
  auto damaged = before_;
  damaged[damaged.size() / 2] ^= 1;
  ASSERT_TRUE(WriteFileAtomically(path_, damaged, 0600));
  const auto continued = LogWriter::Continue(path_, {}, clock_, 0);
  ASSERT_FALSE(continued);
  EXPECT_EQ(continued.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(*ReadFile(path_, 1 << 20), damaged);
}

}  // namespace
}  // namespace prov::exec
