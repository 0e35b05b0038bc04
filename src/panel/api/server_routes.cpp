#include <algorithm>

#include <fmt/format.h>

#include "net/json_body.hpp"
#include "panel/api/idempotency_key.hpp"
#include "panel/api/paging.hpp"
#include "panel/api/routes.hpp"
#include "panel/api/views.hpp"
#include "panel/auth/authenticator.hpp"

namespace prov::panel {
namespace {

namespace asio = boost::asio;
using net::Request;
using net::Response;

struct Servers {
  std::vector<store::Agent> agents;
  std::map<std::string, std::uint64_t> queue;
};

asio::awaitable<Result<Servers>> ReadServers(StoreGate& store, store::Actor actor) {
  co_return co_await store.Read([actor](store::Transaction& t) -> Result<Servers> {
    Servers servers;
    PROV_TRY(servers.agents, t.agents().List(actor));
    PROV_TRY(const auto depths, t.jobs().QueueDepth());
    for (const auto& depth : depths) servers.queue[depth.server_id] = depth.jobs;
    return servers;
  });
}

boost::json::object View(const Dispatcher& dispatcher, const Servers& servers,
                         const store::Agent& agent) {
  const auto depth = servers.queue.find(agent.id);
  return ServerJson({agent, dispatcher.StatusOf(agent), dispatcher.LastSeen(agent),
                     depth == servers.queue.end() ? 0 : depth->second});
}

asio::awaitable<Response> List(StoreGate& store, const Dispatcher& dispatcher, const KeyRing& keys,
                               Request request) {
  std::vector<net::FieldError> faults;
  CheckParameters(request, {"limit", "cursor"}, faults);
  const auto filter = FilterOf(request);
  const auto page = ReadPage(request, keys, filter, faults);
  if (!faults.empty()) co_return Unprocessable(std::move(faults));
  const auto servers = co_await ReadServers(store, CallerOf(request).actor);
  if (!servers) co_return net::MakeProblem(net::ToProblem(servers.error()));
  boost::json::array items;
  boost::json::value next = nullptr;
  std::string last;
  for (const auto& agent : servers->agents) {
    if (agent.id <= page.after) continue;
    if (items.size() == page.limit) {
      next = MakeCursor(keys, filter, last);
      break;
    }
    items.push_back(View(dispatcher, *servers, agent));
    last = agent.id;
  }
  co_return Listed(std::move(items), std::move(next));
}

asio::awaitable<Response> Show(StoreGate& store, const Dispatcher& dispatcher, Request request) {
  const auto& id = request.parameters.at("id");
  const auto servers = co_await ReadServers(store, CallerOf(request).actor);
  if (!servers) co_return net::MakeProblem(net::ToProblem(servers.error()));
  for (const auto& agent : servers->agents) {
    if (agent.id == id) co_return net::MakeJson(View(dispatcher, *servers, agent));
  }
  co_return net::MakeProblem(404, "unknown_server",
                             "there is no server `" + id + "`; GET /api/servers lists them");
}

// The server as it is known now: it is drained once it has said so.
asio::awaitable<Response> Drain(StoreGate& store, Dispatcher& dispatcher, bool on,
                                Request request) {
  auto keyed = IdempotencyOf(request);
  if (!keyed) co_return BadKey(keyed.error());
  auto shown = co_await Show(store, dispatcher, request);
  if (shown.status != 200) co_return shown;
  const store::StoredResponse answer{202, "", std::move(shown.body)};
  const auto drained = co_await dispatcher.Drain(
      CallerOf(request).actor, request.parameters.at("id"), on, answer, std::move(*keyed));
  if (const auto* problem = std::get_if<net::Problem>(&drained))
    co_return net::MakeProblem(*problem);
  const auto& replayed = std::get<std::optional<store::StoredResponse>>(drained);
  co_return replayed ? AnswerAgain(*replayed) : AnswerStored(answer);
}

asio::awaitable<Response> ListInstalled(StoreGate& store, Request request) {
  using Records = std::vector<job::Record>;
  const auto& id = request.parameters.at("id");
  const auto actor = CallerOf(request).actor;
  const auto records = co_await store.Read([actor, id](store::Transaction& t) -> Result<Records> {
    PROV_CHECK(t.agents().Get(actor, id));
    return t.jobs().Installed(actor, id);
  });
  if (!records && records.error().code == ErrorCode::kNotFound)
    co_return net::MakeProblem(404, "unknown_server", "there is no server `" + id + "`");
  if (!records) co_return net::MakeProblem(net::ToProblem(records.error()));
  co_return Listed(*records, InstalledJson);
}

struct EnrolmentBody {
  std::string server_id;
};
BOOST_DESCRIBE_STRUCT(EnrolmentBody, (), (server_id))

// As this panel was reached just now. What is not spelled as a host must not get into a shell.
std::string OwnUrl(const Request& request, bool secure) {
  const auto host = request.headers.Find("Host").value_or("");
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == ':' || c == '[' || c == ']';
  };
  const bool usable = !host.empty() && std::ranges::all_of(host, allowed);
  return (secure ? "https://" : "http://") + (usable ? std::string(host) : "PANEL");
}

// The token goes by standard input: arguments are read by every user of the machine.
asio::awaitable<Response> CreateEnrolment(ApiDependencies api, Request request) {
  auto body = net::ReadJsonBody<EnrolmentBody>(request);
  if (auto* refusal = std::get_if<Response>(&body)) co_return std::move(*refusal);
  const auto& id = std::get<EnrolmentBody>(body).server_id;
  const auto issued =
      co_await api.desk.Issue(CallerOf(request).actor, id, Uuid::MakeV7(api.clock, api.random));
  if (!issued && issued.error().code == ErrorCode::kInvalidArgument)
    co_return InvalidInput({{"/server_id", "format", issued.error().message}});
  if (!issued) {
    auto problem = net::ToProblem(issued.error());
    if (problem.status == 409) problem.code = "already_registered";
    co_return net::MakeProblem(problem);
  }
  const auto command =
      fmt::format("printf %s '{}' | provisioning-agent enroll --panel '{}' --id {}", issued->token,
                  OwnUrl(request, api.secure), id);
  co_return net::MakeJson(boost::json::object{{"token", issued->token},
                                              {"expires_at", FormatTime(issued->expires_at)},
                                              {"command", command}},
                          201);
}

asio::awaitable<Response> ShowRedisAcl(ApiDependencies api, Request request) {
  const auto& id = request.parameters.at("id");
  const auto rule = co_await api.desk.RedisAcl(CallerOf(request).actor, id, api.redis_keys);
  if (!rule && rule.error().code == ErrorCode::kNotFound)
    co_return net::MakeProblem(404, "unknown_server", "there is no server `" + id + "`");
  if (!rule) co_return net::MakeProblem(net::ToProblem(rule.error()));
  co_return net::MakeJson(boost::json::object{{"rule", *rule}});
}

asio::awaitable<Response> ShowAmqpUser(ApiDependencies api, Request request) {
  const auto& id = request.parameters.at("id");
  const auto definitions =
      co_await api.desk.AmqpUser(CallerOf(request).actor, id, api.rabbitmq_vhost, api.random);
  if (!definitions && definitions.error().code == ErrorCode::kNotFound)
    co_return net::MakeProblem(404, "unknown_server", "there is no server `" + id + "`");
  if (!definitions) co_return net::MakeProblem(net::ToProblem(definitions.error()));
  co_return net::MakeJson(boost::json::object{{"definitions", *definitions}});
}

}  // namespace

