#include "panel/dispatch/renewal.hpp"

#include <algorithm>
#include <vector>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "base/sha256.hpp"
#include "job/order.hpp"
#include "panel/dispatch/pending_commands.hpp"

namespace prov::panel {
namespace {

// The old one with other random digits. The same ones when the transaction runs again.
Result<Uuid> RenewedId(const Uuid& old, const Uuid& epoch) {
  auto text = old.ToString();
  const auto digits = HexEncode(Sha256(text + epoch.ToString()));
  text.replace(15, 3, digits, 0, 3);
  text.replace(20, 3, digits, 3, 3);
  text.replace(24, 12, digits, 6, 12);
  return Uuid::Parse(text);
}

// Nothing where it is no command signed here.
Result<std::optional<store::Command>> Renewed(const KeyRing& keys, const store::Agent& agent,
                                              const Uuid& epoch, job::CommandType type,
                                              store::Command command) {
  const auto opened =
      keys.VerifyOwn(command.bytes, job::PayloadType(type), agent.id, agent.key_generation);
  if (!opened) return std::optional<store::Command>();
  PROV_TRY(auto said, job::ParseCommand(type, opened->payload));
  PROV_TRY(command.id, RenewedId(command.id, epoch));
  said.epoch = epoch;
  said.nonce = CommandNonce(command.id);
  PROV_TRY(command.bytes, keys.SignCommand(type, said, agent.key_generation));
  return std::optional(std::move(command));
}

Result<std::vector<store::Command>> WithdrawAll(store::Transaction& t, const std::string& agent) {
  std::vector<store::Command> all;
  for (bool more = true; more;) {
    PROV_TRY(auto some, t.commands().Pending(agent, kMostPending));
    more = some.size() == kMostPending;
    for (auto& command : some) {
      PROV_CHECK(t.commands().Confirm(command.id));
      all.push_back(std::move(command));
    }
  }
  return all;
}

}  // namespace

Result<std::optional<std::string>> RenewedOrder(const KeyRing& keys, const store::Agent& agent,
                                                std::string_view envelope) {
  const std::optional<std::string> as_it_is;
  const auto opened =
      keys.VerifyOwn(envelope, job::kOrderPayloadType, agent.id, agent.key_generation);
  if (!opened) return as_it_is;
  auto order = job::ParseOrder(opened->payload);
  if (!order) return as_it_is;  // of another version
  PROV_TRY(const auto epoch, Uuid::Parse(agent.epoch));
  if (order->epoch == epoch && opened->generation == agent.key_generation) return as_it_is;
  order->epoch = epoch;
  PROV_TRY(const auto payload, job::SerializeOrder(*order));
  PROV_TRY(auto renewed, keys.SignOrder(payload, agent.id, agent.key_generation));
  return std::optional(std::move(renewed));
}

Result<bool> RenewCommands(store::Transaction& t, const KeyRing& keys, const store::Agent& agent,
                           std::initializer_list<job::CommandType> moot) {
  PROV_TRY(const auto epoch, Uuid::Parse(agent.epoch));
  PROV_TRY(auto withdrawn, WithdrawAll(t, agent.id));
  bool any = false;
  for (auto& command : withdrawn) {
    const auto type = json::EnumFromName<job::CommandType>(command.kind);
    if (!type || std::ranges::find(moot, *type) != moot.end()) continue;
    PROV_TRY(const auto renewed, Renewed(keys, agent, epoch, *type, std::move(command)));
    if (!renewed) continue;
    PROV_CHECK(t.commands().Insert(*renewed));
    any = true;
  }
  return any;
}

Result<bool> RenewDrain(store::Transaction& t, const KeyRing& keys, const store::Agent& agent,
                        WallTime now) {
  constexpr auto kDrain = job::CommandType::kDrain;
  PROV_TRY(const auto waiting, PendingCommands(t, agent.id, kDrain));
  if (!waiting.empty()) return false;
  PROV_TRY(const auto epoch, Uuid::Parse(agent.epoch));
  PROV_TRY(const auto id, RenewedId(epoch, epoch));
  auto command = CommandHeader(agent.id, epoch, id, now);
  command.drain = job::Drain{true};
  PROV_TRY(const auto row, SignedCommand(keys, agent, id, kDrain, command));
  PROV_CHECK(t.commands().Insert(row));
  return true;
}

}  // namespace prov::panel
