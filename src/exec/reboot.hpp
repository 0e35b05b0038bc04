// Rebooting the machine, in an orderly way. Stateless and thread-safe.
#pragma once

#include "base/result.hpp"

namespace prov::exec {

// Asks the init system for a reboot, and returns before it happens. kUnsupported where nothing
// could do it, as in a container without an init of its own; any other error may pass.
Status RequestReboot();

}  // namespace prov::exec
