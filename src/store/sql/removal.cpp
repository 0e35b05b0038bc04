// Jobs that are kept no longer, and logs that are not kept as long as their jobs.
#include "store/sql/aggregates.hpp"
#include "store/sql/columns.hpp"

namespace prov::store::sql {
namespace {

struct Old {
  Uuid id;
  std::string server_id;
  std::string app_id;
  contract::Action action{};
  job::Status status{};
  WallTime changed_at{};  // by its last change
};

// The newest of its server and app that succeeded and was no check.
Result<bool> SaysWhatIsInstalled(Connection& connection, const Old& job) {
  if (job.status != job::Status::kSucceeded || job.action == contract::Action::kCheck) return false;
  PROV_TRY(const auto newer,
           SelectOne<Uuid>(connection,
                           "SELECT id FROM jobs WHERE server_id = ?1 AND app_id = ?2 AND id > ?3 "
                           "AND status = 'succeeded' AND action <> 'check' LIMIT 1",
                           {job.server_id, job.app_id, From(job.id)},
                           [](Columns& columns, Uuid& id) { columns.To(id); }));
  return !newer;
}

// The first job above `after`, made before `before`, of which a line is left. The index of log
// chunks has no others, so that a log that was removed is never looked at again.
Result<std::optional<Uuid>> NextWithLog(Connection& connection, const Uuid& after,
                                        WallTime before) {
  return SelectOne<Uuid>(
      connection,
      "SELECT job_id FROM changes WHERE job_id > ?1 AND job_id < ?2 AND log_first IS NOT NULL "
      "ORDER BY job_id, attempt, log_first LIMIT 1",
      {From(after), FirstIdAt(before)}, [](Columns& columns, Uuid& id) { columns.To(id); });
}

Result<bool> EndedBefore(Connection& connection, const Uuid& id, WallTime before) {
  PROV_TRY(const auto job, SelectOne<Old>(connection,
                                          "SELECT j.status, c.at FROM jobs AS j JOIN changes AS c "
                                          "ON c.job_id = j.id AND c.seq = j.seq WHERE j.id = ?1",
                                          {From(id)}, [](Columns& columns, Old& o) {
                                            columns.All(o.status, o.changed_at);
                                          }));
  return job && job::IsTerminal(job->status) && job->changed_at < before;
}

}  // namespace

Result<Removal> SqlJobs::RemoveEnded(const std::optional<Uuid>& after, WallTime before,
                                     std::size_t limit) {
  PROV_TRY(
      const auto old,
      SelectAll<Old>(connection_,
                     "SELECT j.id, j.server_id, j.app_id, j.action, j.status, c.at "
                     "FROM jobs AS j JOIN changes AS c ON c.job_id = j.id AND c.seq = j.seq "
                     "WHERE j.id > ?1 AND j.id < ?2 ORDER BY j.id LIMIT ?3",
                     {after ? From(*after) : FirstIdAt(WallTime{}), FirstIdAt(before), From(limit)},
                     [](Columns& columns, Old& o) {
                       columns.All(o.id, o.server_id, o.app_id, o.action, o.status, o.changed_at);
                     }));
  Removal removal;
  for (const auto& job : old) {
    removal.last = job.id;
    if (!job::IsTerminal(job.status) || job.changed_at >= before) continue;
    PROV_TRY(const auto stays, SaysWhatIsInstalled(connection_, job));
    if (stays) continue;
    PROV_CHECK(connection_.Run("DELETE FROM changes WHERE job_id = ?1", {From(job.id)}));
    PROV_CHECK(connection_.Run("DELETE FROM jobs WHERE id = ?1", {From(job.id)}));
    ++removal.removed;
    removal.newest = job.id;
  }
  return removal;
}

Result<Removal> SqlJobs::RemoveLogs(const std::optional<Uuid>& after, WallTime before, WallTime now,
                                    std::size_t limit) {
  Removal removal{.last = after.value_or(Uuid{})};
  for (std::size_t left = limit; left > 0;) {
    PROV_TRY(const auto job, NextWithLog(connection_, *removal.last, before));
    if (!job) {
      removal.last.reset();
      break;
    }
    PROV_TRY(const bool ended, EndedBefore(connection_, *job, before));
    if (!ended) {
      --left;
      removal.last = job;
      continue;
    }
    PROV_TRY(const auto marked,
             connection_.Run(
                 "UPDATE jobs SET log_removed_at = ?1 WHERE id = ?2 AND log_removed_at IS NULL",
                 {From(now), From(*job)}));
    PROV_TRY(
        const auto chunks,
        connection_.Run("UPDATE changes SET log_first = NULL, log_count = NULL, log_bytes = NULL "
                        "WHERE job_id = ?1 AND seq IN (SELECT seq FROM changes WHERE job_id = ?1 "
                        "AND log_first IS NOT NULL ORDER BY attempt, log_first LIMIT ?2)",
                        {From(*job), From(left)}));
    if (marked > 0) {
      ++removal.removed;
      removal.newest = job;
    }
    // What is left of a long log is found again: `last` is before its job.
    left -= static_cast<std::size_t>(chunks);
  }
  return removal;
}

}  // namespace prov::store::sql
