#include <utility>

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include "base/json.hpp"
#include "net/event.hpp"
#include "net/problem.hpp"
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

// How things are, looked at for whoever asks, but one look at a time and one a second at most: to
// ask often must cost next to nothing, above all where a look takes long.
struct Health {
  std::shared_ptr<net::Event> looking;  // while somebody looks
  SteadyTime good_until{};
  bool up = false;
  std::string for_anybody;  // bodies
  std::string for_callers;
};
constexpr Millis kHealthKept{1'000};

struct StoreCheck {
  std::string_view status;  // degraded: it can be read
  std::string detail;
  double latency_ms = 0;
};

asio::awaitable<StoreCheck> AskStore(StoreGate& store, const Clock& clock) {
  const auto before = clock.Steady();
  const auto asked = co_await store.Read([](store::Transaction& t) { return t.audit().Head(); });
  const auto took = std::chrono::duration<double, std::milli>(clock.Steady() - before).count();
  if (!asked) co_return StoreCheck{"down", asked.error().message, took};
  if (const auto failure = co_await store.WriteFailure())
    co_return StoreCheck{"degraded", "takes no writes: " + failure->message, took};
  co_return StoreCheck{"ok", "answers", took};
}

// Jobs are accepted without it, and handed over once it is back.
boost::json::object QueueCheck(const transport::QueueServer* queue) {
  if (queue == nullptr) return Check("ok", "in this process", 0);
  const auto& connection = queue->connection();
  if (connection) return Check("ok", std::string(queue->server()) + " answers", 0);
  return Check("degraded", connection.error().ToString(), 0);
}

// Those who came meanwhile see what the one who looks has seen, or one of them looks, where it was
// given up.
class Looking {
 public:
  Looking(std::shared_ptr<Health> health, asio::any_io_executor executor)
      : health_(std::move(health)) {
    health_->looking = std::make_shared<net::Event>(std::move(executor));
  }
  Looking(const Looking&) = delete;
  ~Looking() { std::exchange(health_->looking, nullptr)->Notify(); }

 private:
  std::shared_ptr<Health> health_;
};

asio::awaitable<void> Look(ApiDependencies dependencies, std::shared_ptr<Health> health) {
  while (const auto looking = health->looking) co_await looking->Wait();
  if (dependencies.clock.Steady() < health->good_until) co_return;
  const Looking looking(health, co_await asio::this_coro::executor);
  const auto store = co_await AskStore(dependencies.store, dependencies.clock);
  const auto failure = dependencies.registry.last_failure();
  const auto* queue = dependencies.queue_server;
  const bool up = store.status != "down";
  const bool degraded =
      store.status != "ok" || !failure.empty() || (queue != nullptr && !queue->connection());
  const std::string_view status = !up ? "down" : degraded ? "degraded" : "ok";
  boost::json::object body{{"status", status}};
  health->for_anybody = json::Serialize(body);
  const auto uptime =
      std::chrono::duration_cast<Seconds>(dependencies.clock.Steady() - dependencies.started);
  body["version"] = PROV_VERSION;
  body["uptime_seconds"] = uptime.count();
  const auto installers = dependencies.registry.Current()->installers.size();
  body["checks"] = boost::json::object{
      {"store", Check(store.status, store.detail, store.latency_ms)},
      {"queue", QueueCheck(queue)},
      {"registry", Check(failure.empty() ? "ok" : "degraded",
                         failure.empty() ? fmt::format("{} installers", installers) : failure, 0)}};
  health->for_callers = json::Serialize(body);
  health->up = up;
  health->good_until = dependencies.clock.Steady() + kHealthKept;
}

Response Answer(std::string body, bool up) {
  Response response{.status = up ? 200 : 503, .body = std::move(body)};
  response.headers.Add("Content-Type", "application/json");
  if (!up) response.headers.Set("Retry-After", "5");
  return response;
}

asio::awaitable<Response> ShowHealth(ApiDependencies dependencies, std::shared_ptr<Health> health,
                                     Request request) {
  co_await Look(dependencies, health);
  const bool known = !CallerOf(request).scopes.empty();
  co_return Answer(known ? health->for_callers : health->for_anybody, health->up);
}

asio::awaitable<Response> Ready(ApiDependencies dependencies, std::shared_ptr<Health> health,
                                Request) {
  co_await Look(dependencies, health);
  co_return Answer(health->up ? R"({"status":"ready"})" : R"({"status":"not_ready"})", health->up);
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

void AddStatusRoutes(net::Router& router, const ApiDependencies& dependencies) {
  const std::string open(net::kOpenScope);
  const auto health = std::make_shared<Health>();
  router.Add({"GET", "/api/health", open, {}, [dependencies, health](Request request) {
                return ShowHealth(dependencies, health, std::move(request));
              }});
  router.Add({"GET", "/api/ready", open, {}, [dependencies, health](Request request) {
                return Ready(dependencies, health, std::move(request));
              }});
  router.Add(
      {"GET", "/api/metrics", std::string(kScopeMetrics), {}, [dependencies](Request request) {
         return ShowMetrics(dependencies, std::move(request));
       }});
}

}  // namespace prov::panel
