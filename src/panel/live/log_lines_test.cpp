#include "panel/live/log_lines.hpp"

#include <gtest/gtest.h>

#include "job/log_chunk.hpp"
#include "panel/live/stream_frame.hpp"
#include "support/allocated.hpp"

namespace prov::panel {
namespace {

store::LogChunk Chunk(std::uint64_t first, std::uint64_t count,
                      const std::vector<job::LogFrame>& frames) {
  std::string raw;
  for (const auto& frame : frames) job::AppendFrame(raw, frame);
  return {first, count, job::EncodeStored(*job::PackFrames(raw), raw.size())};
}

std::vector<ShownLine> ShownLines(const store::LogChunk& chunk) {
  std::vector<ShownLine> lines;
  ShownLineReader reader(chunk);
  while (auto line = reader.Next()) lines.push_back(std::move(*line));
  return lines;
}

constexpr WallTime kTime{Millis{1'800'000'000'000}};

TEST(LogLines, ShownLines_OfAChunk_AreNumberedFromItsFirst) {
  const auto chunk = Chunk(
      7, 3,
      {{4, kTime, job::Stream::kOut, "a\nb\n"}, {5, kTime, job::Stream::kNotice, "cut here"}});
  EXPECT_EQ(ShownLines(chunk), (std::vector<ShownLine>{{7, kTime, false, "a", true},
                                                       {8, kTime, false, "b", true},
                                                       {9, kTime, true, "cut here", false}}));
}

TEST(LogLines, ShownLines_NotUtf8_HaveReplacementCharacters) {
  const auto lines =
      ShownLines(Chunk(1, 1, {{1, kTime, job::Stream::kOut, "a\xff\xc3\x28\xed\xa0\x80z\n"}}));
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].text, "a\xEF\xBF\xBD\xEF\xBF\xBD(\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz");
}

TEST(LogLines, ShownLines_OfBytesThatAreDamaged_EachSaySo) {
  const auto good = Chunk(1, 1, {{1, kTime, job::Stream::kOut, "x\n"}}).bytes;
  for (const auto& bytes : {std::string(), std::string("\xff\xff\xff\xffzzzz"), good + "!"}) {
    const auto lines = ShownLines({12, 40, bytes});
    ASSERT_EQ(lines.size(), 40u);
    EXPECT_EQ(lines.front().n, 12u);
    EXPECT_EQ(lines.back().n, 51u);
    EXPECT_TRUE(lines.back().error);
    EXPECT_NE(lines.back().text.find("cannot be read"), std::string::npos);
  }
}

TEST(LogLines, ShownLines_MoreThanTheChunkClaims_DoNotRunIntoTheNextOnes) {
  const auto lines = ShownLines(Chunk(5, 2, {{1, kTime, job::Stream::kOut, "a\nb\nc\nd\n"}}));
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[1].n, 6u);
  EXPECT_EQ(lines[3].n, 6u);
}

TEST(LogLines, ShownLines_OfAnyTime_CanBeWritten) {
  for (const auto ms : {std::numeric_limits<std::int64_t>::min(), std::int64_t{-1},
                        std::numeric_limits<std::int64_t>::max()}) {
    const auto lines = ShownLines(Chunk(1, 1, {{1, WallTime{Millis{ms}}, job::Stream::kOut, "x"}}));
    EXPECT_TRUE(ParseTime(FormatTime(lines.at(0).time)));
  }
}

// A reader of such a chunk, which travels as some hundred bytes, cost the panel 64 MB.
TEST(LogLines, ShownLines_OfBareNewlines_TakeLittleMoreThanTheirBytes) {
  constexpr std::size_t kBytes = 1'000'000;
  store::Change change;
  change.seq = 7;
  change.log = Chunk(1, kBytes, {{1, kTime, job::Stream::kOut, std::string(kBytes, '\n')}});
  const auto before = test::AllocatedBytes();
  FrameMaker maker({});
  maker.Load(change);
  std::size_t lines = 0;
  std::size_t most = before;
  while (const auto frame = maker.Next()) {
    lines += frame->lines.size();
    most = std::max(most, test::AllocatedBytes());
  }
  EXPECT_EQ(lines, kBytes);
  EXPECT_LT(most - before, 2 * kBytes);
}

TEST(LogLines, ShownLines_Skipped_AreThoseThereAre) {
  const auto chunk = Chunk(5, 3, {{1, kTime, job::Stream::kOut, "a\nb\nc\n"}});
  ShownLineReader reader(chunk);
  EXPECT_TRUE(reader.Skip(0));
  EXPECT_TRUE(reader.Skip(2));
  EXPECT_EQ(reader.Next()->n, 7u);
  EXPECT_FALSE(reader.Skip(1));
  EXPECT_FALSE(ShownLineReader(chunk).Skip(4));
}

}  // namespace
}  // namespace prov::panel
