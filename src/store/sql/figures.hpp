// Aggregates that are kept in the transaction of what they count.
#pragma once

#include "base/clock.hpp"
#include "job/status.hpp"
#include "store/sql/connection.hpp"

namespace prov::store::sql {

// A job of the app was made at `at`; one has become terminal. `begins`: where nothing is counted of
// that app yet, from now on it is.
Status CountJob(Connection& connection, const std::string& app_id, WallTime at, bool begins);
Status CountEnd(Connection& connection, const std::string& app_id, job::Status status);

}  // namespace prov::store::sql
