// A password that a person gives at the panel's own machine; never as an argument, which others
// see.
#pragma once

#include <string>

#include "base/result.hpp"

namespace prov::panel {

// The first line of `file` ("-" is standard input); with "" it is asked for twice at the terminal,
// without an echo. kInvalidArgument where there is no terminal, or the two differ.
Result<std::string> TypedPassword(const std::string& file);

}  // namespace prov::panel