void AddServerRoutes(net::Router& router, const ApiDependencies& dependencies) {
  auto& store = dependencies.store;
  auto& dispatcher = dependencies.dispatcher;
  const auto& keys = dependencies.keys;
  const std::string read(kScopeRead);
  router.Add({"GET", "/api/servers", read, {}, [&store, &dispatcher, &keys](Request request) {
                return List(store, dispatcher, keys, std::move(request));
              }});
  router.Add({"GET", "/api/servers/{id}", read, {}, [&store, &dispatcher](Request request) {
                return Show(store, dispatcher, std::move(request));
              }});
  router.Add({"GET", "/api/servers/{id}/applications", read, {}, [&store](Request request) {
                return ListInstalled(store, std::move(request));
              }});
  const std::string admin(kScopeAdmin);
  router.Add({"POST", "/api/enrolment-tokens", admin, {}, [dependencies](Request request) {
                return CreateEnrolment(dependencies, std::move(request));
              }});
  router.Add({"GET", "/api/servers/{id}/redis-acl", admin, {}, [dependencies](Request request) {
                return ShowRedisAcl(dependencies, std::move(request));
              }});
  router.Add({"GET", "/api/servers/{id}/amqp-user", admin, {}, [dependencies](Request request) {
                return ShowAmqpUser(dependencies, std::move(request));
              }});
  for (const bool on : {true, false}) {
    router.Add({"POST",
                std::string("/api/servers/{id}/") + (on ? "drain" : "resume"),
                admin,
                {},
                [&store, &dispatcher, on](Request request) {
                  return Drain(store, dispatcher, on, std::move(request));
                }});
  }
}

}  // namespace prov::panel
