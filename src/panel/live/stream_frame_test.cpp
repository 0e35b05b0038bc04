#include "panel/live/stream_frame.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/json.hpp"
#include "base/random.hpp"
#include "job/log_chunk.hpp"
#include "support/stream_frames.hpp"

namespace prov::panel {
namespace {

using namespace std::string_literals;

store::LogChunk Chunk(std::uint64_t first, std::uint64_t count, const std::string& text) {
  std::string raw;
  job::AppendFrame(raw, {1, WallTime{Millis{1'800'000'000'000}}, job::Stream::kOut, text});
  return {first, count, job::EncodeStored(*job::PackFrames(raw), raw.size())};
}

store::Change ChangeOf(std::uint64_t seq, std::uint32_t attempt, const std::string& text = "",
                       std::uint64_t first = 1) {
  store::Change change;
  change.seq = seq;
  change.attempt = attempt;
  change.status = job::Status::kRunning;
  const auto lines = static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
  if (!text.empty()) change.log = Chunk(first, lines, text);
  return change;
}

std::string Numbered(int first, int count) {
  std::string text;
  for (int i = first; i < first + count; ++i) text += fmt::format("line {}\n", i);
  return text;
}

TEST(StreamFrame, FrameMaker_SeveralChanges_AreOneFrameWithTheIdOfTheLast) {
  auto last = ChangeOf(3, 1, "b\n", 2);
  last.progress = 40;
  const auto frames = test::FramesAfter({ChangeOf(1, 1), ChangeOf(2, 1, "a\n"), last}, {});
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(FormatPosition(frames[0].position), "3");
  EXPECT_EQ(frames[0].output, "a\nb\n");
  ASSERT_EQ(frames[0].lines.size(), 2u);
  EXPECT_EQ(frames[0].lines[1].n, 2u);
  EXPECT_EQ(frames[0].state.progress, 40u);
}

TEST(StreamFrame, FrameMaker_AnotherAttempt_BeginsAFrame) {
  const auto frames = test::FramesAfter(
      {ChangeOf(1, 0), ChangeOf(2, 1, "a\n"), ChangeOf(3, 1), ChangeOf(4, 2, "a\n")}, {});
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[0].position, (StreamPosition{1, 0}));
  EXPECT_EQ(frames[1].position, (StreamPosition{3, 0}));
  EXPECT_EQ(frames[1].state.attempt, 1u);
  EXPECT_EQ(frames[2].state.attempt, 2u);
  EXPECT_EQ(frames[2].lines[0].n, 1u);
}

TEST(StreamFrame, FrameMaker_OneChangeTooLargeForAFrame_ResumesWithinIt) {
  const std::vector<store::Change> changes{ChangeOf(1, 1, "first\n"),
                                           ChangeOf(2, 1, Numbered(2, 2500), 2),
                                           ChangeOf(3, 1, "last\n", 2502)};
  const auto whole = test::FramesAfter(changes, {});
  ASSERT_EQ(whole.size(), 3u);
  EXPECT_EQ(FormatPosition(whole[0].position), "1.999");
  std::string all;
  for (const auto& frame : whole) all += frame.output;
  EXPECT_EQ(all, "first\n" + Numbered(2, 2500) + "last\n");
  std::string read;
  for (const auto& frame : whole) {
    read += frame.output;
    const auto resumed = ParsePosition(FormatPosition(frame.position));
    ASSERT_TRUE(resumed);
    std::string rest;
    std::uint64_t n = frame.lines.back().n;
    for (const auto& later : test::FramesAfter(changes, *resumed)) {
      rest += later.output;
      for (const auto& line : later.lines) EXPECT_EQ(line.n, ++n);
    }
    EXPECT_EQ(read + rest, all);
  }
}

TEST(StreamFrame, FrameMaker_LongLines_KeepFramesSmall) {
  std::string text;
  for (int i = 0; i < 4; ++i) text += std::string(60'000, '\x01') + "\n";
  for (const auto& frame : test::FramesAfter({ChangeOf(1, 1, text)}, {}))
    EXPECT_LT(FrameJson(frame, {}).size(), std::size_t{1} << 20);
}

TEST(StreamFrame, StreamFrame_HtmlAndEscapeSequences_AreInertInItsJson) {
  const std::string text = "\x1b[31m</script><img src=x onerror=alert(1)>\r\0id: 9\n"s;
  const auto frames = test::FramesAfter({ChangeOf(1, 1, text)}, {});
  const auto data = FrameJson(frames.at(0), {});
  for (const char c : data) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
  EXPECT_EQ(boost::json::parse(data).at("output").as_string(), text);
}

TEST(StreamFrame, StreamFrame_Members_AreAlwaysThere) {
  EXPECT_EQ(FrameJson(test::FramesAfter({ChangeOf(1, 0)}, {}).at(0), {}),
            R"({"seq":1,"status":"running","attempt":0,"progress":null,"message":null,)"
            R"("output":"","lines":[]})");
}

TEST(StreamFrame, Position_HasOneSpelling) {
  EXPECT_EQ(ParsePosition("12"), (StreamPosition{12, 0}));
  EXPECT_EQ(ParsePosition("12.7"), (StreamPosition{12, 7}));
  for (const std::string_view bad :
       {"", "-1", "+1", " 1", "1 ", "01", "1.", "1.0", "1.01", ".1", "1.2.3", "0x1", "1e3",
        "99999999999999999999", "9999999999999999", "1\n2"}) {
    EXPECT_FALSE(ParsePosition(bad)) << bad;
  }
}

TEST(StreamFrame, Positions_RoundTrip_AndWhatIsNotOneIsRefused) {
  FakeClock clock;
  FakeRandom random;
  std::vector<JobPosition> positions;
  for (std::uint64_t i = 0; i < 100; ++i)
    positions.push_back({Uuid::MakeV7(clock, random), {i * 1'000'003, i}});
  const auto text = FormatPositions(positions);
  EXPECT_LE(text.size(), 4096u);
  EXPECT_EQ(ParsePositions(text), positions);
  EXPECT_EQ(ParsePositions(FormatPositions({})), std::vector<JobPosition>{});
  const auto few = FormatPositions({positions.begin(), positions.begin() + 3});
  std::size_t accepted = 0;
  for (std::size_t length = 0; length < few.size(); ++length)
    accepted += ParsePositions(few.substr(0, length)) ? 1 : 0;
  EXPECT_LE(accepted, 3u);  // only where a whole entry ends
  for (const std::string_view bad : {"", "!", "AA", "Ag", "AQ==", "12", "null"})
    EXPECT_FALSE(ParsePositions(bad)) << bad;
}

}  // namespace
}  // namespace prov::panel
