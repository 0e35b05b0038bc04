// A job that the panel itself ends or parks. Within a transaction.
#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "job/record.hpp"
#include "store/database.hpp"

namespace prov::panel {

// `record` becomes `status`, with its audit entry; appended to `ended`, for who is told afterwards.
Status EndJob(store::Transaction& t, const job::Record& record, job::Status status,
              std::string reason, WallTime now, std::vector<job::Record>& ended);

}  // namespace prov::panel
