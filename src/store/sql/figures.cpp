// What people's pages are made of: aggregates that are kept, and queries with an index of their
// own.
#include "store/sql/figures.hpp"

#include <fmt/format.h>

#include "store/sql/aggregates.hpp"
#include "store/sql/columns.hpp"

namespace prov::store::sql {

Result<std::vector<AppStatistics>> SqlJobs::Statistics(const std::vector<std::string>& app_ids) {
  if (app_ids.empty()) return std::vector<AppStatistics>{};
  std::string places = "?1";
  for (std::size_t i = 2; i <= app_ids.size(); ++i) places += fmt::format(", ?{}", i);
  PROV_TRY(
      auto rows,
      SelectAll<AppStatistics>(
          connection_,
          fmt::format("SELECT * FROM app_statistics WHERE app_id IN ({}) ORDER BY app_id", places),
          Values(app_ids.begin(), app_ids.end()), [](Columns& columns, AppStatistics& s) {
            columns.All(s.app_id, s.jobs, s.succeeded, s.failed, s.last_used_at);
          }));
  for (auto& row : rows) {
    std::vector<Millis> durations;
    PROV_CHECK(connection_.Query(
        "SELECT finished_at - started_at FROM jobs "
        "WHERE app_id = ?1 AND status = 'succeeded' AND action = 'install' "
        "AND started_at IS NOT NULL AND finished_at IS NOT NULL ORDER BY id DESC LIMIT ?2",
        {row.app_id, From(kUsualOf)},
        [&](const Row& each) { durations.emplace_back(each.Int(0)); }));
    row.usual = Median(std::move(durations));
  }
  return rows;
}

// The app's row as a job is made.
Status CountJob(Connection& connection, const std::string& app_id, WallTime at, bool begins) {
  PROV_CHECK(connection.Run(
      begins ? "INSERT INTO app_statistics AS s VALUES (?1, 1, 0, 0, ?2) ON CONFLICT (app_id) "
               "DO UPDATE SET jobs = s.jobs + 1, last_used_at = "
               "CASE WHEN s.last_used_at < ?2 THEN ?2 ELSE s.last_used_at END"
             : "UPDATE app_statistics SET jobs = jobs + 1, last_used_at = "
               "CASE WHEN last_used_at < ?2 THEN ?2 ELSE last_used_at END WHERE app_id = ?1",
      {app_id, From(at)}));
  return {};
}

// And as it ends: but not one that was made before its app was counted.
Status CountEnd(Connection& connection, const std::string& app_id, job::Status status) {
  const bool succeeded = status == job::Status::kSucceeded;
  const bool failed = job::IsFailure(status);
  if (!succeeded && !failed) return {};
  PROV_CHECK(
      connection.Run("UPDATE app_statistics SET succeeded = succeeded + ?2, failed = failed + ?3 "
                     "WHERE app_id = ?1 AND succeeded + failed < jobs",
                     {app_id, From(succeeded), From(failed)}));
  return {};
}

Result<std::vector<JobOutline>> SqlJobs::Outlines(const Actor&, WallTime since, std::size_t limit) {
  return SelectAll<JobOutline>(
      connection_,
      "SELECT id, created_at, started_at, finished_at, status, failure_kind FROM jobs "
      "WHERE id >= ?1 ORDER BY id DESC LIMIT ?2",
      {FirstIdAt(since), From(limit)}, [](Columns& columns, JobOutline& o) {
        columns.All(o.id, o.created_at, o.started_at, o.finished_at, o.status, o.failure_kind);
      });
}

}  // namespace prov::store::sql
