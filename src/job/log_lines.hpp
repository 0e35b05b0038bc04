// The lines of a log chunk: the one rule by which the agent counts what it reports (`first` and
// `lines` of a log event) and the panel numbers what it shows. Pure and thread-safe.
//
// A chunk stands for itself. A line may come in pieces over several frames of its stream, with
// frames of other streams between; it stands where it ended. It ends at a newline, at the end of
// the chunk, and after kLongestShownLine bytes (not within a UTF-8 sequence): then what follows is
// a line of its own.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

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

// One line after another, of frames that outlive it; of all the lines it holds only what has not
// ended, since a chunk of bare newlines has as many lines as bytes.
class LineReader {
 public:
  explicit LineReader(std::span<const LogFrame> frames) : frames_(frames) {}
  std::optional<LogLine> Next();

 private:
  struct Side {
    WallTime time{};
    std::string text;
    bool open = false;
  };
  void TakePiece(Side& side);
  std::optional<LogLine> NextRest();

  std::span<const LogFrame> frames_;
  std::size_t frame_ = 0;
  std::size_t offset_ = 0;   // within the frame: what is before it was taken
  bool at_newline_ = false;  // the piece taken last ended with one
  std::array<Side, 3> sides_;
};

// How many lines LineReader gives.
std::uint64_t CountLines(std::span<const LogFrame> frames);

}  // namespace prov::job
