#include "panel/auth/authenticator.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "net/problem.hpp"
#include "panel/auth/accounts.hpp"
#include "panel/auth/api_tokens.hpp"
#include "panel/auth/session_cookie.hpp"

namespace prov::panel {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kMostCached = 1000;
constexpr Millis kCachedFor{2'000};
// Names no client's path parameter can have: the router sets parameters from `{name}` only.
constexpr const char* kUser = " user";
constexpr const char* kScopes = " scopes";
constexpr const char* kSession = " session";

net::Response Unauthenticated(std::string detail) {
  return net::MakeProblem(401, "unauthenticated", std::move(detail));
}

// A token, and the person of its user's name, where there is one.
struct TokenRows {
  store::ApiToken token;
  std::optional<store::User> user;
};

Result<TokenRows> Look(store::Transaction& t, const std::string& hash) {
  TokenRows rows;
  PROV_TRY(rows.token, t.tokens().FindByHash(hash));
  auto user = t.users().FindByName(rows.token.user_id);
  if (!user && user.error().code != ErrorCode::kNotFound) return user.error();
  if (user) rows.user = std::move(*user);
  return rows;
}

// A token that an administrator made may no more than its user once that is one no longer.
void KeepWhatTheyMay(Caller& token, store::Role role) {
  const Caller person{{}, ScopesOf(role), ""};
  std::erase_if(token.scopes, [&](const auto& scope) { return !person.May(scope); });
}

net::Response OtherSite(const std::string& why) {
  return net::MakeProblem(403, "csrf_refused", why);
}

void Tell(net::Request& request, const Caller& caller) {
  request.parameters[kUser] = caller.actor.user_id;
  request.parameters[kScopes] = fmt::format("{}", fmt::join(caller.scopes, " "));
  request.parameters[kSession] = caller.session;
}

std::optional<std::string> BearerOf(const net::Request& request) {
  const auto field = request.headers.Find("Authorization");
  constexpr std::string_view kScheme = "bearer ";
  if (!field || field->size() <= kScheme.size() ||
      !net::EqualsIgnoringCase(field->substr(0, kScheme.size()), kScheme))
    return std::nullopt;
  return std::string(field->substr(kScheme.size()));
}

}  // namespace

bool Caller::May(std::string_view scope) const {
  const auto has = [&](std::string_view wanted) {
    return std::ranges::find(scopes, wanted) != scopes.end();
  };
  if (scope == kScopePerson) return has(scope);
  return has(kScopeAdmin) || has(scope) || (scope == kScopeRead && has(kScopeJobs));
}

Caller CallerOf(const net::Request& request) {
  Caller caller;
  const auto user = request.parameters.find(kUser);
  const auto scopes = request.parameters.find(kScopes);
  if (user == request.parameters.end() || scopes == request.parameters.end()) return caller;
  caller.actor.user_id = user->second;
  if (const auto session = request.parameters.find(kSession); session != request.parameters.end())
    caller.session = session->second;
  for (std::size_t at = 0; at < scopes->second.size();) {
    const auto end = std::min(scopes->second.find(' ', at), scopes->second.size());
    caller.scopes.push_back(scopes->second.substr(at, end - at));
    at = end + 1;
  }
  caller.actor.admin = caller.May(kScopeAdmin);
  return caller;
}

asio::awaitable<std::optional<net::Response>> Authenticator::Before(const net::Route& route,
                                                                    net::Request& request) {
  for (const auto* name : {kUser, kScopes, kSession}) request.parameters.erase(name);
  // An agent's own routes have a signature instead.
  const bool agents = route.scope == net::kOpenScope && !request.path.starts_with("/api/");
  if (agents) co_return std::nullopt;
  if (auto token = BearerOf(request)) co_return co_await ByToken(route, request, std::move(*token));
  co_return co_await BySession(route, request);
}

asio::awaitable<Authenticator::Answer> Authenticator::ByToken(const net::Route& route,
                                                              net::Request& request,
                                                              std::string token) {
  const auto caller = co_await Find(std::move(token));
  if (!caller) {
    if (caller.error().code == ErrorCode::kUnauthenticated)
      co_return Unauthenticated(caller.error().message);
    co_return net::MakeProblem(net::ToProblem(caller.error()));
  }
  if (route.scope != net::kOpenScope && !caller->May(route.scope)) {
    co_return net::MakeProblem(403, "forbidden",
                               fmt::format("this token lacks the scope `{}`", route.scope));
  }
  Tell(request, *caller);
  co_return std::nullopt;
}

// On an open route a cookie that is nobody's any more means nothing: who signs in again has one.
asio::awaitable<Authenticator::Answer> Authenticator::BySession(const net::Route& route,
                                                                net::Request& request) {
  const bool open = route.scope == net::kOpenScope;
  if (open && IsUnsafe(request.method)) {
    if (const auto why = RefuseOtherSite(request, secure_)) co_return OtherSite(*why);
  }
  const auto token = SessionTokenOf(request, secure_);
  if (!token) {
    if (open) co_return std::nullopt;
    co_return Unauthenticated("sign in, or give an API token: Authorization: Bearer …");
  }
  const auto hash = HashOfToken(*token);
  const auto caller = co_await FindSession(hash);
  if (!caller) {
    if (open) co_return std::nullopt;
    if (caller.error().code == ErrorCode::kUnauthenticated)
      co_return Unauthenticated(caller.error().message);
    co_return net::MakeProblem(net::ToProblem(caller.error()));
  }
  if (!open && IsUnsafe(request.method)) {
    if (const auto why = RefuseOtherSite(request, secure_)) co_return OtherSite(*why);
    const auto shown = request.headers.Find("X-CSRF-Token").value_or("");
    if (!signing::EqualInConstantTime(shown, CsrfToken(keys_, hash)))
      co_return OtherSite("X-CSRF-Token is not that of this session");
  }
  if (!open && !caller->May(route.scope))
    co_return net::MakeProblem(403, "forbidden", "only administrators may do this");
  Tell(request, *caller);
  co_return std::nullopt;
}

asio::awaitable<Result<Caller>> Authenticator::FindSession(std::string hash) {
  struct Found {
    store::Session session;
    store::User user;
  };
  const auto now = clock_.Now();
  const auto found = co_await store_.Read([hash](store::Transaction& t) -> Result<Found> {
    Found rows;
    PROV_TRY(rows.session, t.sessions().Find(hash));
    PROV_TRY(rows.user, t.users().Get(rows.session.user_id));
    return rows;
  });
  const Error over{ErrorCode::kUnauthenticated, "the session is over: sign in again", {}};
  if (!found) {
    if (found.error().code == ErrorCode::kNotFound) co_return over;
    co_return found.error();
  }
  const auto& [session, user] = *found;
  if (!IsLive(session, now) || user.disabled) co_return over;
  // Once a minute is often enough to know that it is used.
  if (now - session.last_seen_at >= Seconds{60}) {
    (void)co_await store_.Write([hash, id = user.id, now](store::Transaction& t) -> Status {
      PROV_CHECK(t.sessions().Seen(hash, now));
      return t.users().Seen(id, now);
    });
  }
  const bool admin = user.role == store::Role::kAdministrator;
  co_return Caller{{user.name, admin}, ScopesOf(user.role), hash};
}

asio::awaitable<Result<Caller>> Authenticator::Find(std::string token) {
  const auto hash = HashOfToken(token);
  const auto steady = clock_.Steady();
  if (const auto cached = cache_.find(hash); cached != cache_.end()) {
    if (steady < cached->second.until) co_return cached->second.caller;
    cache_.erase(cached);
  }
  const auto now = clock_.Now();
  const auto rows = co_await store_.Read([hash](store::Transaction& t) { return Look(t, hash); });
  const Error unknown{ErrorCode::kUnauthenticated, "this API token is not known", {}};
  if (!rows) {
    if (rows.error().code == ErrorCode::kNotFound) co_return unknown;
    co_return rows.error();
  }
  const auto& [token_row, user] = *rows;
  const auto* found = &token_row;
  if (found->revoked_at || (user && user->disabled)) co_return unknown;
  if (found->expires_at && *found->expires_at <= now)
    co_return Error{ErrorCode::kUnauthenticated, "this API token has expired", {}};
  Caller caller{{found->user_id, false}, found->scopes, ""};
  if (user) KeepWhatTheyMay(caller, user->role);
  caller.actor.admin = caller.May(kScopeAdmin);
  if (cache_.size() >= kMostCached) cache_.clear();
  auto keep = kCachedFor;
  if (found->expires_at) keep = std::min(keep, *found->expires_at - now);
  cache_[hash] = {caller, steady + keep};
  // Once a minute is often enough to know that it is used.
  if (!found->last_used_at || now - *found->last_used_at > Seconds{60}) {
    (void)co_await store_.Write(
        [id = found->id, now](store::Transaction& t) { return t.tokens().Used(id, now); });
  }
  co_return caller;
}

}  // namespace prov::panel
