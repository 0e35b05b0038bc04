#include "job/log_lines.hpp"

#include <gtest/gtest.h>

#include "job/log_lines_fixture_test.hpp"
#include "support/allocated.hpp"

namespace prov::job {
namespace {

LogFrame Frame(Stream stream, std::string bytes, int at = 0) {
  return {1, WallTime{Millis{at}}, stream, std::move(bytes)};
}

TEST(LogLines, LogLines_SeveralInAFrame_AreSplitAtTheirNewlines) {
  const std::vector<LogFrame> frames{Frame(Stream::kOut, "a\n\nb\n", 5)};
  const auto lines = LinesOf(frames);
  EXPECT_EQ(lines, (std::vector<LogLine>{{WallTime{Millis{5}}, Stream::kOut, "a", true},
                                         {WallTime{Millis{5}}, Stream::kOut, "", true},
                                         {WallTime{Millis{5}}, Stream::kOut, "b", true}}));
  EXPECT_EQ(CountLines(frames), 3u);
}

TEST(LogLines, LogLines_PiecesOfAStream_AreJoinedAcrossTheOtherOne) {
  const auto lines =
      LinesOf({Frame(Stream::kOut, "one ", 1), Frame(Stream::kErr, "warning\n", 2),
               Frame(Stream::kOut, "line\nthen", 3), Frame(Stream::kNotice, "cut", 4)});
  EXPECT_EQ(lines, (std::vector<LogLine>{{WallTime{Millis{2}}, Stream::kErr, "warning", true},
                                         {WallTime{Millis{1}}, Stream::kOut, "one line", true},
                                         {WallTime{Millis{3}}, Stream::kOut, "then", false},
                                         {WallTime{Millis{4}}, Stream::kNotice, "cut", false}}));
}

TEST(LogLines, LogLines_LongerThanTheLongest_AreCutButNotWithinACharacter) {
  std::string text(kLongestShownLine - 1, 'x');
  text += "\xe2\x82\xac";  // would straddle the cut
  text += std::string(2 * kLongestShownLine, 'y');
  std::vector<LogFrame> frames;
  for (std::size_t at = 0; at < text.size(); at += 1000)
    frames.push_back(Frame(Stream::kOut, text.substr(at, 1000)));
  frames.push_back(Frame(Stream::kOut, "\n"));
  const auto lines = LinesOf(frames);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[0].text, std::string(kLongestShownLine - 1, 'x'));
  EXPECT_TRUE(lines[1].text.starts_with("\xe2\x82\xac"));
  std::string joined;
  for (const auto& line : lines) {
    EXPECT_LE(line.text.size(), kLongestShownLine);
    EXPECT_EQ(line.ended, &line == &lines.back());
    joined += line.text;
  }
  EXPECT_EQ(joined, text);
  EXPECT_EQ(CountLines(frames), lines.size());
}

TEST(LogLines, LogLines_BytesThatAreNoUtf8_AreCutAllTheSame) {
  const auto lines = LinesOf({Frame(Stream::kOut, std::string(kLongestShownLine + 7, '\x80'))});
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].text.size(), kLongestShownLine);
  EXPECT_EQ(lines[1].text.size(), 7u);
}

TEST(LogLines, LogLines_NothingOrEmptyFrames_AreNoLines) {
  EXPECT_EQ(CountLines({}), 0u);
  EXPECT_EQ(CountLines(std::vector<LogFrame>{Frame(Stream::kOut, ""), Frame(Stream::kErr, "")}),
            0u);
}

// As many lines as bytes: held all at once, they took some 60 times their size.
TEST(LogLines, LogLines_OfBareNewlines_TakeNoMemoryButTheirOwn) {
  const std::vector<LogFrame> frames{Frame(Stream::kOut, std::string(1 << 20, '\n'))};
  const auto before = test::AllocatedBytes();
  LineReader reader(frames);
  std::size_t lines = 0;
  std::size_t most = before;
  for (; reader.Next(); ++lines) {
    if (lines % 1024 == 0) most = std::max(most, test::AllocatedBytes());
  }
  EXPECT_EQ(lines, std::size_t{1} << 20);
  EXPECT_LT(most - before, std::size_t{64} << 10);
}

}  // namespace
}  // namespace prov::job
