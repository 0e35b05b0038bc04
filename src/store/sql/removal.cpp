// Jobs that are kept no longer.
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
  }
  return removal;
}

}  // namespace prov::store::sql
