#include "panel/dispatch/idempotency.hpp"

namespace prov::panel {

Idempotency::Idempotency(const store::Actor& actor,
                         const std::optional<IdempotencyRequest>& request, const KeyRing& keys,
                         WallTime now)
    : actor_(actor), now_(now) {
  if (!request) return;
  key_ = request->key;
  mac_ = keys.PanelMac("idempotency", request->request);
}

Result<std::optional<store::Replay>> Idempotency::Find(store::Transaction& t) const {
  if (key_.empty()) return std::optional<store::Replay>();
  return t.replays().Find(actor_, key_, now_);
}

Status Idempotency::Keep(store::Transaction& t, const store::StoredResponse& response) const {
  if (key_.empty()) return {};
  return t.replays().Keep(actor_, key_, {mac_, response}, now_);
}

std::variant<store::StoredResponse, net::Problem> Idempotency::Judge(
    const store::Replay& found) const {
  if (found.body_mac == mac_) return found.response;
  return net::Problem{.status = 422,
                      .code = "idempotency_conflict",
                      .detail = "this Idempotency-Key was used with another request"};
}

}  // namespace prov::panel
