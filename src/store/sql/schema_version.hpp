// What the schema version of a database means to this program, whose newest is `newest`.
// kUnsupported, with a sentence that says what to do.
#pragma once

#include <cstdint>

#include <fmt/format.h>

#include "base/result.hpp"

namespace prov::store::sql {

inline Status CheckNotNewer(std::int64_t version, std::int64_t newest) {
  if (version <= newest) return {};
  return Error{ErrorCode::kUnsupported,
               fmt::format("the database has schema version {}, this program knows versions up to "
                           "{}; run the newer program, or restore a backup.",
                           version, newest)};
}

inline Status CheckSameVersion(std::int64_t version, std::int64_t newest) {
  if (version == newest) return {};
  return Error{ErrorCode::kUnsupported,
               fmt::format("the database has schema version {}, this program's is {}; run the "
                           "program of the panels that use it, or start a panel of this one first.",
                           version, newest)};
}

}  // namespace prov::store::sql
