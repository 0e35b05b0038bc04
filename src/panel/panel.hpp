// The panel's process: everything wired, served until it is told to stop.
#pragma once

#include "panel/configuration.hpp"

namespace prov::panel {

// Until SIGTERM or SIGINT, which drain it; SIGHUP reloads the catalogue and opens the logs again.
// The exit status: 0, 1 for a failure at run time, 2 when it cannot start like this.
int RunPanel(const PanelConfiguration& configuration);

}  // namespace prov::panel
