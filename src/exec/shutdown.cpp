#include "exec/shutdown.hpp"

#include "base/files.hpp"

namespace prov::exec {

bool EndsEveryProcess(std::string_view comm, std::string_view cmdline) {
  if (comm.ends_with('\n')) comm.remove_suffix(1);
  // A name in /proc has 15 bytes.
  return comm == "systemd-shutdow" || cmdline.starts_with("init [0]") ||
         cmdline.starts_with("init [6]");
}

bool SystemIsGoingDown() {
  const auto comm = ReadFile("/proc/1/comm", 64);
  const auto cmdline = ReadFile("/proc/1/cmdline", 64 * 1024);
  return EndsEveryProcess(comm ? *comm : "", cmdline ? *cmdline : "");
}

}  // namespace prov::exec
