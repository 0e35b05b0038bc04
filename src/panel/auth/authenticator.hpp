// Who is asking, and may they: API tokens, sessions of people, their scopes, and the decision for
// each route.
//
// Single-threaded: every call is made on the panel's io thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "net/router.hpp"
#include "panel/dispatch/key_ring.hpp"
#include "panel/store_gate.hpp"
#include "store/actor.hpp"

namespace prov::panel {

// What a token may do; `admin` may everything.
inline constexpr std::string_view kScopeRead = "read";
inline constexpr std::string_view kScopeJobs = "jobs";  // make, cancel, retry; and read
inline constexpr std::string_view kScopeMetrics = "metrics";
inline constexpr std::string_view kScopeAdmin = "admin";
// What only a person who is signed in may: no token has it.
inline constexpr std::string_view kScopePerson = "person";

struct Caller {
  store::Actor actor;
  std::vector<std::string> scopes;
  std::string session;  // its hash; "" for a token
  bool May(std::string_view scope) const;
};

// Who the request is by, as Authenticator::Before found it out; no scopes for nobody.
Caller CallerOf(const net::Request& request);

class Authenticator {
 public:
  // `secure`: as browsers reach the panel (session_cookie.hpp).
  Authenticator(StoreGate& store, const Clock& clock, const KeyRing& keys, bool secure)
      : store_(store), clock_(clock), keys_(keys), secure_(secure) {}

  // For Router::Dispatch: the answer where the caller may not, nothing where they may. What a
  // client says of itself in the fields used here is taken away.
  boost::asio::awaitable<std::optional<net::Response>> Before(const net::Route& route,
                                                              net::Request& request);

 private:
  struct Cached {
    Caller caller;
    SteadyTime until{};
  };
  using Answer = std::optional<net::Response>;
  boost::asio::awaitable<Result<Caller>> Find(std::string token);
  boost::asio::awaitable<Result<Caller>> FindSession(std::string hash);
  boost::asio::awaitable<Answer> ByToken(const net::Route& route, net::Request& request,
                                         std::string token);
  boost::asio::awaitable<Answer> BySession(const net::Route& route, net::Request& request);

  StoreGate& store_;
  const Clock& clock_;
  const KeyRing& keys_;
  bool secure_;
  std::map<std::string, Cached> cache_;  // by the token's hash; short, so that a revocation counts
};

}  // namespace prov::panel
