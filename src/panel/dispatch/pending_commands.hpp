// What an agent was told and has not reported yet. Within a transaction.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/uuid.hpp"
#include "job/command.hpp"
#include "panel/dispatch/key_ring.hpp"
#include "store/database.hpp"

namespace prov::panel {

// `said`, which is about `job` where it is about one, signed with the agent's keys as they are, and
// as it is kept until the agent reports its effect.
Result<store::Command> SignedCommand(const KeyRing& keys, const store::Agent& agent, const Uuid& id,
                                     job::CommandType type, const job::Command& said,
                                     const std::optional<Uuid>& job = std::nullopt);

inline constexpr std::size_t kMostPending = 1000;  // of one agent's commands, read at once

// The ids of its commands of this kind, oldest first; of `job` alone where one is given.
Result<std::vector<Uuid>> PendingCommands(store::Transaction& t, const std::string& agent,
                                          job::CommandType type,
                                          const std::optional<Uuid>& job = std::nullopt);
// They are not sent any more.
Status Withdraw(store::Transaction& t, const std::vector<Uuid>& commands);

}  // namespace prov::panel
