// `provisioning-agent enroll`: registers this server at a panel with a one-time token.
#pragma once

#include <string>
#include <vector>

namespace prov::agent {

// The exit status: 0 enrolled, 1 refused by the panel, 2 usage or this machine's state, 4 the panel
// could not be reached.
int RunEnroll(std::vector<std::string> arguments);

}  // namespace prov::agent
