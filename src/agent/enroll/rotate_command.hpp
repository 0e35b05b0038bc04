// `provisioning-agent rotate-sealing-key`: another key for what is sealed to this server.
#pragma once

#include <string>
#include <vector>

namespace prov::agent {

// The exit status: 0 another key is there, 2 usage or this machine's state.
int RunRotateSealingKey(const std::vector<std::string>& arguments);

}  // namespace prov::agent
