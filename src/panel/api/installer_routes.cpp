#include <algorithm>
#include <set>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "contract/input_validation.hpp"
#include "contract/json_schema.hpp"
#include "net/json_body.hpp"
#include "panel/api/paging.hpp"
#include "panel/api/routes.hpp"
#include "panel/api/views.hpp"
#include "panel/auth/authenticator.hpp"
#include "panel/dispatch/preflight.hpp"

namespace prov::panel {
namespace {

namespace asio = boost::asio;
using net::Request;
using net::Response;

struct ValidateBody {
  boost::json::object inputs;
};
BOOST_DESCRIBE_STRUCT(ValidateBody, (), (inputs))

struct PreflightBody {
  std::optional<contract::Action> action;
  std::optional<boost::json::object> inputs;
  std::vector<std::string> servers;
};
BOOST_DESCRIBE_STRUCT(PreflightBody, (), (action, inputs, servers))
constexpr std::size_t kMostServers = 200;

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (auto& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

// Every word of `q` is somewhere in id, name, description or tags.
bool Matches(const Installer& installer, std::string_view q, std::string_view category) {
  const auto* manifest = installer.manifest ? &*installer.manifest : nullptr;
  if (!category.empty() && (manifest == nullptr || manifest->category != category)) return false;
  std::string text = installer.id;
  if (manifest != nullptr) {
    text += "\n" + manifest->name + "\n" + manifest->description;
    for (const auto& tag : manifest->tags) text += "\n" + tag;
  }
  text = LowerCase(text);
  const auto words = LowerCase(q);
  for (std::size_t at = 0; at < words.size();) {
    const auto end = std::min(words.find(' ', at), words.size());
    if (text.find(words.substr(at, end - at)) == std::string::npos) return false;
    at = end + 1;
  }
  return true;
}

Response Unknown(const std::string& id) {
  return net::MakeProblem(404, "unknown_app",
                          "there is no installer `" + id + "`; GET /api/installers lists them");
}

using ByApp = std::map<std::string, store::AppStatistics>;

asio::awaitable<Result<ByApp>> ReadStatistics(StoreGate& store, std::vector<std::string> app_ids) {
  co_return co_await store.Read([app_ids](store::Transaction& t) -> Result<ByApp> {
    PROV_TRY(auto rows, t.jobs().Statistics(app_ids));
    ByApp by_app;
    for (auto& row : rows) by_app[row.app_id] = std::move(row);
    return by_app;
  });
}

Statistics Of(const ByApp& by_app, const std::string& id) {
  const auto found = by_app.find(id);
  return found == by_app.end() ? Statistics() : Statistics(found->second);
}

asio::awaitable<Response> List(Registry& registry, StoreGate& store, const KeyRing& keys,
                               Request request) {
  std::vector<net::FieldError> faults;
  CheckParameters(request, {"q", "category", "limit", "cursor"}, faults);
  const auto filter = FilterOf(request);
  const auto page = ReadPage(request, keys, filter, faults);
  const auto q = request.Query("q").value_or("");
  const auto category = request.Query("category").value_or("");
  if (CountCodePoints(q) > 200)
    faults.push_back({"q", "max_length", "must have at most 200 characters"});
  if (CountCodePoints(category) > 200)
    faults.push_back({"category", "max_length", "must have at most 200 characters"});
  if (!faults.empty()) co_return Unprocessable(std::move(faults));
  const auto catalogue = registry.Current();
  boost::json::value next = nullptr;
  std::vector<std::string> ids;
  for (const auto& [id, installer] : catalogue->installers) {
    if (id <= page.after || !Matches(installer, q, category)) continue;
    if (ids.size() == page.limit) {
      next = MakeCursor(keys, filter, ids.back());
      break;
    }
    ids.push_back(id);
  }
  const auto statistics = co_await ReadStatistics(store, ids);
  if (!statistics) co_return net::MakeProblem(net::ToProblem(statistics.error()));
  boost::json::array items;
  for (const auto& id : ids)
    items.push_back(InstallerSummaryJson(*catalogue->Find(id), Of(*statistics, id)));
  co_return Listed(std::move(items), std::move(next));
}

asio::awaitable<Response> Show(Registry& registry, StoreGate& store, Request request) {
  const auto& id = request.parameters.at("id");
  const auto catalogue = registry.Current();
  const auto* installer = catalogue->Find(id);
  if (installer == nullptr) co_return Unknown(id);
  const auto statistics = co_await ReadStatistics(store, {id});
  if (!statistics) co_return net::MakeProblem(net::ToProblem(statistics.error()));
  co_return net::MakeJson(InstallerJson(*installer, Of(*statistics, id)));
}

Response Broken(const Installer& installer) {
  return net::MakeProblem(422, "invalid_installer",
                          "the installer is broken: " + installer.faults.front().ToString());
}

asio::awaitable<Response> Schema(Registry& registry, Request request) {
  const auto& id = request.parameters.at("id");
  const auto catalogue = registry.Current();
  const auto* installer = catalogue->Find(id);
  if (installer == nullptr) co_return Unknown(id);
  if (!installer->manifest) co_return Broken(*installer);
  auto response = net::MakeJson(contract::InputsSchema(*installer->manifest));
  response.headers.Set("Content-Type", "application/schema+json");
  co_return response;
}

boost::json::array ErrorsJson(const contract::InputOutcome& outcome) {
  boost::json::array errors;
  for (const auto& error : outcome.errors) errors.push_back(json::ToValue(error));
  return errors;
}

asio::awaitable<Response> Validate(Registry& registry, Request request) {
  const auto& id = request.parameters.at("id");
  const auto catalogue = registry.Current();
  const auto* installer = catalogue->Find(id);
  if (installer == nullptr) co_return Unknown(id);
  auto body = net::ReadJsonBody<ValidateBody>(request);
  if (auto* refusal = std::get_if<Response>(&body)) co_return std::move(*refusal);
  if (!installer->manifest) co_return Broken(*installer);
  const auto outcome =
      contract::ValidateInputs(*installer->manifest, std::get<ValidateBody>(body).inputs);
  boost::json::array visible;
  for (const auto& name : outcome.inputs.visible) visible.emplace_back(name);
  co_return net::MakeJson(boost::json::object{
      {"valid", outcome.ok()}, {"errors", ErrorsJson(outcome)}, {"visible", std::move(visible)}});
}

boost::json::object Verdict(const std::string& server,
                            const std::optional<net::Problem>& unsuitable,
                            boost::json::array errors) {
  boost::json::array reasons;
  if (unsuitable && unsuitable->errors.empty())
    reasons.push_back(
        boost::json::object{{"code", unsuitable->code}, {"message", unsuitable->detail}});
  if (unsuitable) {
    for (const auto& error : unsuitable->errors)
      reasons.push_back(boost::json::object{{"code", error.rule}, {"message", error.message}});
  }
  return {{"server_id", server},
          {"suitable", !unsuitable},
          {"reasons", std::move(reasons)},
          {"errors", std::move(errors)}};
}

struct Fleet {
  std::vector<store::Agent> agents;
  std::map<std::string, boost::json::object> remembered;  // by server, where inputs were given
};

Result<Fleet> ReadFleet(store::Transaction& t, const store::Actor& actor, const std::string& app_id,
                        contract::Action action, const PreflightBody& given) {
  Fleet fleet;
  PROV_TRY(fleet.agents, t.agents().List(actor));
  if (!given.inputs) return fleet;
  for (const auto& server : given.servers) {
    PROV_TRY(fleet.remembered[server], LastInputs(t, actor, app_id, server, action));
  }
  return fleet;
}

// What a submit would say of these servers; makes nothing.
asio::awaitable<Response> Look(Registry& registry, StoreGate& store, Request request) {
  const auto& id = request.parameters.at("id");
  const auto catalogue = registry.Current();
  const auto* installer = catalogue->Find(id);
  if (installer == nullptr) co_return Unknown(id);
  auto body = net::ReadJsonBody<PreflightBody>(request);
  if (auto* refusal = std::get_if<Response>(&body)) co_return std::move(*refusal);
  const auto& given = std::get<PreflightBody>(body);
  if (!installer->manifest) co_return Broken(*installer);
  const auto action = given.action.value_or(contract::Action::kInstall);
  if (!installer->manifest->Supports(action)) {
    co_return net::MakeProblem(422, "action_not_supported",
                               id + " has no script for " + json::EnumName(action));
  }
  if (given.servers.empty() || given.servers.size() > kMostServers)
    co_return InvalidInput({{"/servers", "length", "must name 1 to 200 servers"}});
  if (std::set(given.servers.begin(), given.servers.end()).size() < given.servers.size())
    co_return InvalidInput({{"/servers", "unique_items", "must name each server once"}});
  const auto actor = CallerOf(request).actor;
  const auto fleet = co_await store.Read([actor, id, action, given](store::Transaction& t) {
    return ReadFleet(t, actor, id, action, given);
  });
  if (!fleet) co_return net::MakeProblem(net::ToProblem(fleet.error()));
  boost::json::array items;
  for (const auto& server : given.servers) {
    const auto& manifest = *installer->manifest;
    const auto found = std::ranges::find(fleet->agents, server, &store::Agent::id);
    const auto agent = found == fleet->agents.end() ? std::nullopt : std::optional(*found);
    auto errors = given.inputs ? ErrorsJson(contract::ValidateInputs(
                                     manifest, *given.inputs, action, fleet->remembered.at(server)))
                               : boost::json::array();
    items.push_back(Verdict(server, CheckServer(manifest, server, agent), std::move(errors)));
  }
  co_return Listed(std::move(items));
}

}  // namespace

void AddInstallerRoutes(net::Router& router, const ApiDependencies& dependencies) {
  auto& registry = dependencies.registry;
  auto& store = dependencies.store;
  const auto& keys = dependencies.keys;
  const std::string read(kScopeRead);
  router.Add({"GET", "/api/installers", read, {}, [&registry, &store, &keys](Request request) {
                return List(registry, store, keys, std::move(request));
              }});
  router.Add({"GET", "/api/installers/{id}", read, {}, [&registry, &store](Request request) {
                return Show(registry, store, std::move(request));
              }});
  router.Add(
      {"POST", "/api/installers/{id}/preflight", read, {}, [&registry, &store](Request request) {
         return Look(registry, store, std::move(request));
       }});
  router.Add({"GET", "/api/installers/{id}/schema", read, {}, [&registry](Request request) {
                return Schema(registry, std::move(request));
              }});
  router.Add({"POST", "/api/installers/{id}/validate", read, {}, [&registry](Request request) {
                return Validate(registry, std::move(request));
              }});
}

}  // namespace prov::panel
