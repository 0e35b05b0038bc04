#include "store/sql/aggregates.hpp"
#include "store/sql/columns.hpp"

namespace prov::store::sql {

Status SqlChanges::Append(const Change& c) {
  PROV_CHECK(connection_.Run(
      "INSERT INTO changes VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
      {From(c.job_id), From(c.seq), From(c.at), From(c.attempt), From(c.status), From(c.progress),
       From(c.message), From(c.cancel_requested_at), c.log ? From(c.log->first_line) : Value{},
       c.log ? From(c.log->line_count) : Value{}, c.log ? Value{Blob{c.log->bytes}} : Value{}}));
  return {};
}

Result<std::vector<Change>> SqlChanges::After(const Actor&, const Uuid& job_id, std::uint64_t seq,
                                              std::size_t limit) {
  return SelectAll<Change>(
      connection_,
      "SELECT job_id, seq, at, attempt, status, progress, message, cancel_requested_at, log_first, "
      "log_count, log_bytes, (SELECT log_removed_at FROM jobs WHERE id = ?1) FROM changes "
      "WHERE job_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
      {From(job_id), From(seq), From(limit)}, [](Columns& columns, Change& c) {
        std::optional<std::uint64_t> first;
        std::optional<std::uint64_t> count;
        std::optional<std::string> bytes;
        columns.All(c.job_id, c.seq, c.at, c.attempt, c.status, c.progress, c.message,
                    c.cancel_requested_at, first, count, bytes, c.log_removed_at);
        if (first) c.log = LogChunk{*first, count.value_or(0), bytes.value_or("")};
      });
}

Result<std::uint64_t> SqlChanges::Newest(const Actor&, const Uuid& job_id) {
  PROV_TRY(const auto seq, SelectOne<std::uint64_t>(
                               connection_, "SELECT seq FROM jobs WHERE id = ?1", {From(job_id)},
                               [](Columns& columns, std::uint64_t& n) { columns.All(n); }));
  return seq.value_or(0);
}

Result<std::vector<LogChunk>> SqlChanges::Log(const Actor&, const Uuid& job_id,
                                              std::uint32_t attempt, std::uint64_t from_line,
                                              std::size_t limit) {
  // The chunk that holds the line may begin before it: the index finds where that one begins.
  return SelectAll<LogChunk>(
      connection_,
      "SELECT log_first, log_count, log_bytes FROM changes "
      "WHERE job_id = ?1 AND attempt = ?2 AND log_first >= coalesce("
      "(SELECT max(log_first) FROM changes WHERE job_id = ?1 AND attempt = ?2 AND log_first <= ?3),"
      " 0) AND log_first + log_count > ?3 ORDER BY log_first LIMIT ?4",
      {From(job_id), From(attempt), From(from_line), From(limit)},
      [](Columns& columns, LogChunk& c) { columns.All(c.first_line, c.line_count, c.bytes); });
}

}  // namespace prov::store::sql
