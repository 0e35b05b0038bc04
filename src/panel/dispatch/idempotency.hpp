// Idempotency-Key: the same request is answered what it was answered first, another request with
// its key is refused. A value, copied into the transactions of one request.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "net/problem.hpp"
#include "panel/dispatch/key_ring.hpp"
#include "store/database.hpp"

namespace prov::panel {

struct IdempotencyRequest {
  std::string key;      // 1..255 characters, checked by the caller
  std::string request;  // what makes it the same: path and body; only a keyed MAC of it is kept
};

class Idempotency {
 public:
  // Without a request nothing is ever found, nor kept.
  Idempotency(const store::Actor& actor, const std::optional<IdempotencyRequest>& request,
              const KeyRing& keys, WallTime now);

  Result<std::optional<store::Replay>> Find(store::Transaction& t) const;
  // In the transaction of the effect, after Find() there.
  Status Keep(store::Transaction& t, const store::StoredResponse& response) const;
  // What was found answers this request, or `idempotency_conflict`.
  std::variant<store::StoredResponse, net::Problem> Judge(const store::Replay& found) const;

 private:
  store::Actor actor_;
  std::string key_;  // empty: none
  std::string mac_;
  WallTime now_;
};

}  // namespace prov::panel
