// The lines of a log chunk: the one rule by which the agent counts what it reports (`first` and
// `lines` of a log event) and the panel numbers what it shows. Pure and thread-safe.
//
// A chunk stands for itself. A line may come in pieces over several frames of its stream, with
// frames of other streams between; it stands where it ended. It ends at a newline, at the end of
// the chunk, and after kLongestShownLine bytes (not within a UTF-8 sequence): then what follows is
// a line of its own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "job/log_frames.hpp"

namespace prov::job {

inline constexpr std::size_t kLongestShownLine = 64 * 1024;

struct LogLine {
  WallTime time{};  // of the frame its first byte was in
  Stream stream = Stream::kOut;
  std::string text;   // any bytes but a newline
  bool ended = true;  // by a newline
  bool operator==(const LogLine&) const = default;
};

std::vector<LogLine> SplitLines(const std::vector<LogFrame>& frames);
// SplitLines(frames).size()
std::uint64_t CountLines(const std::vector<LogFrame>& frames);

}  // namespace prov::job
