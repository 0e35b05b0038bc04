#include "agent/executor/follower.hpp"

#include <algorithm>
#include <fcntl.h>
#include <unistd.h>

#include "base/encoding.hpp"
#include "contract/output_lines.hpp"
#include "exec/log_frames.hpp"
#include "job/limits.hpp"
#include "job/log_chunk.hpp"
#include "job/log_lines.hpp"

namespace prov::agent {
namespace {

// Compressed or not, base64 twice: what fits an event of 256 KiB whatever the bytes are.
constexpr std::size_t kChunkBytes = 96 * 1024;
// With their headers many small frames are longer than their text; this much makes one event, and
// holds one frame at least.
constexpr std::size_t kReadBytes = kChunkBytes + exec::kLargestFrame + 4096;
constexpr std::size_t kMaxCompressed = 140 * 1024;
// So that what a script prints is never refused, and is UTF-8: cut first, then mended.
constexpr std::size_t kMaxMessageBytes = job::kMostMessageBytes / job::kGrowthAsUtf8;

std::string MessageText(std::string_view text) {
  return ReplaceInvalidUtf8(text.substr(0, kMaxMessageBytes));
}

// The first frames that make at most kChunkBytes, one at least.
std::size_t CountFrames(const std::vector<job::LogFrame>& frames) {
  std::size_t bytes = 0;
  std::size_t count = 0;
  while (count < frames.size()) {
    bytes += frames[count].bytes.size();
    if (count > 0 && bytes > kChunkBytes) break;
    ++count;
  }
  return count;
}

// Whether a line in it can be one that speaks to the platform; a line may go on in another frame.
bool MaySpeak(const job::LogFrame& frame) {
  return frame.bytes.find("::") != frame.bytes.npos || frame.bytes.ends_with(':');
}

void ReadScriptLines(const std::vector<job::LogFrame>& frames, LogReport& report) {
  if (std::ranges::none_of(frames, MaySpeak)) return;
  job::LineReader lines(frames);
  while (const auto line = lines.Next()) {
    const auto script = contract::ParseScriptLine(line->text);
    if (const auto* progress = std::get_if<contract::ProgressLine>(&script))
      report.progress = {progress->percent, MessageText(progress->message)};
    if (const auto* warning = std::get_if<contract::WarningLine>(&script))
      report.warnings.push_back(MessageText(warning->text));
  }
}

}  // namespace

Result<std::optional<LogReport>> LogFollower::Next() {
  if (!fd_) {
    fd_ = UniqueFd(open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd_ && errno == ENOENT) return std::optional<LogReport>();
    if (!fd_) return ErrnoError("cannot read " + path_.string());
  }
  const auto bytes = std::make_unique_for_overwrite<char[]>(kReadBytes);
  const auto got = pread(fd_.get(), bytes.get(), kReadBytes, static_cast<off_t>(position_.offset));
  if (got < 0) return ErrnoError("cannot read " + path_.string());
  auto read = job::ParseFrames({bytes.get(), static_cast<std::size_t>(got)}, position_.next_frame);
  if (read.frames.empty()) {
    if (read.end == job::RecordState::kCorrupt)
      return Error{ErrorCode::kCorrupt, path_.string() + " is damaged", {}};
    return std::optional<LogReport>();
  }
  read.frames.resize(CountFrames(read.frames));

  LogReport report;
  std::string raw;
  for (const auto& frame : read.frames) job::AppendFrame(raw, frame);
  PROV_TRY(const auto packed, job::PackFrames(raw));
  if (packed.size() > kMaxCompressed)
    return Error{ErrorCode::kTooLarge, "a frame of the log does not fit an event", {}};
  report.chunk.first = position_.next_line;
  report.chunk.lines = job::CountLines(read.frames);
  report.chunk.raw_size = raw.size();
  report.chunk.frames = Base64Encode(packed);
  ReadScriptLines(read.frames, report);
  position_.offset += raw.size();
  position_.next_frame += read.frames.size();
  position_.next_line += report.chunk.lines;
  report.position = position_;
  return std::optional<LogReport>(std::move(report));
}

}  // namespace prov::agent
