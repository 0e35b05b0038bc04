// Who is asking, and may they: API tokens, their scopes, and the decision for each route.
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
#include "panel/store_gate.hpp"
#include "store/actor.hpp"

namespace prov::panel {

// What a token may do; `admin` may everything.
inline constexpr std::string_view kScopeRead = "read";
inline constexpr std::string_view kScopeJobs = "jobs";  // make, cancel, retry; and read
inline constexpr std::string_view kScopeMetrics = "metrics";
inline constexpr std::string_view kScopeAdmin = "admin";

struct Caller {
  store::Actor actor;
  std::vector<std::string> scopes;
  bool May(std::string_view scope) const;
};

// Who the request is by, as Authenticator::Before found it out; no scopes for nobody.
Caller CallerOf(const net::Request& request);

class Authenticator {
 public:
  Authenticator(StoreGate& store, const Clock& clock) : store_(store), clock_(clock) {}

  // For Router::Dispatch: the answer where the caller may not, nothing where they may. What a
  // client says of itself in the fields used here is taken away.
  boost::asio::awaitable<std::optional<net::Response>> Before(const net::Route& route,
                                                              net::Request& request);

 private:
  struct Cached {
    Caller caller;
    SteadyTime until{};
  };
  boost::asio::awaitable<Result<Caller>> Find(std::string token);

  StoreGate& store_;
  const Clock& clock_;
  std::map<std::string, Cached> cache_;  // by the token's hash; short, so that a revocation counts
};

}  // namespace prov::panel
