#include "store/sql/aggregates.hpp"
#include "store/sql/columns.hpp"

namespace prov::store::sql {

Result<std::optional<AttemptCount>> SqlAttempts::Find(const std::string& hash) {
  return SelectOne<AttemptCount>(
      connection_, "SELECT attempts, since FROM sign_in_attempts WHERE hash = ?1", {Blob{hash}},
      [](Columns& columns, AttemptCount& found) { columns.All(found.count, found.since); });
}

Status SqlAttempts::Keep(const std::string& hash, const AttemptCount& count) {
  PROV_CHECK(connection_.Run(
      "INSERT INTO sign_in_attempts (hash, attempts, since) VALUES (?1, ?2, ?3) "
      "ON CONFLICT (hash) DO UPDATE SET attempts = excluded.attempts, since = excluded.since",
      {Blob{hash}, From(count.count), From(count.since)}));
  return {};
}

Status SqlAttempts::Remove(const std::string& hash) {
  PROV_CHECK(connection_.Run("DELETE FROM sign_in_attempts WHERE hash = ?1", {Blob{hash}}));
  return {};
}

Result<std::uint64_t> SqlAttempts::RemoveOld(WallTime since) {
  PROV_TRY(const auto changed,
           connection_.Run("DELETE FROM sign_in_attempts WHERE since <= ?1", {From(since)}));
  return static_cast<std::uint64_t>(changed);
}

}  // namespace prov::store::sql
