// The machine on its way down: what a script ended in meanwhile is not what it did (QUALITY, row
// 17). Stateless and thread-safe.
#pragma once

#include <string_view>

#include "base/result.hpp"

namespace prov::exec {

// Whether PID 1 has begun to end every process. Before that nothing touches a job: the agent's unit
// ends its main process only.
bool SystemIsGoingDown();
// `comm` and `cmdline` as /proc/1 gives them: systemd-shutdown, or sysvinit in runlevel 0 or 6.
// Pure.
bool EndsEveryProcess(std::string_view comm, std::string_view cmdline);

}  // namespace prov::exec
