#include "agent/executor/job_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "exec/log_frames.hpp"

namespace prov::agent {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 20;

// The text of the frames, a piece at a time: a log may have 64 MiB.
Status AppendText(const Path& log, int to) {
  const UniqueFd from(open(log.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!from) return {};
  // Not zeroed: most logs are small, and this is done for each job.
  const auto piece = std::make_unique_for_overwrite<char[]>(kPieceBytes);
  off_t offset = 0;
  for (std::uint64_t next = 1;;) {
    const auto got = pread(from.get(), piece.get(), kPieceBytes, offset);
    if (got <= 0) return {};
    const auto read = exec::ParseFrames({piece.get(), static_cast<std::size_t>(got)}, next);
    if (read.frames.empty()) return {};  // the torn end of a runner that was killed
    std::string text;
    for (const auto& frame : read.frames) text += frame.bytes;
    PROV_CHECK(WriteAll(to, text));
    offset += static_cast<off_t>(read.consumed);
    next += read.frames.size();
  }
}

}  // namespace

Path JobLogPath(const Path& directory, const Uuid& job) {
  return directory / (job.ToString() + ".log");
}

Status WriteJobLog(const exec::StatePaths& state, const Uuid& job, std::uint32_t attempts,
                   const Path& directory) {
  if (attempts == 0) return {};
  PROV_CHECK(MakeDirectories(directory, 0755));
  const auto path = JobLogPath(directory, job);
  UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!fd) return ErrnoError("cannot write " + path.string());
  for (std::uint32_t attempt = 1; attempt <= attempts; ++attempt) {
    if (attempts > 1) PROV_CHECK(WriteAll(fd.get(), fmt::format("--- attempt {}\n", attempt)));
    PROV_CHECK(AppendText(state.Attempt({job, attempt, 0}).Log(), fd.get()));
  }
  return {};
}

}  // namespace prov::agent
