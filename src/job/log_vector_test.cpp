// Log frames, chunks and lines over tests/vectors/job/log.json, made by another implementation.
#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "job/log_chunk.hpp"
#include "job/log_lines_fixture_test.hpp"
#include "support/vectors.hpp"

namespace prov::job {

void PrintTo(const LogFrame& frame, std::ostream* to) {
  *to << frame.sequence << ' ' << HexEncode(frame.bytes).substr(0, 100);
}

namespace {

using boost::json::value;

boost::json::array Vectors(std::string_view of) {
  return test::RowsAt(test::Vectors("job/log.json"), of);
}

std::string Bytes(const value& of, std::string_view member = "hex") {
  return HexDecode(of.at(member).as_string()).value();
}
std::string Content(const value& of) {
  const auto* fill = of.as_object().if_contains("fill");
  return std::string(fill ? fill->to_number<std::size_t>() : 0, 'x') + Bytes(of);
}
WallTime TimeOf(const value& of) {
  return WallTime{Millis{of.at("time").to_number<std::int64_t>()}};
}
Stream StreamOf(const value& of) { return static_cast<Stream>(of.at("stream").to_number<int>()); }

std::vector<LogFrame> FramesOf(const value& vector) {
  std::vector<LogFrame> frames;
  for (const auto& each : vector.at("frames").as_array()) {
    frames.push_back({each.at("sequence").to_number<std::uint64_t>(), TimeOf(each), StreamOf(each),
                      Content(each)});
  }
  return frames;
}

TEST(LogVectors, Frames_AreReadAsFarAsTheyAreWhole_AndWrittenAgain) {
  const std::map<std::string_view, RecordState> ends = {{"end", RecordState::kEnd},
                                                        {"truncated", RecordState::kTruncated},
                                                        {"corrupt", RecordState::kCorrupt}};
  for (const auto& vector : Vectors("frames")) {
    SCOPED_TRACE(vector.at("name").as_string());
    const auto bytes = Bytes(vector);
    const auto read = ParseFrames(bytes, vector.at("first").to_number<std::uint64_t>());
    EXPECT_EQ(read.frames, FramesOf(vector));
    EXPECT_EQ(read.end, ends.at(vector.at("end").as_string()));
    std::string again;
    for (const auto& frame : read.frames) AppendFrame(again, frame);
    EXPECT_EQ(HexEncode(again), HexEncode(bytes.substr(0, read.consumed)));
  }
}

TEST(LogVectors, Chunks_AreUnpackedOrRefused_AsTheyTravelAndAsTheyAreStored) {
  for (const auto& vector : Vectors("chunks")) {
    SCOPED_TRACE(vector.at("name").as_string());
    const auto raw_size = vector.at("raw_size").to_number<std::uint64_t>();
    const auto packed = Bytes(vector);
    const auto stored = Bytes(vector, "stored_hex");
    EXPECT_EQ(HexEncode(EncodeStored(packed, raw_size)), HexEncode(stored));
    for (const auto& read : {UnpackFrames(packed, raw_size), DecodeStored(stored)}) {
      ASSERT_EQ(read.has_value(), !vector.at("frames").is_null());
      if (read) EXPECT_EQ(*read, FramesOf(vector));
    }
  }
}

TEST(LogVectors, Lines_AreSplitAndCountedByTheOneRule) {
  for (const auto& vector : Vectors("lines")) {
    SCOPED_TRACE(vector.at("name").as_string());
    std::vector<LogLine> expected;
    for (const auto& line : vector.at("lines").as_array()) {
      expected.push_back({TimeOf(line), StreamOf(line), Content(line), line.at("ended").as_bool()});
    }
    const auto frames = FramesOf(vector);
    EXPECT_EQ(LinesOf(frames), expected);
    EXPECT_EQ(CountLines(frames), expected.size());
  }
}

}  // namespace
}  // namespace prov::job
