// A program of the system's, run to its end. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"

namespace prov::exec {

// arguments[0] is its absolute path; its output goes where ours goes. Its exit status, or 128 and
// the number of the signal that ended it. An error where it could not be started.
Result<int> RunCommand(const std::vector<std::string>& arguments);

}  // namespace prov::exec
