#include "exec/pidref.hpp"

#include <charconv>
#include <csignal>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

namespace prov::exec {
namespace {

Error Gone(std::int64_t pid) {
  return {ErrorCode::kNotFound, fmt::format("Process {} is gone.", pid), {}};
}

Result<std::uint64_t> StartTime(std::int64_t pid) {
  const Path path = fmt::format("/proc/{}/stat", pid);
  auto stat = ReadFile(path, 8192);
  if (!stat) {
    // It may go while it is read. Anything else (no descriptor left, no memory) says nothing of it.
    if (access(path.c_str(), F_OK) != 0 && errno == ENOENT) return Gone(pid);
    return stat.error();
  }
  // The name in parentheses may hold anything; the last ')' ends it. Field 3 follows.
  const auto end = stat->rfind(')');
  if (end == std::string::npos) return Gone(pid);
  std::size_t at = end + 1;
  for (int field = 3; field <= 22; ++field) {
    at = stat->find_first_not_of(' ', at);
    if (at == std::string::npos) return Gone(pid);
    if (field < 22) at = stat->find(' ', at);
  }
  std::uint64_t value = 0;
  std::from_chars(stat->data() + at, stat->data() + stat->size(), value);
  return value;
}

}  // namespace

Result<std::string> BootId() {
  PROV_TRY(auto text, ReadFile("/proc/sys/kernel/random/boot_id", 256));
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

Result<PidRef> ReferTo(std::int64_t pid) {
  PROV_TRY(const auto start, StartTime(pid));
  PROV_TRY(const auto boot, BootId());
  return PidRef{pid, start, boot};
}

Result<UniqueFd> OpenPid(const PidRef& process) {
  PROV_TRY(const auto boot, BootId());
  if (process.pid <= 0 || process.boot_id != boot) return Gone(process.pid);
  UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_open, process.pid, 0)));
  if (!fd) {
    if (errno == ESRCH) return Gone(process.pid);
    return ErrnoError(fmt::format("cannot hold process {}", process.pid));
  }
  PROV_TRY(const auto start, StartTime(process.pid));
  if (start != process.start_time) return Gone(process.pid);
  return fd;
}

bool SendSignal(const UniqueFd& pidfd, int signal) {
  return syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0;
}

}  // namespace prov::exec
