#include "panel/dispatch/pending_commands.hpp"

#include "base/json.hpp"

namespace prov::panel {

Result<store::Command> SignedCommand(const KeyRing& keys, const store::Agent& agent, const Uuid& id,
                                     job::CommandType type, const job::Command& said,
                                     const std::optional<Uuid>& job) {
  PROV_TRY(auto bytes, keys.SignCommand(type, said, agent.key_generation));
  return store::Command{
      id, agent.id, json::EnumName(type), job, std::move(bytes), said.issued_at, said.expires_at};
}

Result<std::vector<Uuid>> PendingCommands(store::Transaction& t, const std::string& agent,
                                          job::CommandType type, const std::optional<Uuid>& job) {
  PROV_TRY(const auto pending, t.commands().Pending(agent, kMostPending));
  const auto kind = json::EnumName(type);
  std::vector<Uuid> ids;
  for (const auto& command : pending) {
    if (command.kind == kind && (!job || command.job_id == job)) ids.push_back(command.id);
  }
  return ids;
}

Status Withdraw(store::Transaction& t, const std::vector<Uuid>& commands) {
  for (const auto& id : commands) PROV_CHECK(t.commands().Confirm(id));
  return {};
}

}  // namespace prov::panel
