#include "job/log_frames.hpp"

namespace prov::job {
namespace {

constexpr std::size_t kFrameHead = 9;  // i64 milliseconds since 1970, u8 stream

}  // namespace

void AppendFrame(std::string& to, const LogFrame& frame) {
  std::string body;
  body.reserve(kFrameHead + frame.bytes.size());
  PutU64(body, static_cast<std::uint64_t>(frame.time.time_since_epoch().count()));
  body.push_back(static_cast<char>(frame.stream));
  body += frame.bytes;
  AppendRecord(to, frame.sequence, body);
}

ReadFrames ParseFrames(std::string_view bytes, std::uint64_t first_sequence) {
  ReadFrames read;
  RecordReader reader(bytes, first_sequence);
  std::string_view body;
  while ((read.end = reader.Next(body)) == RecordState::kWhole) {
    const auto stream = body.size() < kFrameHead ? 0 : static_cast<unsigned char>(body[8]);
    if (stream < 1 || stream > 3) {
      read.end = RecordState::kCorrupt;
      break;
    }
    read.frames.push_back({reader.next_sequence() - 1,
                           WallTime{Millis{static_cast<std::int64_t>(GetU64(body))}},
                           static_cast<Stream>(stream), std::string(body.substr(kFrameHead))});
    read.consumed = reader.offset();
  }
  return read;
}

}  // namespace prov::job
