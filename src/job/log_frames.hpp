// The frames of a log (docs/formats/log-frames.md): masked bytes, each frame with its sequence,
// time and stream. Written by the agent's runner, read by agent and panel. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "job/framing.hpp"

namespace prov::job {

enum class Stream : std::uint8_t {
  kOut = 1,
  kErr = 2,
  kNotice = 3
};  // kNotice: the platform's own

struct LogFrame {
  std::uint64_t sequence = 0;  // from 1, without a gap
  WallTime time{};
  Stream stream = Stream::kOut;
  std::string bytes;
  bool operator==(const LogFrame&) const = default;
};

void AppendFrame(std::string& to, const LogFrame& frame);

struct ReadFrames {
  std::vector<LogFrame> frames;
  std::size_t consumed = 0;  // bytes of whole frames
  RecordState end = RecordState::kEnd;
};
// Whole frames from the start of `bytes`; the first must have `first_sequence`. A partial frame at
// the end is kTruncated: when following a growing log, read on from `consumed`.
ReadFrames ParseFrames(std::string_view bytes, std::uint64_t first_sequence = 1);

}  // namespace prov::job
