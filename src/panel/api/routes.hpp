// The routes under /api but the live ones: thin handlers that parse, ask, and answer.
#pragma once

#include <functional>
#include <memory>

#include "base/clock.hpp"
#include "net/router.hpp"
#include "panel/dispatch/dispatcher.hpp"
#include "panel/metrics/metrics.hpp"
#include "panel/registry/registry.hpp"
#include "panel/store_gate.hpp"
#include "transport/queue.hpp"

namespace prov::panel {

// Each outlives the router.
struct ApiDependencies {
  StoreGate& store;
  Registry& registry;
  Dispatcher& dispatcher;
  const KeyRing& keys;
  Metrics& metrics;
  const Clock& clock;
  SteadyTime started;
};

// GET /api/health, /api/ready, /api/metrics.
void AddStatusRoutes(net::Router& router, const ApiDependencies& dependencies);
// GET /api/installers, /api/installers/{id}, …/schema; POST …/validate.
void AddInstallerRoutes(net::Router& router, const ApiDependencies& dependencies);
// GET /api/servers, /api/servers/{id}.
void AddServerRoutes(net::Router& router, const ApiDependencies& dependencies);
// /api/jobs, /api/jobs/{id}, …/cancel, …/retry.
void AddJobRoutes(net::Router& router, const ApiDependencies& dependencies);

net::Response Unprocessable(std::vector<net::FieldError> faults);

}  // namespace prov::panel
