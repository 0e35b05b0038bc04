// A log's frames, chunks and lines (docs/formats/log-frames.md), from any bytes: what is read is a
// prefix of what was written, a chunk is whole or refused, and lines hold every byte once. The
// first byte: 'w' frames that are written and damaged, 'c' a chunk as it is stored; otherwise the
// frames of a file.
#include "fuzz/fuzz.hpp"
#include "job/event.hpp"
#include "job/log_chunk.hpp"
#include "job/log_lines.hpp"

namespace prov::fuzz {
namespace {

using namespace job;

std::string Framed(const std::vector<LogFrame>& frames) {
  std::string bytes;
  for (const auto& frame : frames) AppendFrame(bytes, frame);
  return bytes;
}

void CheckLines(const std::vector<LogFrame>& frames) {
  std::array<std::string, 3> printed;
  std::array<std::string, 3> shown;
  for (const auto& frame : frames)
    printed[static_cast<std::size_t>(frame.stream) - 1] += frame.bytes;
  LineReader lines(frames);
  std::uint64_t count = 0;
  for (; const auto line = lines.Next(); ++count) {
    Require(line->text.size() <= kLongestShownLine, "a line has its limit");
    Require(line->text.find('\n') == std::string::npos, "a line is one line");
    shown[static_cast<std::size_t>(line->stream) - 1] += line->text + (line->ended ? "\n" : "");
  }
  Require(shown == printed, "the lines of a stream are its bytes");
  Require(count == CountLines(frames), "lines are counted as they are read");
}

void CheckChunk(const std::vector<LogFrame>& frames) {
  const auto bytes = Framed(frames);
  if (frames.empty() || bytes.size() > kMaxLogChunkBytes) return;
  const auto packed = PackFrames(bytes);
  Require(packed.has_value(), "frames can be packed");
  const auto unpacked = UnpackFrames(*packed, bytes.size());
  Require(unpacked && *unpacked == frames, "what was packed is unpacked");
  Require(!UnpackFrames(*packed, bytes.size() - 1) && !UnpackFrames(*packed, bytes.size() + 1),
          "a chunk has the size it claims");
  const auto stored = DecodeStored(EncodeStored(*packed, bytes.size()));
  Require(stored && *stored == frames, "what was stored is read");
}

bool IsPrefix(const std::vector<LogFrame>& frames, const std::vector<LogFrame>& of) {
  return frames.size() <= of.size() && std::equal(frames.begin(), frames.end(), of.begin());
}

void CheckFile(std::string_view bytes) {
  const auto read = ParseFrames(bytes);
  Require(bytes.substr(0, read.consumed) == Framed(read.frames),
          "what was read is what stands there");
  Require((read.end == RecordState::kEnd) == (read.consumed == bytes.size()), "the end is the end");
  // As when following: the rest comes later.
  for (const auto part :
       {bytes.size() / 2, bytes.size() - std::min<std::size_t>(bytes.size(), 1)}) {
    auto begun = ParseFrames(bytes.substr(0, part));
    Require(IsPrefix(begun.frames, read.frames), "a beginning is a beginning");
    Require(begun.end != RecordState::kCorrupt || read.end == RecordState::kCorrupt,
            "what grows is not damaged");
    const auto rest = ParseFrames(bytes.substr(begun.consumed), begun.frames.size() + 1);
    begun.frames.insert(begun.frames.end(), rest.frames.begin(), rest.frames.end());
    Require(begun.frames == read.frames, "a reader that goes on has all of it once");
  }
  CheckLines(read.frames);
  CheckChunk(read.frames);
}

std::vector<LogFrame> Written(Input& input) {
  std::vector<LogFrame> frames;
  bool longest = false;
  for (std::uint64_t count = input.Byte() % 12; count > 0; --count) {
    const auto stream = static_cast<Stream>(1 + input.Byte() % 3);
    const WallTime time{Millis{static_cast<std::int64_t>(input.Number() << 8)}};
    const auto kind = input.Byte();
    // One line as long as the longest that is shown, or a little shorter or longer: several cost
    // the time of a thousand other inputs.
    const bool one = kind % 16 == 0 && !std::exchange(longest, longest || kind % 16 == 0);
    std::string bytes(one ? kLongestShownLine - 8 + kind / 16 : 0, 'x');
    frames.push_back({frames.size() + 1, time, stream, bytes + input.Text()});
  }
  return frames;
}

void CheckWrittenLog(Input input) {
  const auto frames = Written(input);
  auto bytes = Framed(frames);
  const auto kind = input.Byte();
  const auto at = input.Number() % (bytes.size() + 1);
  if (kind % 3 == 1) bytes.resize(at);
  if (kind % 3 == 2 && at < bytes.size()) bytes[at] ^= static_cast<char>(1 + input.Byte() % 255);
  const auto read = ParseFrames(bytes);
  Require(IsPrefix(read.frames, frames), "what is read is a prefix of what was written");
  if (kind % 3 == 0) Require(read.frames == frames, "without damage all is there");
  if (kind % 3 == 1) Require(read.end != RecordState::kCorrupt, "a torn end is not damage");
  CheckFile(bytes);
}

}  // namespace

void FuzzLog(std::string_view bytes) {
  if (bytes.starts_with('w')) return CheckWrittenLog(Input(bytes.substr(1)));
  if (!bytes.starts_with('c')) return CheckFile(bytes);
  const auto frames = DecodeStored(bytes.substr(1));
  if (!frames) return;
  Require(!frames->empty(), "a chunk holds a frame");
  CheckLines(*frames);
  CheckChunk(*frames);
}

}  // namespace prov::fuzz
