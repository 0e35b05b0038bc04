#include <limits>

#include <fmt/format.h>

#include "store/sql/aggregates.hpp"
#include "store/sql/columns.hpp"
#include "store/sql/figures.hpp"
#include "store/transition.hpp"

namespace prov::store::sql {
namespace {

#define PROV_RECORD_COLUMNS                                                                  \
  "id, app_id, app_version, installer_digest, server_id, action, inputs, sealed_inputs, "    \
  "max_attempts, backoff_seconds, user_id, origin, retry_of, created_at, status, "           \
  "status_reason, attempt, next_attempt_at, exit_code, signal, failure_kind, "               \
  "needs_attention, progress, message, dispatched_at, started_at, finished_at, "             \
  "cancel_requested_at, outputs, left_running, log, steps, known_failure, claimed_user_id, " \
  "log_removed_at"

constexpr const char* kSelect = "SELECT " PROV_RECORD_COLUMNS " FROM jobs ";
constexpr const char* kSelectDelivery =
    "SELECT id, server_id, status, envelope, sealed_ciphertext FROM jobs ";

void ReadRecord(Columns& columns, job::Record& r) {
  columns.All(r.id, r.app_id, r.app_version, r.installer_digest, r.server_id, r.action);
  columns.Json(r.inputs);
  columns.Json(r.sealed_inputs);
  columns.All(r.retry.max_attempts, r.retry.backoff_seconds, r.user_id, r.origin, r.retry_of,
              r.created_at, r.status, r.status_reason, r.attempt, r.next_attempt_at, r.exit_code,
              r.signal, r.failure_kind, r.needs_attention, r.progress, r.message, r.dispatched_at,
              r.started_at, r.finished_at, r.cancel_requested_at);
  columns.Json(r.outputs);
  columns.Json(r.left_running);
  columns.Json(r.log);
  columns.Json(r.steps);
  columns.Json(r.known_failure);
  columns.All(r.claimed_user_id, r.log_removed_at);
}

// Of a list: a part of one job that cannot be read keeps nobody from the others, nor from the rest
// of it. Who asks for that one alone is told.
void ReadListed(Columns& columns, job::Record& r) {
  columns.PassOverBrokenJson();
  ReadRecord(columns, r);
  if (const auto& why = columns.passed_over())
    r.status_reason = "a part of this job is left out, since its row cannot be read: " + *why;
}

void ReadDelivery(Columns& columns, Delivery& d) {
  columns.All(d.job_id, d.server_id, d.status, d.envelope, d.sealed_ciphertext);
}

Change ChangeOf(const job::Record& record, std::uint64_t seq, WallTime at,
                const std::optional<LogChunk>& log) {
  return {record.id,
          seq,
          at,
          record.attempt,
          record.status,
          record.progress,
          record.message,
          record.cancel_requested_at,
          log};
}

class Where {
 public:
  void Add(std::string_view condition, Value value) {
    values_.push_back(std::move(value));
    sql_ += fmt::format("{}{}?{}", sql_.empty() ? "WHERE " : " AND ", condition, values_.size());
  }
  void AddText(std::string_view condition, const std::string& text) {
    if (!text.empty()) Add(condition, text);
  }
  std::string Newest(std::size_t limit) {
    values_.push_back(From(limit));
    return fmt::format("{}{} ORDER BY id DESC LIMIT ?{}", kSelect, sql_, values_.size());
  }
  std::string CountByStatus() const {
    return fmt::format("SELECT status, count(*) FROM jobs {} GROUP BY status", sql_);
  }
  const Values& values() const { return values_; }

