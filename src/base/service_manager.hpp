// What a service tells systemd, where systemd started it. Thread-safe as long as nobody changes the
// environment.
#pragma once

#include "base/clock.hpp"

namespace prov {

// sd_notify(3): "READY=1", "WATCHDOG=1", "STOPPING=1"; nothing where no NOTIFY_SOCKET is set.
void NotifyServiceManager(const char* state);
// Half of WATCHDOG_USEC, or 0 where the service manager does not watch this process.
Millis WatchdogInterval();

}  // namespace prov
