#include "panel/live/log_lines.hpp"

#include <algorithm>

#include "base/encoding.hpp"
#include "job/event.hpp"
#include "job/log_chunk.hpp"

namespace prov::panel {
namespace {

constexpr WallTime kLastTime{Millis{253'402'300'799'999}};  // 9999-12-31T23:59:59.999Z

}  // namespace

ShownLineReader::ShownLineReader(const store::LogChunk& chunk)
    : next_(chunk.first_line),
      last_(chunk.first_line +
            std::clamp<std::uint64_t>(chunk.line_count, 1, job::kMaxLogChunkBytes) - 1) {
  auto frames = job::DecodeStored(chunk.bytes);
  damaged_ = !frames;
  if (frames) frames_ = std::move(*frames);
  lines_ = job::LineReader(frames_);
}

std::optional<ShownLine> ShownLineReader::Next() {
  if (damaged_ && next_ <= last_)
    return ShownLine{next_++, WallTime{}, true, "[this line of the log cannot be read]", true};
  auto line = lines_.Next();
  if (!line) return std::nullopt;
  const auto n = std::min(next_++, last_);
  const bool clean = IsUtf8(line->text);
  return ShownLine{n, std::clamp(line->time, WallTime{}, kLastTime),
                   line->stream != job::Stream::kOut,
                   clean ? std::move(line->text) : ReplaceInvalidUtf8(line->text), line->ended};
}

bool ShownLineReader::Skip(std::uint64_t lines) {
  while (lines > 0 && Next()) --lines;
  return lines == 0;
}

std::string_view StreamName(const ShownLine& line) { return line.error ? "err" : "out"; }

}  // namespace prov::panel
