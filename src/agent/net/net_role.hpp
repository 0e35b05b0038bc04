// The net role: the only part of the agent with network. An unprivileged process that passes signed
// and sealed bytes through; it holds the http key and no other.
#pragma once

namespace prov::agent {

// `provisioning-agent net-role`, exec'ed by the executor with the socketpair as descriptor 3. Runs
// until the executor has gone. The exit status: 0, or 2 when it was not started by an executor or
// cannot give up its privileges.
int RunNetRole();

}  // namespace prov::agent
