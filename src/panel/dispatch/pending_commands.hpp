// What an agent was told and has not reported yet. Within a transaction.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/uuid.hpp"
#include "job/command.hpp"
#include "store/database.hpp"

namespace prov::panel {

inline constexpr std::size_t kMostPending = 1000;  // of one agent's commands, read at once

// The ids of its commands of this kind, oldest first; of `job` alone where one is given.
Result<std::vector<Uuid>> PendingCommands(store::Transaction& t, const std::string& agent,
                                          job::CommandType type,
                                          const std::optional<Uuid>& job = std::nullopt);
// They are not sent any more.
Status Withdraw(store::Transaction& t, const std::vector<Uuid>& commands);

}  // namespace prov::panel
