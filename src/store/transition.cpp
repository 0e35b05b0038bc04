#include "store/transition.hpp"

#include <fmt/format.h>

#include "base/json.hpp"

namespace prov::store {

Status CheckApply(const Uuid& id, const Expected& row, const Expected& expected, job::Party by,
                  const job::Record& next) {
  if (row.attempt != expected.attempt || row.status != expected.status) {
    return Error{ErrorCode::kConflict,
                 fmt::format("job {} is {} in attempt {}, not {} in attempt {}.", id.ToString(),
                             json::EnumName(row.status), row.attempt,
                             json::EnumName(expected.status), expected.attempt)};
  }
  const bool stays = row.status == next.status && !job::IsTerminal(row.status);
  if (!stays && !job::MayTransition(row.status, next.status, by)) {
    return Error{ErrorCode::kConflict,
                 fmt::format("job {} is {} and cannot become {}.", id.ToString(),
                             json::EnumName(row.status), json::EnumName(next.status))};
  }
  if (next.attempt < row.attempt) {
    return Error{ErrorCode::kConflict, fmt::format("job {} is in attempt {}; {} is over.",
                                                   id.ToString(), row.attempt, next.attempt)};
  }
  return {};
}

}  // namespace prov::store
