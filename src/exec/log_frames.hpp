// The log of an attempt (docs/formats/log-frames.md): frames of masked bytes, each with its
// sequence, time and stream. Written by the runner, followed by the executor while it grows.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/files.hpp"
#include "exec/framing.hpp"
#include "job/log_frames.hpp"

namespace prov::exec {

using job::AppendFrame;
using job::LogFrame;
using job::ParseFrames;
using job::ReadFrames;
using job::Stream;

// So that a frame always fits an event, however badly it compresses.
inline constexpr std::size_t kLargestFrame = 64 * 1024;

struct LogLimits {
  std::uint64_t bytes = std::uint64_t{64} << 20;  // of log text, head and tail together
  std::uint64_t tail = std::uint64_t{8} << 20;    // of these, kept for the end
};

struct LogTotals {
  std::uint64_t bytes = 0;  // kept
  std::uint64_t lines = 0;  // newlines among them
  std::uint64_t dropped_bytes = 0;
  std::string sha256;  // hex, over the kept bytes in order; after Finish
};

// Appends frames to a log, several in one write. The head goes straight to the file; beyond
// limits.bytes - limits.tail, the newest `tail` bytes are held in memory and written by Finish.
// Not thread-safe.
class LogWriter {
 public:
  static Result<LogWriter> Create(const Path& path, const LogLimits& limits, const Clock& clock);
  // Goes on behind the last whole frame of a log that is there; begins one where there is none.
  // `dropped_bytes` is what its writer dropped. kCorrupt when it is not what a writer writes.
  static Result<LogWriter> Continue(const Path& path, const LogLimits& limits, const Clock& clock,
                                    std::uint64_t dropped_bytes);
  LogWriter(LogWriter&&) noexcept;
  LogWriter& operator=(LogWriter&&) noexcept;
  ~LogWriter();

  // Any number of bytes; cut into frames of kLargestFrame, between lines where there are any.
  void Add(Stream stream, std::string_view bytes);
  // Writes what was added. A failure (disk full) is counted as dropped bytes from then on, because
  // the script must not be stopped by its log.
  void Flush();
  // The tail, and a notice of what was dropped. Nothing may be added after it. Not fsynced.
  Result<LogTotals> Finish();

 private:
  struct State;
  void AddFrame(Stream stream, std::string_view bytes);
  explicit LogWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace prov::exec
