// Whether a server is one an installer can run on, before a job is made: by the contract's one
// check, over what the server last said of itself. The agent checks again before it runs anything.
#pragma once

#include <optional>

#include "contract/machine.hpp"
#include "net/problem.hpp"
#include "store/agents.hpp"
#include "store/database.hpp"

namespace prov::panel {

// What the agent last reported; nothing where it has not, or is too old to say all that counts.
// Free disk is the most it can be, since it is told rounded down.
std::optional<contract::MachineFacts> MachineOf(const store::Agent& agent);

// `unsuitable_server` (422): each requirement that is not met, with what is wanted and what there
// is. Nothing where the server fits, or is not known well enough: then its agent decides.
std::optional<net::Problem> Preflight(const contract::Manifest& manifest,
                                      const store::Agent& agent);

// The same of a server by its id: also `unknown_server` (422) where it is none, and
// `server_not_registered` (409) where nothing can be sealed to it.
std::optional<net::Problem> CheckServer(const contract::Manifest& manifest,
                                        const std::string& server_id,
                                        const std::optional<store::Agent>& agent);

// The plain inputs of the last install or upgrade that succeeded there and was not undone since, as
// the agent remembers them, for the form of an uninstall or a check; of other actions none.
Result<boost::json::object> LastInputs(store::Transaction& t, const store::Actor& actor,
                                       const std::string& app_id, const std::string& server_id,
                                       contract::Action action);

}  // namespace prov::panel
