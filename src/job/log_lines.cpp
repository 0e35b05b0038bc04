#include "job/log_lines.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace prov::job {
namespace {

// Where to cut `text`, which is longer than `limit`, so that no UTF-8 sequence is torn.
std::size_t CutAt(std::string_view text, std::size_t limit) {
  std::size_t at = limit;
  while (at > limit - 4 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return at > limit - 4 ? at : limit;  // bytes that are no UTF-8 are cut anywhere
}

// As LineReader counts them, without making a text of each; nothing where one is so long that it is
// cut.
std::optional<std::uint64_t> CountShortLines(std::span<const LogFrame> frames) {
  std::uint64_t count = 0;
  std::array<std::size_t, 3> open{};  // the length of each stream's unfinished line
  for (const auto& frame : frames) {
    auto& length = open[static_cast<std::size_t>(frame.stream) - 1];
    std::string_view rest = frame.bytes;
    for (auto end = rest.find('\n'); end != rest.npos; end = rest.find('\n')) {
      if (length + end > kLongestShownLine) return std::nullopt;
      ++count;
      length = 0;
      rest.remove_prefix(end + 1);
    }
    length += rest.size();
    if (length > kLongestShownLine) return std::nullopt;
  }
  return count + static_cast<std::uint64_t>(
                     std::ranges::count_if(open, [](auto length) { return length > 0; }));
}

}  // namespace

std::optional<LogLine> LineReader::Next() {
  while (frame_ < frames_.size()) {
    const auto& frame = frames_[frame_];
    auto& side = sides_[static_cast<std::size_t>(frame.stream) - 1];
    if (side.text.size() > kLongestShownLine) {
      const auto at = CutAt(side.text, kLongestShownLine);
      LogLine line{side.time, frame.stream, side.text.substr(0, at), false};
      side.text.erase(0, at);
      side.time = frame.time;
      return line;
    }
    if (std::exchange(at_newline_, false)) {
      side.open = false;
      return LogLine{side.time, frame.stream, std::exchange(side.text, {}), true};
    }
    if (offset_ < frame.bytes.size()) {
      TakePiece(side);
    } else {
      ++frame_;
      offset_ = 0;
    }
  }
  return NextRest();
}

// What is left of the frame, up to its next newline.
void LineReader::TakePiece(Side& side) {
  const auto& frame = frames_[frame_];
  const auto rest = std::string_view(frame.bytes).substr(offset_);
  const auto newline = rest.find('\n');
  if (side.text.empty()) side.time = frame.time;
  side.text.append(rest.substr(0, newline));
  side.open = true;
  at_newline_ = newline != rest.npos;
  offset_ = at_newline_ ? offset_ + newline + 1 : frame.bytes.size();
}

// What the chunk's end ended.
std::optional<LogLine> LineReader::NextRest() {
  for (std::size_t i = 0; i < sides_.size(); ++i) {
    auto& side = sides_[i];
    if (!std::exchange(side.open, false)) continue;
    return LogLine{side.time, static_cast<Stream>(i + 1), std::exchange(side.text, {}), false};
  }
  return std::nullopt;
}

std::uint64_t CountLines(std::span<const LogFrame> frames) {
  if (const auto count = CountShortLines(frames)) return *count;
  std::uint64_t count = 0;
  LineReader lines(frames);
  while (lines.Next()) ++count;
  return count;
}

}  // namespace prov::job
