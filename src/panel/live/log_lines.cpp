#include "panel/live/log_lines.hpp"

#include <algorithm>

#include "base/encoding.hpp"
#include "job/log_chunk.hpp"
#include "job/log_lines.hpp"

namespace prov::panel {
namespace {

constexpr WallTime kLastTime{Millis{253'402'300'799'999}};  // 9999-12-31T23:59:59.999Z

}  // namespace

std::vector<ShownLine> ShownLines(const store::LogChunk& chunk) {
  const auto frames = job::DecodeStored(chunk.bytes);
  if (!frames)
    return {{chunk.first_line, WallTime{}, true, "[a part of the log cannot be read]", true}};
  auto lines = job::SplitLines(*frames);
  const auto last = chunk.first_line + std::max<std::uint64_t>(chunk.line_count, 1) - 1;
  std::vector<ShownLine> shown;
  shown.reserve(lines.size());
  for (auto& line : lines) {
    const bool clean = IsUtf8(line.text);
    shown.push_back({std::min(chunk.first_line + shown.size(), last),
                     std::clamp(line.time, WallTime{}, kLastTime), line.stream != job::Stream::kOut,
                     clean ? std::move(line.text) : ReplaceInvalidUtf8(line.text), line.ended});
  }
  return shown;
}

std::string_view StreamName(const ShownLine& line) { return line.error ? "err" : "out"; }

}  // namespace prov::panel
