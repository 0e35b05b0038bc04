// Who is told of jobs as they end or park: on the panel's io thread, after the commit. Of one that
// an agent ended, without its inputs, outputs, processes and steps.
#pragma once

#include <functional>

#include "job/record.hpp"

namespace prov::panel {

using JobListener = std::function<void(const job::Record&)>;

}  // namespace prov::panel
