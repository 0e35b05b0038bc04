// The agent's main process: the executor behind one poll loop.
#pragma once

#include "agent/configuration.hpp"
#include "agent/identity.hpp"

namespace prov::agent {

// Runs until SIGTERM or SIGINT; runners go on without it. The exit status: 0, 1 for a failure at
// run time (a restart may help), 2 when it cannot start with this configuration.
int RunAgent(const AgentConfiguration& configuration);

}  // namespace prov::agent
