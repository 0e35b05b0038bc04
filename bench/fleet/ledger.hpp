// When each job was submitted, taken by its agent, and known to the panel as ended. The submitter
// and the agents write down their own part, in whatever order they learn of it.
//
// Single-threaded.
#pragma once

#include <optional>
#include <unordered_map>

#include "base/clock.hpp"
#include "base/uuid.hpp"

namespace prov::bench {

struct JobTimes {
  std::optional<SteadyTime> submitted;  // the request was about to be sent
  std::optional<SteadyTime> accepted;   // its agent had verified the order
  std::optional<SteadyTime> ended;      // its agent had the acknowledgement of the result
  unsigned came_again = 0;              // orders, beyond the first
};

using Ledger = std::unordered_map<Uuid, JobTimes>;

}  // namespace prov::bench