 private:
  std::string sql_;
  Values values_;
};

// Every condition of the filter but its statuses. Of several that have an index, that of the most
// selective is wanted: server, app, status, user, then action.
Where WhereOf(const JobFilter& filter, const Dialect& dialect) {
  Where where;
  const auto column = [&](bool indexed, std::string_view name) {
    return fmt::format("{}{} = ", indexed ? "" : dialect.unindexed, name);
  };
  const bool by_server = !filter.server_id.empty();
  const bool by_app = by_server || !filter.app_id.empty();
  const bool by_status = by_app || !filter.statuses.empty();
  const bool by_user = by_status || !filter.user_id.empty();
  where.AddText("server_id = ", filter.server_id);
  where.AddText(column(!by_server, "app_id"), filter.app_id);
  where.AddText(column(!by_status, "user_id"), filter.user_id);
  if (filter.action) where.Add(column(!by_user, "action"), From(*filter.action));
  if (filter.since) where.Add("id >= ", FirstIdAt(*filter.since));
  if (filter.until) where.Add("id < ", FirstIdAt(*filter.until));
  return where;
}

Result<std::optional<Expected>> ReadExpected(Connection& connection, const Uuid& id) {
  return SelectOne<Expected>(
      connection, "SELECT attempt, status FROM jobs WHERE id = ?1", {From(id)},
      [](Columns& columns, Expected& e) { columns.All(e.attempt, e.status); });
}

// Where `condition` holds of the row; kConflict, which `otherwise` explains, where it does not.
Status WriteEnvelope(Connection& connection, const Uuid& id, const std::string& envelope,
                     std::string_view condition, const char* otherwise) {
  PROV_TRY(
      const auto changed,
      connection.Run(fmt::format("UPDATE jobs SET envelope = ?1 WHERE id = ?2 AND {}", condition),
                     {FromBytes(envelope), From(id)}));
  if (changed > 0) return {};
  PROV_TRY(const auto row, ReadExpected(connection, id));
  if (!row) return NoSuch("job", id.ToString());
  return Error{ErrorCode::kConflict, otherwise};
}

}  // namespace

Status SqlJobs::Insert(const Creation& c) {
  job::Record record;
  static_cast<job::NewJob&>(record) = c.job;
  record.status = c.status;
  PROV_CHECK(connection_.Run(
      "INSERT INTO jobs (" PROV_RECORD_COLUMNS
      ", seq, undelivered, envelope, sealed_ciphertext) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, NULL, 0, NULL, "
      "NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '[]', ?16, "
      "'[]', NULL, ?20, NULL, 1, ?17, ?18, ?19)",
      {From(c.job.id),
       c.job.app_id,
       c.job.app_version,
       c.job.installer_digest,
       c.job.server_id,
       From(c.job.action),
       json::Write(c.job.inputs),
       json::Write(c.job.sealed_inputs),
       From(c.job.retry.max_attempts),
       From(c.job.retry.backoff_seconds),
       c.job.user_id,
       From(c.job.origin),
       From(c.job.retry_of),
       From(c.job.created_at),
       From(c.status),
       json::Write(record.log),
       From(c.undelivered),
       FromBytes(c.envelope),
       FromBytes(c.sealed_ciphertext),
       From(c.job.claimed_user_id)}));
  PROV_CHECK(CountJob(connection_, c.job.app_id, c.job.created_at, c.known_app));
  PROV_CHECK(CountEnd(connection_, c.job.app_id, c.status));
  return SqlChanges(connection_).Append(ChangeOf(record, 1, c.job.created_at, std::nullopt));
}

Result<job::Record> SqlJobs::Get(const Actor&, const Uuid& id) {
  PROV_TRY(auto found, SelectOne<job::Record>(
                           connection_, "SELECT " PROV_RECORD_COLUMNS " FROM jobs WHERE id = ?1",
                           {From(id)}, ReadRecord));
  if (!found) return NoSuch("job", id.ToString());
  return std::move(*found);
}

Result<std::vector<job::Record>> SqlJobs::List(const Actor&, const JobFilter& filter,
                                               const std::optional<Uuid>& before,
                                               std::size_t limit) {
  auto where = WhereOf(filter, connection_.dialect());
  if (before) where.Add("id < ", From(*before));
  if (filter.statuses.empty()) {
    const auto sql = where.Newest(limit);
    return SelectAll<job::Record>(connection_, sql, where.values(), ReadListed);
  }
  // One query for each status, merged: `status IN (…) ORDER BY id` would sort every match.
  std::vector<job::Record> merged;
  const std::set<job::Status> statuses(filter.statuses.begin(), filter.statuses.end());
  for (const auto status : statuses) {
    Where one = where;
    one.Add("status = ", From(status));
    const auto sql = one.Newest(limit);
    PROV_TRY(auto rows, SelectAll<job::Record>(connection_, sql, one.values(), ReadListed));
    std::move(rows.begin(), rows.end(), std::back_inserter(merged));
  }
  std::sort(merged.begin(), merged.end(), [](const auto& a, const auto& b) { return a.id > b.id; });
  if (merged.size() > limit) merged.resize(limit);
  return merged;
}

Result<std::uint64_t> SqlJobs::Apply(const Expected& expected, job::Party by, const job::Record& n,
                                     WallTime at, const std::optional<LogChunk>& log) {
  PROV_TRY(const auto row, ReadExpected(connection_, n.id));
  if (!row) return NoSuch("job", n.id.ToString());
  PROV_CHECK(CheckApply(n.id, *row, expected, by, n));
  std::uint64_t seq = 0;
  std::string app_id;
  PROV_CHECK(connection_.Query(
      "UPDATE jobs SET status = ?1, status_reason = ?2, attempt = ?3, next_attempt_at = ?4, "
      "exit_code = ?5, signal = ?6, failure_kind = ?7, needs_attention = ?8, progress = ?9, "
      "message = ?10, dispatched_at = ?11, started_at = ?12, finished_at = ?13, "
      "cancel_requested_at = ?14, outputs = ?15, left_running = ?16, log = ?17, steps = ?18, "
      "known_failure = ?19, seq = seq + 1 "
      "WHERE id = ?20 AND attempt = ?21 AND status = ?22 RETURNING seq, app_id",
      {From(n.status),
       From(n.status_reason),
       From(n.attempt),
       From(n.next_attempt_at),
       From(n.exit_code),
       From(n.signal),
       From(n.failure_kind),
       From(n.needs_attention),
       From(n.progress),
       From(n.message),
       From(n.dispatched_at),
       From(n.started_at),
       From(n.finished_at),
       From(n.cancel_requested_at),
       json::Write(n.outputs),
       json::Write(n.left_running),
       json::Write(n.log),
       json::Write(n.steps),
       n.known_failure ? Value{json::Write(*n.known_failure)} : Value{},
       From(n.id),
       From(expected.attempt),
       From(expected.status)},
      [&](const Row& updated) {
        seq = static_cast<std::uint64_t>(updated.Int(0));
        app_id = updated.Text(1);
      }));
  if (seq == 0) return Error{ErrorCode::kConflict, "somebody else changed the job first."};
  PROV_CHECK(SqlChanges(connection_).Append(ChangeOf(n, seq, at, log)));
  if (job::IsTerminal(n.status)) {
    PROV_CHECK(CountEnd(connection_, app_id, n.status));
    PROV_CHECK(ForgetSealed(n.id));
    PROV_CHECK(SetUndelivered(n.id, false));
  }
  return seq;
}

Status SqlJobs::SetEnvelope(const Uuid& id, const std::string& envelope) {
  return WriteEnvelope(connection_, id, envelope, "envelope IS NULL",
                       "the job's envelope was made already.");
}

Status SqlJobs::ReplaceEnvelope(const Uuid& id, const std::string& envelope) {
  return WriteEnvelope(connection_, id, envelope, "status = 'queued'",
                       "the job was handed over already.");
}

Result<std::optional<Delivery>> SqlJobs::GetDelivery(const Uuid& id) {
  return SelectOne<Delivery>(connection_, fmt::format("{}WHERE id = ?1", kSelectDelivery),
                             {From(id)}, ReadDelivery);
}

Status SqlJobs::ForgetSealed(const Uuid& id) {
  // The envelope holds the sealed inputs too.
  PROV_CHECK(connection_.Run(
      "UPDATE jobs SET sealed_ciphertext = NULL, envelope = NULL WHERE id = ?1", {From(id)}));
  return {};
}

Result<std::vector<std::string>> SqlJobs::ServersWithUndelivered() {
  return SelectAll<std::string>(
      connection_, "SELECT DISTINCT server_id FROM jobs WHERE undelivered = 1 ORDER BY server_id",
      {}, [](Columns& columns, std::string& id) { columns.All(id); });
}

Result<std::vector<Delivery>> SqlJobs::Undelivered(const std::string& server_id,
                                                   std::size_t limit) {
  return SelectAll<Delivery>(
      connection_,
      fmt::format("{}WHERE undelivered = 1 AND server_id = ?1 ORDER BY id LIMIT ?2",
                  kSelectDelivery),
      {server_id, From(limit)}, ReadDelivery);
}

Result<std::optional<WallTime>> SqlJobs::OldestUndelivered() {
  return SelectOne<WallTime>(
      connection_, "SELECT created_at FROM jobs WHERE undelivered = 1 ORDER BY id LIMIT 1", {},
      [](Columns& columns, WallTime& at) { columns.All(at); });
}

Status SqlJobs::SetUndelivered(const Uuid& id, bool undelivered) {
  PROV_TRY(const auto changed, connection_.Run("UPDATE jobs SET undelivered = ?1 WHERE id = ?2",
                                               {From(undelivered), From(id)}));
  if (changed == 0) return NoSuch("job", id.ToString());
  return {};
}

Result<std::vector<std::string>> SqlJobs::ServersWithUnacknowledged(WallTime before) {
  return SelectAll<std::string>(
      connection_,
      "SELECT DISTINCT server_id FROM jobs WHERE status = 'dispatched' AND dispatched_at < ?1 "
      "ORDER BY server_id",
      {From(before)}, [](Columns& columns, std::string& id) { columns.All(id); });
}

Result<std::vector<Delivery>> SqlJobs::Unacknowledged(const std::string& server_id, WallTime before,
                                                      std::size_t limit) {
  return SelectAll<Delivery>(
      connection_,
      fmt::format("{}WHERE server_id = ?1 AND status = 'dispatched' AND dispatched_at < ?2 "
                  "ORDER BY id LIMIT ?3",
                  kSelectDelivery),
      {server_id, From(before), From(limit)}, ReadDelivery);
}

Result<std::vector<job::Record>> SqlJobs::Unsettled(const std::string& server_id,
                                                    std::size_t limit) {
  return SelectAll<job::Record>(
      connection_,
      fmt::format("{}WHERE server_id = ?1 AND status IN ('dispatched', 'accepted', 'running', "
                  "'retry_wait') ORDER BY id LIMIT ?2",
                  kSelect),
      {server_id, From(limit)}, ReadListed);
}

Result<std::map<job::Status, std::uint64_t>> SqlJobs::Counts(const Actor&,
                                                             const JobFilter& filter) {
  auto whatever_status = filter;
  whatever_status.statuses.clear();
  const auto where = WhereOf(whatever_status, connection_.dialect());
  PROV_TRY(const auto rows,
           SelectAll<StatusCount>(
               connection_, where.CountByStatus(), where.values(),
               [](Columns& columns, StatusCount& c) { columns.All(c.status, c.jobs); }));
  std::map<job::Status, std::uint64_t> counts;
  for (const auto& row : rows) counts[row.status] = row.jobs;
  return counts;
}

Result<std::vector<job::Record>> SqlJobs::Installed(const Actor&, const std::string& server_id,
                                                    const std::string& app_id) {
  const auto newest = connection_.dialect().newest_of_each_app(
      fmt::format("server_id = ?1 {}AND status = 'succeeded' AND action <> 'check'",
                  app_id.empty() ? "" : "AND app_id = ?2 "));
  return SelectAll<job::Record>(
      connection_,
      fmt::format("{}WHERE id IN ({}) AND action <> 'uninstall' ORDER BY app_id", kSelect, newest),
      app_id.empty() ? Values{server_id} : Values{server_id, app_id},
      app_id.empty() ? ReadListed : ReadRecord);
}

Result<std::vector<StatusCount>> SqlJobs::CountByAppAndStatus() {
  return SelectAll<StatusCount>(
      connection_,
      "SELECT app_id, status, count(*) FROM jobs GROUP BY app_id, status ORDER BY app_id, status",
      {}, [](Columns& columns, StatusCount& c) { columns.All(c.app_id, c.status, c.jobs); });
}

Result<std::vector<Uuid>> SqlJobs::Waiting(const std::string& server_id, std::size_t limit) {
  // Status by status, so that of a long queue only its beginning is read.
  return SelectAll<Uuid>(
      connection_,
      R"(SELECT id FROM (SELECT id FROM jobs WHERE server_id = ?1 AND status = 'queued' ORDER BY id LIMIT ?2) AS queued
         UNION ALL
         SELECT id FROM (SELECT id FROM jobs WHERE server_id = ?1 AND status = 'dispatched' ORDER BY id LIMIT ?2) AS dispatched
         UNION ALL
         SELECT id FROM (SELECT id FROM jobs WHERE server_id = ?1 AND status = 'accepted' ORDER BY id LIMIT ?2) AS accepted
         ORDER BY id LIMIT ?2)",
      {server_id, From(limit)}, [](Columns& columns, Uuid& id) { columns.All(id); });
}

Result<std::vector<ServerCount>> SqlJobs::QueueDepth() {
  return SelectAll<ServerCount>(
      connection_,
      "SELECT server_id, count(*) FROM jobs WHERE status IN ('queued', 'dispatched', 'accepted') "
      "GROUP BY server_id ORDER BY server_id",
      {}, [](Columns& columns, ServerCount& c) { columns.All(c.server_id, c.jobs); });
}

}  // namespace prov::store::sql
