#include "exec/reboot.hpp"

#include <filesystem>

#include <fmt/format.h>

#include "base/files.hpp"
#include "exec/command.hpp"

namespace prov::exec {

Status RequestReboot() {
  std::vector<std::string> command{"/usr/bin/systemctl", "--no-block", "--no-wall",
                                   "--check-inhibitors=yes", "reboot"};
  if (!std::filesystem::exists("/run/systemd/system")) {
    auto first = ReadFile("/proc/1/comm", 64);
    if (!first || *first != "init\n") {
      if (first && first->ends_with('\n')) first->pop_back();
      return Error{
          ErrorCode::kUnsupported,
          fmt::format("nothing here can reboot the server: its first process is {}, not an init "
                      "system",
                      first ? *first : "unknown"),
          {}};
    }
    command = {"/sbin/shutdown", "-r", "now"};
  }
  PROV_TRY(const int status, RunCommand(command));
  if (status == 0) return {};
  return Error{ErrorCode::kIo, fmt::format("{} ended with {}", command.front(), status), {}};
}

}  // namespace prov::exec
