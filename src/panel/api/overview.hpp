// The last hours in figures, made of the outlines of their jobs. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "base/clock.hpp"
#include "panel/dispatch/dispatcher.hpp"
#include "store/jobs.hpp"

namespace prov::panel {

inline constexpr Seconds kOverviewLeast = std::chrono::hours{1};
inline constexpr Seconds kOverviewMost = std::chrono::hours{24 * 31};
// A job waits that long at most, so that whoever waited at `since` was made after since - this.
inline constexpr Seconds kOverviewWait = std::chrono::hours{24};

// `jobs` made at since - kOverviewWait or later, in any order; by whole hours from the one of
// `since` to the one of `now`. Jobs count in the hour they were made.
boost::json::object OverviewJson(const std::vector<store::JobOutline>& jobs,
                                 const std::map<ServerStatus, std::size_t>& agents, WallTime since,
                                 WallTime now);

}  // namespace prov::panel
