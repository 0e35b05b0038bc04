#include "panel/api/route_table.hpp"

namespace prov::panel {

void AddAllRoutes(net::Router& router, const ApiDependencies& api, const LiveDependencies& live,
                  transport::http::PanelEnd& end) {
  AddStatusRoutes(router, api);
  AddInstallerRoutes(router, api);
  AddServerRoutes(router, api);
  AddJobRoutes(router, api);
  AddSessionRoutes(router, api);
  AddAccountRoutes(router, api);
  AddOverviewRoutes(router, api);
  AddLiveRoutes(router, live);
  end.AddRoutes(router);
}

}  // namespace prov::panel
