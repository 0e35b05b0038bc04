#include <algorithm>

#include "base/json.hpp"
#include "contract/input_validation.hpp"
#include "contract/json_schema.hpp"
#include "net/json_body.hpp"
#include "panel/api/paging.hpp"
#include "panel/api/routes.hpp"
#include "panel/api/views.hpp"
#include "panel/auth/authenticator.hpp"

namespace prov::panel {
namespace {

namespace asio = boost::asio;
using net::Request;
using net::Response;

struct ValidateBody {
  boost::json::object inputs;
};
BOOST_DESCRIBE_STRUCT(ValidateBody, (), (inputs))

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

asio::awaitable<Response> List(Registry& registry, const KeyRing& keys, Request request) {
  std::vector<net::FieldError> faults;
  CheckParameters(request, {"q", "category", "limit", "cursor"}, faults);
  const auto filter = FilterOf(request);
  const auto page = ReadPage(request, keys, filter, faults);
  const auto q = request.Query("q").value_or("");
  const auto category = request.Query("category").value_or("");
  if (q.size() > 200) faults.push_back({"q", "max_length", "must have at most 200 characters"});
  if (category.size() > 200)
    faults.push_back({"category", "max_length", "must have at most 200 characters"});
  if (!faults.empty()) co_return Unprocessable(std::move(faults));
  const auto catalogue = registry.Current();
  boost::json::array items;
  boost::json::value next = nullptr;
  std::string last;
  for (const auto& [id, installer] : catalogue->installers) {
    if (id <= page.after || !Matches(installer, q, category)) continue;
    if (items.size() == page.limit) {
      next = MakeCursor(keys, filter, last);
      break;
    }
    items.push_back(InstallerSummaryJson(installer));
    last = id;
  }
  co_return net::MakeJson(
      boost::json::object{{"items", std::move(items)}, {"next_cursor", std::move(next)}});
}

asio::awaitable<Response> Show(Registry& registry, Request request) {
  const auto& id = request.parameters.at("id");
  const auto catalogue = registry.Current();
  const auto* installer = catalogue->Find(id);
  co_return installer != nullptr ? net::MakeJson(InstallerJson(*installer)) : Unknown(id);
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
  boost::json::array errors;
  for (const auto& error : outcome.errors) errors.push_back(json::ToValue(error));
  boost::json::array visible;
  for (const auto& name : outcome.inputs.visible) visible.emplace_back(name);
  co_return net::MakeJson(boost::json::object{
      {"valid", outcome.ok()}, {"errors", std::move(errors)}, {"visible", std::move(visible)}});
}

}  // namespace

void AddInstallerRoutes(net::Router& router, const ApiDependencies& dependencies) {
  auto& registry = dependencies.registry;
  const auto& keys = dependencies.keys;
  const std::string read(kScopeRead);
  router.Add({"GET", "/api/installers", read, {}, [&registry, &keys](Request request) {
                return List(registry, keys, std::move(request));
              }});
  router.Add({"GET", "/api/installers/{id}", read, {}, [&registry](Request request) {
                return Show(registry, std::move(request));
              }});
  router.Add({"GET", "/api/installers/{id}/schema", read, {}, [&registry](Request request) {
                return Schema(registry, std::move(request));
              }});
  router.Add({"POST", "/api/installers/{id}/validate", read, {}, [&registry](Request request) {
                return Validate(registry, std::move(request));
              }});
}

}  // namespace prov::panel
