// The check every implementation of Jobs::Apply makes before it writes.
#pragma once

#include "store/jobs.hpp"

namespace prov::store {

// kConflict with a sentence when the row is not the expected or the transition is not legal.
Status CheckApply(const Uuid& id, const Expected& row, const Expected& expected, job::Party by,
                  const job::Record& next);

}  // namespace prov::store
