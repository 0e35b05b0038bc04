// The routes under /api but the live ones: thin handlers that parse, ask, and answer.
#pragma once

#include <functional>
#include <memory>

#include <boost/json.hpp>

#include "base/clock.hpp"
#include "net/router.hpp"
#include "panel/answers.hpp"
#include "panel/auth/sign_in.hpp"
#include "panel/dispatch/dispatcher.hpp"
#include "panel/enrolment/enrolment_desk.hpp"
#include "panel/metrics/metrics.hpp"
#include "panel/registry/registry.hpp"
#include "panel/store_gate.hpp"
#include "transport/queue.hpp"
#include "transport/redis/keys.hpp"

namespace prov::panel {

// Each outlives the router.
struct ApiDependencies {
  StoreGate& store;
  Registry& registry;
  Dispatcher& dispatcher;
  const KeyRing& keys;
  Metrics& metrics;
  const Clock& clock;
  Random& random;
  SignIn& sign_in;
  PasswordPool& passwords;
  EnrolmentDesk& desk;
  const transport::QueueServer* queue_server = nullptr;  // where there is one
  transport::redis::KeyStyle redis_keys = transport::redis::KeyStyle::kPlain;
  std::string rabbitmq_vhost = "/";
  bool secure;  // session_cookie.hpp
  SteadyTime started;
};

// GET /api/health, /api/ready, /api/metrics.
void AddStatusRoutes(net::Router& router, const ApiDependencies& dependencies);
// GET /api/installers, /api/installers/{id}, …/schema; POST …/validate, …/preflight.
void AddInstallerRoutes(net::Router& router, const ApiDependencies& dependencies);
// GET /api/servers, /api/servers/{id}, …/applications; POST …/drain, …/resume,
// /api/enrolment-tokens.
void AddServerRoutes(net::Router& router, const ApiDependencies& dependencies);
// /api/jobs, /api/jobs/counts, /api/jobs/{id}, …/cancel, …/retry, …/retry-now.
void AddJobRoutes(net::Router& router, const ApiDependencies& dependencies);

// /api/session, …/password, …/preferences, /api/sessions.
void AddSessionRoutes(net::Router& router, const ApiDependencies& dependencies);
// /api/users, …/{id}, …/password; /api/tokens, …/{id}.
void AddAccountRoutes(net::Router& router, const ApiDependencies& dependencies);

// /api/overview, /api/audit, …/verify, /api/jobs/{id}/audit.
void AddOverviewRoutes(net::Router& router, const ApiDependencies& dependencies);

// Adds routes whose handlers are given the dependencies and the request: any number of them, while
// `router` and `api` are there.
inline auto RouteAdder(net::Router& router, const ApiDependencies& api) {
  return
      [&router, &api](const char* method, const char* path, std::string_view scope, auto handler) {
        router.Add({method, path, std::string(scope), {}, [api, handler](net::Request request) {
                      return handler(api, std::move(request));
                    }});
      };
}

}  // namespace prov::panel
