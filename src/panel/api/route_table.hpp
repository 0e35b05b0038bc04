// Every route the panel has, in one place, so that a test which walks the table has walked them
// all.
#pragma once

#include "net/router.hpp"
#include "panel/api/routes.hpp"
#include "panel/live/live_routes.hpp"
#include "transport/http/panel_end.hpp"

namespace prov::panel {

// What the dependencies refer to, and `end`, outlive the router.
void AddAllRoutes(net::Router& router, const ApiDependencies& api, const LiveDependencies& live,
                  transport::http::PanelEnd& end);

}  // namespace prov::panel
