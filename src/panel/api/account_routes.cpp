// Users, for administrators, and everybody's own API tokens.
#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "net/json_body.hpp"
#include "panel/api/routes.hpp"
#include "panel/api/views.hpp"
#include "panel/auth/api_tokens.hpp"
#include "panel/auth/authenticator.hpp"

namespace prov::panel {
namespace {

namespace asio = boost::asio;
using net::Request;
using net::Response;

constexpr std::size_t kMostTokenName = 64;

struct NewUserBody {
  std::string name;
  std::string password;
  store::Role role = store::Role::kUser;
};
BOOST_DESCRIBE_STRUCT(NewUserBody, (), (name, password, role))

struct UserPatchBody {
  std::optional<store::Role> role;
  std::optional<bool> disabled;
};
BOOST_DESCRIBE_STRUCT(UserPatchBody, (), (role, disabled))

struct NewPasswordBody {
  std::string new_password;
};
BOOST_DESCRIBE_STRUCT(NewPasswordBody, (), (new_password))

struct NewTokenBody {
  std::string name;
  std::vector<std::string> scopes;
  std::optional<WallTime> expires_at;
};
BOOST_DESCRIBE_STRUCT(NewTokenBody, (), (name, scopes, expires_at))

Response Refused(const Error& error, const char* conflict) {
  auto problem = net::ToProblem(error);
  if (problem.status == 409) problem.code = conflict;
  return net::MakeProblem(problem);
}

std::optional<Uuid> AccountIdOf(const Request& request) {
  const auto id = Uuid::Parse(request.parameters.at("id"));
  return id ? std::optional(*id) : std::nullopt;
}

Change By(const Request& request, const Clock& clock) {
  return {CallerOf(request).actor.user_id, clock.Now()};
}

asio::awaitable<Response> ShowUsers(ApiDependencies api, Request) {
  const auto users =
      co_await api.store.Read([](store::Transaction& t) { return t.users().List(); });
  if (!users) co_return net::MakeProblem(net::ToProblem(users.error()));
  co_return Listed(*users, UserJson);
}

asio::awaitable<Response> CreateUser(ApiDependencies api, Request request) {
  auto body = net::ReadJsonBody<NewUserBody>(request);
  if (auto* refusal = std::get_if<Response>(&body)) co_return std::move(*refusal);
  const auto& given = std::get<NewUserBody>(body);
  std::vector<net::FieldError> faults;
  if (!IsUserName(given.name)) {
    faults.push_back(
        {"/name", "format",
         "must have 1 to 64 of a-z, 0-9, `.`, `_`, `@` and `-`, begin with a letter or "
         "a digit, and not be panel, external or nobody"});
  }
  if (auto fault = CheckNewPassword("/password", given.password, given.name))
    faults.push_back(std::move(*fault));
  if (!faults.empty()) co_return InvalidInput(std::move(faults));
  auto hash = co_await api.passwords.Hash(given.password);
  if (!hash) co_return Refused(hash.error(), "conflict");
  store::User user;
  user.id = Uuid::MakeV7(api.clock, api.random);
  user.name = given.name;
  user.role = given.role;
  user.password_hash = std::move(*hash);
  const auto made = co_await api.store.Write(
      [user, by = By(request, api.clock)](store::Transaction& t) { return AddUser(t, user, by); });
  if (!made) co_return Refused(made.error(), "user_exists");
  co_return net::MakeJson(UserJson(*made), 201);
}

asio::awaitable<Response> ChangeUser(ApiDependencies api, Request request) {
  const auto id = AccountIdOf(request);
  if (!id) co_return NoSuch("user");
  auto body = net::ReadJsonBody<UserPatchBody>(request);
  if (auto* refusal = std::get_if<Response>(&body)) co_return std::move(*refusal);
  const auto& given = std::get<UserPatchBody>(body);
  const UserPatch patch{given.role, given.disabled};
  const auto changed =
      co_await api.store.Write([id = *id, patch, by = By(request, api.clock)](
                                   store::Transaction& t) { return PatchUser(t, id, patch, by); });
  if (changed) co_return net::MakeJson(UserJson(*changed));
  co_return Refused(changed.error(), "last_administrator");
}

asio::awaitable<Response> DeleteUser(ApiDependencies api, Request request) {
  const auto id = AccountIdOf(request);
  if (!id) co_return NoSuch("user");
  const auto removed =
      co_await api.store.Write([id = *id, by = By(request, api.clock)](store::Transaction& t) {
        return RemoveUser(t, id, by);
      });
  if (removed) co_return Response{.status = 204};
  co_return Refused(removed.error(), "last_administrator");
}

asio::awaitable<Response> GivePassword(ApiDependencies api, Request request) {
  const auto id = AccountIdOf(request);
  if (!id) co_return NoSuch("user");
  auto body = net::ReadJsonBody<NewPasswordBody>(request);
  if (auto* refusal = std::get_if<Response>(&body)) co_return std::move(*refusal);
  const auto& given = std::get<NewPasswordBody>(body);
  const auto user =
      co_await api.store.Read([id = *id](store::Transaction& t) { return t.users().Get(id); });
  if (!user) co_return Refused(user.error(), "conflict");
  if (auto fault = CheckNewPassword("/new_password", given.new_password, user->name))
    co_return InvalidInput({std::move(*fault)});
  const auto hash = co_await api.passwords.Hash(given.new_password);
  if (!hash) co_return Refused(hash.error(), "conflict");
  const auto set = co_await api.store.Write(
      [id = *id, hash = *hash, by = By(request, api.clock)](store::Transaction& t) {
        return SetPassword(t, id, hash, "", by);
      });
  if (set) co_return Response{.status = 204};
  co_return Refused(set.error(), "conflict");
}

// One's own, whoever one is: an administrator's list is no list of everybody's.
store::Actor Own(const Request& request) { return {CallerOf(request).actor.user_id, false}; }

asio::awaitable<Response> ListTokens(ApiDependencies api, Request request) {
  auto tokens = co_await api.store.Read(
      [actor = Own(request)](store::Transaction& t) { return t.tokens().List(actor); });
  if (!tokens) co_return net::MakeProblem(net::ToProblem(tokens.error()));
  std::erase_if(*tokens, [](const store::ApiToken& token) { return token.revoked_at.has_value(); });
  co_return Listed(*tokens, TokenJson);
}

constexpr std::size_t kMostFaults = 10;

std::vector<net::FieldError> CheckToken(const NewTokenBody& given, const Caller& caller,
                                        WallTime now) {
  std::vector<net::FieldError> faults;
  const auto length = CountCodePoints(given.name);
  if (length < 1 || length > kMostTokenName) {
    faults.push_back(
        {"/name", "length", fmt::format("must have 1 to {} characters", kMostTokenName)});
  }
  if (given.scopes.empty()) faults.push_back({"/scopes", "min_items", "must name one at least"});
  for (std::size_t i = 0; i < given.scopes.size(); ++i) {
    const auto field = fmt::format("/scopes/{}", i);
    if (!IsTokenScope(given.scopes[i])) {
      faults.push_back({field, "allowed_values", "must be read, jobs, metrics or admin"});
    } else if (!caller.May(given.scopes[i])) {
      faults.push_back({field, "forbidden", "is more than you may do yourself"});
    } else if (const auto before = std::span(given.scopes).first(i);
               std::ranges::find(before, given.scopes[i]) != before.end()) {
      faults.push_back({field, "unique_items", "is named before"});
    }
    if (faults.size() >= kMostFaults) break;
  }
  if (given.expires_at && *given.expires_at <= now)
    faults.push_back({"/expires_at", "range", "must be in the future"});
  return faults;
}

asio::awaitable<Response> CreateToken(ApiDependencies api, Request request) {
  auto body = net::ReadJsonBody<NewTokenBody>(request);
  if (auto* refusal = std::get_if<Response>(&body)) co_return std::move(*refusal);
  const auto& given = std::get<NewTokenBody>(body);
  const auto caller = CallerOf(request);
  if (auto faults = CheckToken(given, caller, api.clock.Now()); !faults.empty())
    co_return InvalidInput(std::move(faults));
  const auto made = ComposeApiToken(given.name, caller.actor.user_id, given.scopes,
                                    given.expires_at, api.clock, api.random);
  const auto kept = co_await api.store.Write(
      [row = made.row, session = caller.session](store::Transaction& t) -> Status {
        // Whoever was removed meanwhile has no session any more, and would keep the token.
        if (!session.empty()) PROV_CHECK(t.sessions().Find(session));
        return AddApiToken(t, row);
      });
  if (!kept) co_return Refused(kept.error(), "conflict");
  auto shown = TokenJson(made.row);
  shown["token"] = made.text;
  co_return net::MakeJson(shown, 201);
}

asio::awaitable<Response> RevokeToken(ApiDependencies api, Request request) {
  const auto id = AccountIdOf(request);
  if (!id) co_return NoSuch("token");
  const auto revoked = co_await api.store.Write(
      [id = *id, actor = Own(request), now = api.clock.Now()](store::Transaction& t) -> Status {
        PROV_CHECK(t.tokens().Revoke(actor, id, now));
        PROV_CHECK(t.audit().Append({now, actor.user_id, "api_token.revoked", id.ToString(), {}}));
        return {};
      });
  if (revoked) co_return Response{.status = 204};
  co_return Refused(revoked.error(), "conflict");
}

}  // namespace

void AddAccountRoutes(net::Router& router, const ApiDependencies& api) {
  const auto add = RouteAdder(router, api);
  add("GET", "/api/users", kScopeAdmin, ShowUsers);
  add("POST", "/api/users", kScopeAdmin, CreateUser);
  add("PATCH", "/api/users/{id}", kScopeAdmin, ChangeUser);
  add("DELETE", "/api/users/{id}", kScopeAdmin, DeleteUser);
  add("POST", "/api/users/{id}/password", kScopeAdmin, GivePassword);
  add("GET", "/api/tokens", kScopePerson, ListTokens);
  add("POST", "/api/tokens", kScopePerson, CreateToken);
  add("DELETE", "/api/tokens/{id}", kScopePerson, RevokeToken);
}

}  // namespace prov::panel
