#include "exec/log_frames.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/sha256.hpp"

namespace prov::exec {

struct LogWriter::State {
  struct Held {
    WallTime time;
    Stream stream;
    std::string bytes;
  };
  State(UniqueFd file, const LogLimits& given, const Clock& now)
      : fd(std::move(file)), limits(given), clock(now) {}

  void Keep(const Held& held) {
    if (failed) {
      totals.dropped_bytes += held.bytes.size();
      return;
    }
    AppendFrame(pending, {next, held.time, held.stream, held.bytes});
    Count(held.bytes);
  }
  void Count(std::string_view bytes) {
    ++next;
    digest.Add(bytes);
    totals.bytes += bytes.size();
    totals.lines += static_cast<std::uint64_t>(std::ranges::count(bytes, '\n'));
  }

  UniqueFd fd;
  LogLimits limits;
  const Clock& clock;
  Sha256Stream digest;
  std::string pending;
  std::deque<Held> tail;
  std::uint64_t tail_bytes = 0;
  std::uint64_t dropped_before = 0;
  std::uint64_t next = 1;
  bool failed = false;
  bool head_full = false;
  LogTotals totals;
};

LogWriter::LogWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
LogWriter::LogWriter(LogWriter&&) noexcept = default;
LogWriter& LogWriter::operator=(LogWriter&&) noexcept = default;
LogWriter::~LogWriter() = default;

Result<LogWriter> LogWriter::Create(const Path& path, const LogLimits& limits, const Clock& clock) {
  UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600));
  if (!fd) return ErrnoError("cannot create " + path.string());
  return LogWriter(std::make_unique<State>(std::move(fd), limits, clock));
}

Result<LogWriter> LogWriter::Continue(const Path& path, const LogLimits& limits, const Clock& clock,
                                      std::uint64_t dropped_bytes) {
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return ErrnoError("cannot open " + path.string());
  auto state = std::make_unique<State>(std::move(fd), limits, clock);
  state->dropped_before = dropped_bytes;
  off_t end = 0;
  for (;;) {
    std::string bytes(kLargestFrame * 16, '\0');
    const auto got = pread(state->fd.get(), bytes.data(), bytes.size(), end);
    if (got < 0) return ErrnoError("cannot read " + path.string());
    bytes.resize(static_cast<std::size_t>(got));
    const auto read = ParseFrames(bytes, state->next);
    if (read.frames.empty()) {
      if (read.end == job::RecordState::kCorrupt)
        return Error{ErrorCode::kCorrupt, path.string() + " is damaged", {}};
      break;
    }
    for (const auto& frame : read.frames) state->Count(frame.bytes);
    end += static_cast<off_t>(read.consumed);
  }
  // A frame that was cut off, by a machine that lost power.
  if (ftruncate(state->fd.get(), end) != 0) return ErrnoError("cannot cut " + path.string());
  return LogWriter(std::move(state));
}

void LogWriter::Add(Stream stream, std::string_view bytes) {
  while (bytes.size() > kLargestFrame) {
    // Where a line ends, if one does.
    const auto newline = bytes.substr(0, kLargestFrame).rfind('\n');
    const auto piece = newline == std::string_view::npos ? kLargestFrame : newline + 1;
    AddFrame(stream, bytes.substr(0, piece));
    bytes.remove_prefix(piece);
  }
  if (!bytes.empty()) AddFrame(stream, bytes);
}

void LogWriter::AddFrame(Stream stream, std::string_view bytes) {
  auto& state = *state_;
  State::Held held{state.clock.Now(), stream, std::string(bytes)};
  if (!state.head_full) {
    if (state.totals.bytes + bytes.size() <= state.limits.bytes - state.limits.tail)
      return state.Keep(held);
    state.head_full = true;  // for good: what follows must not overtake what is held
  }
  state.tail_bytes += bytes.size();
  state.tail.push_back(std::move(held));
  while (state.tail_bytes > state.limits.tail) {
    const auto size = state.tail.front().bytes.size();
    state.totals.dropped_bytes += size;
    state.tail_bytes -= size;
    state.tail.pop_front();
  }
}

void LogWriter::Flush() {
  auto& state = *state_;
  if (state.pending.empty() || state.failed) return;
  if (!WriteAll(state.fd.get(), state.pending)) state.failed = true;
  state.pending.clear();
}

Result<LogTotals> LogWriter::Finish() {
  auto& state = *state_;
  if (state.totals.dropped_bytes > 0) {
    state.Keep(
        {state.clock.Now(), Stream::kNotice,
         fmt::format("[{} bytes of the log were dropped here]\n", state.totals.dropped_bytes)});
  }
  for (const auto& held : state.tail) state.Keep(held);
  state.tail.clear();
  Flush();
  if (state.failed) return Error{ErrorCode::kIo, "The log could not be written to its end.", {}};
  state.totals.dropped_bytes += state.dropped_before;
  state.totals.sha256 = HexEncode(state.digest.Finish());
  return state.totals;
}

}  // namespace prov::exec
