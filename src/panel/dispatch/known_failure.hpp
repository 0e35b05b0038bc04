// Why an attempt failed, in the words of its installer (docs/contract.md, C-FAIL-1).
#pragma once

#include <optional>

#include "base/result.hpp"
#include "job/record.hpp"
#include "panel/registry/registry.hpp"
#include "store/database.hpp"

namespace prov::panel {

// How many lines at the end of a log are searched.
inline constexpr std::uint64_t kSearchedLines = 2000;

// The last line of the log of the attempt that was started last which one of the installer's
// patterns is found in; of several the first in the manifest. Nothing where there is none, or where
// `catalogue` has not the installer of that digest. Within a transaction, on any thread.
Result<std::optional<job::FailureFound>> FindKnownFailure(store::Transaction& t,
                                                          const Catalogue& catalogue,
                                                          const job::Record& record);

}  // namespace prov::panel
