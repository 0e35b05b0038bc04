#include "exec/log_frames.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace prov::exec
