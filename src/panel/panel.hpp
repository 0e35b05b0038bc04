// The panel's process: everything wired, served until it is told to stop.
#pragma once

#include <functional>
#include <span>

#include "panel/configuration.hpp"
#include "panel/web/embedded_files.hpp"

namespace prov::panel {

// Until SIGTERM or SIGINT, which drain it. SIGHUP reloads the catalogue, opens the logs again and
// asks `read_again` for the configuration: the log level and the certificate take effect, the rest
// needs a restart, which is logged. `files` are the pages it shows. The exit status: 0, 1 for a
// failure at run time, 2 when it cannot start like this, 78 where it is the store that only a
// person can make it start with. A PostgreSQL server that is away is no reason to end: it is waited
// for.
int RunPanel(PanelConfiguration configuration,
             std::function<Result<PanelConfiguration>()> read_again,
             std::span<const WebFile> files);

}  // namespace prov::panel
