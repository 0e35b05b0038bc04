#include "panel/auth/authenticator.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "net/problem.hpp"
#include "panel/auth/api_tokens.hpp"

namespace prov::panel {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kMostCached = 1000;
constexpr Millis kCachedFor{2'000};
// Names no client's path parameter can have: the router sets parameters from `{name}` only.
constexpr const char* kUser = " user";
constexpr const char* kScopes = " scopes";

net::Response Unauthenticated(std::string detail) {
  return net::MakeProblem(401, "unauthenticated", std::move(detail));
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
  return has(kScopeAdmin) || has(scope) || (scope == kScopeRead && has(kScopeJobs));
}

Caller CallerOf(const net::Request& request) {
  Caller caller;
  const auto user = request.parameters.find(kUser);
  const auto scopes = request.parameters.find(kScopes);
  if (user == request.parameters.end() || scopes == request.parameters.end()) return caller;
  caller.actor.user_id = user->second;
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
  request.parameters.erase(kUser);
  request.parameters.erase(kScopes);
  const bool open = route.scope == net::kOpenScope;
  const auto token = BearerOf(request);
  if (!token) {
    if (open) co_return std::nullopt;
    co_return Unauthenticated("this needs an API token: Authorization: Bearer …");
  }
  // An agent's own routes have a signature instead.
  if (open && !request.path.starts_with("/api/")) co_return std::nullopt;
  const auto caller = co_await Find(*token);
  if (!caller) {
    if (caller.error().code == ErrorCode::kUnauthenticated)
      co_return Unauthenticated(caller.error().message);
    co_return net::MakeProblem(net::ToProblem(caller.error()));
  }
  if (!open && !caller->May(route.scope)) {
    co_return net::MakeProblem(403, "forbidden",
                               fmt::format("this token lacks the scope `{}`", route.scope));
  }
  request.parameters[kUser] = caller->actor.user_id;
  request.parameters[kScopes] = fmt::format("{}", fmt::join(caller->scopes, " "));
  co_return std::nullopt;
}

asio::awaitable<Result<Caller>> Authenticator::Find(std::string token) {
  const auto hash = HashOfToken(token);
  const auto steady = clock_.Steady();
  if (const auto cached = cache_.find(hash); cached != cache_.end()) {
    if (steady < cached->second.until) co_return cached->second.caller;
    cache_.erase(cached);
  }
  const auto now = clock_.Now();
  const auto found =
      co_await store_.Read([hash](store::Transaction& t) { return t.tokens().FindByHash(hash); });
  const Error unknown{ErrorCode::kUnauthenticated, "this API token is not known", {}};
  if (!found) {
    if (found.error().code == ErrorCode::kNotFound) co_return unknown;
    co_return found.error();
  }
  if (found->revoked_at) co_return unknown;
  if (found->expires_at && *found->expires_at <= now)
    co_return Error{ErrorCode::kUnauthenticated, "this API token has expired", {}};
  Caller caller{{found->user_id, false}, found->scopes};
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
