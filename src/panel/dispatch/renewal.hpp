// What was signed for an agent that did not take it yet, and has begun another epoch or was given
// other keys since: it refuses what is not signed for those that it has now.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "job/command.hpp"
#include "panel/dispatch/key_ring.hpp"
#include "store/database.hpp"

namespace prov::panel {

// The same order for the agent as it is now; only for a job that was never handed over, since
// another order for one that was might run it twice. Nothing where it is for that already, and
// where it is no order signed here: that is for the agent to judge.
Result<std::optional<std::string>> RenewedOrder(const KeyRing& keys, const store::Agent& agent,
                                                std::string_view envelope);

// Within the transaction in which the agent begins its epoch: in place of its pending commands
// there are the same ones for that epoch, with new ids and the times they had, but none of the
// kinds that are `moot`. Whether there are any.
Result<bool> RenewCommands(store::Transaction& t, const KeyRing& keys, const store::Agent& agent,
                           std::initializer_list<job::CommandType> moot);

// For a server that was drained: what held that may have gone with its journal. It is told again,
// after RenewCommands(), where no drain or resume waits for it. Whether it is.
Result<bool> RenewDrain(store::Transaction& t, const KeyRing& keys, const store::Agent& agent,
                        WallTime now);

}  // namespace prov::panel
