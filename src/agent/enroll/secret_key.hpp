// SECRET_KEY on a server that does not need it any more: while one holds it, whoever has that
// server can speak for every other.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/files.hpp"

namespace prov::agent {

// Takes it out of the configuration file (empty: none), and says what was done and where it still
// stands: the environment is not ours to change.
std::vector<std::string> ForgetSecretKey(const Path& file,
                                         const std::map<std::string, std::string>& environment);

}  // namespace prov::agent
