#include <fmt/format.h>

#include "net/json_body.hpp"
#include "panel/api/routes.hpp"
#include "panel/auth/authenticator.hpp"

namespace prov::panel {
namespace {

namespace asio = boost::asio;
using net::Request;
using net::Response;

boost::json::object Check(std::string_view status, std::string detail, double latency_ms) {
  return {{"status", status}, {"detail", std::move(detail)}, {"latency_ms", latency_ms}};
}

struct StoreCheck {
  bool ok = false;
  double latency_ms = 0;
  std::string detail;
};

asio::awaitable<StoreCheck> AskStore(StoreGate& store, const Clock& clock) {
  const auto before = clock.Steady();
  const auto asked = co_await store.Read([](store::Transaction& t) { return t.audit().Head(); });
  const auto took = std::chrono::duration<double, std::milli>(clock.Steady() - before).count();
  if (asked) co_return StoreCheck{true, took, "answers"};
  co_return StoreCheck{false, took, asked.error().message};
}

Response Answer(const boost::json::object& body, bool up) {
  auto response = net::MakeJson(body, up ? 200 : 503);
  if (!up) response.headers.Set("Retry-After", "5");
  return response;
}

asio::awaitable<Response> Health(ApiDependencies dependencies, Request request) {
  const auto store = co_await AskStore(dependencies.store, dependencies.clock);
  const auto failure = dependencies.registry.last_failure();
  const std::string_view status = !store.ok ? "down" : !failure.empty() ? "degraded" : "ok";
  boost::json::object body{{"status", status}};
  if (!CallerOf(request).scopes.empty()) {
    const auto up =
        std::chrono::duration_cast<Seconds>(dependencies.clock.Steady() - dependencies.started);
    body["version"] = PROV_VERSION;
    body["uptime_seconds"] = up.count();
    const auto installers = dependencies.registry.Current()->installers.size();
    body["checks"] = boost::json::object{
        {"store", Check(store.ok ? "ok" : "down", store.detail, store.latency_ms)},
        {"queue", Check("ok", "in this process", 0)},
        {"registry",
         Check(failure.empty() ? "ok" : "degraded",
               failure.empty() ? fmt::format("{} installers", installers) : failure, 0)}};
  }
  co_return Answer(body, store.ok);
}

asio::awaitable<Response> Ready(ApiDependencies dependencies, Request) {
  const auto store = co_await AskStore(dependencies.store, dependencies.clock);
  co_return Answer({{"status", store.ok ? "ready" : "not_ready"}}, store.ok);
}

asio::awaitable<Response> ShowMetrics(ApiDependencies dependencies, Request) {
  auto text = co_await dependencies.metrics.Text();
  if (!text) co_return net::MakeProblem(net::ToProblem(text.error()));
  Response response;
  response.headers.Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  response.body = std::move(*text);
  co_return response;
}

}  // namespace

Response Unprocessable(std::vector<net::FieldError> faults) {
  net::Problem problem;
  problem.status = 422;
  problem.code = "invalid_parameter";
  problem.detail = "some parameters are not right";
  problem.errors = std::move(faults);
  return net::MakeProblem(problem);
}

void AddStatusRoutes(net::Router& router, const ApiDependencies& dependencies) {
  const std::string open(net::kOpenScope);
  router.Add({"GET", "/api/health", open, {}, [dependencies](Request request) {
                return Health(dependencies, std::move(request));
              }});
  router.Add({"GET", "/api/ready", open, {}, [dependencies](Request request) {
                return Ready(dependencies, std::move(request));
              }});
  router.Add(
      {"GET", "/api/metrics", std::string(kScopeMetrics), {}, [dependencies](Request request) {
         return ShowMetrics(dependencies, std::move(request));
       }});
}

}  // namespace prov::panel
