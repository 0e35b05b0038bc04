// Jobs that somebody else pushed to an agent's queue, signed with its job key. The panel has no row
// of them until the agent says that it has one.
#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"
#include "job/event.hpp"
#include "job/record.hpp"
#include "panel/registry/registry.hpp"
#include "store/agents.hpp"
#include "store/database.hpp"

namespace prov::panel {

// The new row, handed over to `agent`, for the event to be applied to. `event` is the first about
// its job and says what was ordered (job::StateChange::ordered). Whose it is stays a claim.
// Of an application that `catalogue` has not, no statistics are begun: agents invent names.
Result<job::Record> AdoptExternalJob(store::Transaction& t, const store::Agent& agent,
                                     const Catalogue& catalogue, const job::Event& event,
                                     WallTime now);

}  // namespace prov::panel
