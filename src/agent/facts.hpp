// What a machine is: for the panel's server page, and for an installer's requirements.
#pragma once

#include "base/files.hpp"
#include "contract/machine.hpp"
#include "job/event.hpp"

namespace prov::agent {

// OS, CPUs, memory, free disk (of the file system that holds `on_disk`) and version; the rest of
// Facts (containment, queue, epoch) is the executor's to fill in.
job::Facts CollectFacts(const Path& on_disk);
// The same machine as the contract's requirements are checked against.
contract::MachineFacts CollectMachine(const Path& on_disk);

// sd_notify(3): "READY=1", "WATCHDOG=1", "STOPPING=1"; nothing where no NOTIFY_SOCKET is set.
void NotifyServiceManager(const char* state);
// Half of WATCHDOG_USEC, or 0 where the service manager does not watch this process.
std::chrono::milliseconds WatchdogInterval();

}  // namespace prov::agent
