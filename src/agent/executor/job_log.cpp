#include "agent/executor/job_log.hpp"

#include <fcntl.h>

#include <fmt/format.h>

#include "exec/log_frames.hpp"

namespace prov::agent {
namespace {

// 64 MiB of text and the headers of its frames.
constexpr std::size_t kMostLogBytes = std::size_t{96} << 20;

}  // namespace

Status WriteJobLog(const exec::StatePaths& state, const Uuid& job, std::uint32_t attempts,
                   const Path& directory) {
  if (attempts == 0) return {};
  PROV_CHECK(MakeDirectories(directory, 0755));
  const auto path = directory / (job.ToString() + ".log");
  UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!fd) return ErrnoError("cannot write " + path.string());
  for (std::uint32_t attempt = 1; attempt <= attempts; ++attempt) {
    if (attempts > 1) PROV_CHECK(WriteAll(fd.get(), fmt::format("--- attempt {}\n", attempt)));
    const auto frames = ReadFile(state.Attempt({job, attempt, 0}).Log(), kMostLogBytes);
    if (!frames) continue;
    std::string text;
    for (const auto& frame : exec::ParseFrames(*frames).frames) text += frame.bytes;
    PROV_CHECK(WriteAll(fd.get(), text));
  }
  return {};
}

}  // namespace prov::agent
