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
  WallTime changed_at{};     // by its last change
  std::uint64_t newest = 0;  // the sequence of that
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

// Whether it is kept no longer.
Result<bool> Goes(Connection& connection, const Old& job, WallTime before) {
  if (!job::IsTerminal(job.status) || job.changed_at >= before) return false;
  PROV_TRY(const bool stays, SaysWhatIsInstalled(connection, job));
  return !stays;
}

Result<std::uint64_t> OldestChange(Connection& connection, const Uuid& job) {
  PROV_TRY(const auto seq,
           SelectOne<std::uint64_t>(
               connection, "SELECT min(seq) FROM changes WHERE job_id = ?1", {From(job)},
               [](Columns& columns, std::uint64_t& found) { columns.To(found); }));
  return seq.value_or(0);
}

Status RemoveWhole(Connection& connection, const Uuid& job) {
  PROV_CHECK(connection.Run("DELETE FROM changes WHERE job_id = ?1", {From(job)}));
  PROV_CHECK(connection.Run("DELETE FROM jobs WHERE id = ?1", {From(job)}));
  return {};
}

// The changes below `seq`, while the job is still there.
Status RemoveBelow(Connection& connection, const Uuid& job, std::uint64_t seq, WallTime now) {
  PROV_CHECK(connection.Run(
      "UPDATE jobs SET log_removed_at = ?1 WHERE id = ?2 AND log_removed_at IS NULL AND EXISTS "
      "(SELECT 1 FROM changes WHERE job_id = ?2 AND log_first IS NOT NULL)",
      {From(now), From(job)}));
  PROV_CHECK(
      connection.Run("DELETE FROM changes WHERE job_id = ?1 AND seq < ?2", {From(job), From(seq)}));
  return {};
}

}  // namespace

Result<Removal> SqlJobs::RemoveEnded(const std::optional<Uuid>& after, WallTime before,
                                     WallTime now, std::size_t limit) {
  PROV_TRY(
      const auto old,
      SelectAll<Old>(connection_,
                     "SELECT j.id, j.server_id, j.app_id, j.action, j.status, c.at, c.seq "
                     "FROM jobs AS j JOIN changes AS c ON c.job_id = j.id AND c.seq = j.seq "
                     "WHERE j.id > ?1 AND j.id < ?2 ORDER BY j.id LIMIT ?3",
                     {after ? From(*after) : FirstIdAt(WallTime{}), FirstIdAt(before), From(limit)},
                     [](Columns& columns, Old& o) {
                       columns.All(o.id, o.server_id, o.app_id, o.action, o.status, o.changed_at,
                                   o.newest);
                     }));
  Removal removal;
  if (!old.empty()) removal.last = after.value_or(Uuid{});
  std::size_t left = limit;
  for (const auto& job : old) {
    if (left == 0) break;
    PROV_TRY(const bool goes, Goes(connection_, job, before));
    if (goes) {
      PROV_TRY(const auto oldest, OldestChange(connection_, job.id));
      const auto changes = job.newest - oldest + 1;
      if (changes > left) {
        // The rest of it is found again: `last` is before it.
        PROV_CHECK(RemoveBelow(connection_, job.id, oldest + left, now));
        break;
      }
      PROV_CHECK(RemoveWhole(connection_, job.id));
      ++removal.removed;
      removal.newest = job.id;
      left -= changes;
    } else {
      --left;
    }
    removal.last = job.id;
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

Result<std::optional<Uuid>> SqlJobs::FirstOf(Among among, const std::optional<Uuid>& after,
                                             WallTime before) {
  if (among == Among::kLogs) return NextWithLog(connection_, after.value_or(Uuid{}), before);
  return SelectOne<Uuid>(connection_,
                         "SELECT id FROM jobs WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT 1",
                         {From(after.value_or(Uuid{})), FirstIdAt(before)},
                         [](Columns& columns, Uuid& id) { columns.To(id); });
}

}  // namespace prov::store::sql
