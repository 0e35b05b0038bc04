#include "store/sql/aggregates.hpp"
#include "store/sql/columns.hpp"

namespace prov::store::sql {
namespace {

void ReadEntry(Columns& columns, AuditEntry& e) {
  columns.All(e.sequence, e.event.at, e.event.user_id, e.event.action, e.event.subject,
              e.detail_text, e.previous, e.hash);
  // An edited detail must reach the verifier, which names it, so it is no error here.
  if (auto detail = json::Parse<boost::json::object>(e.detail_text)) {
    e.event.detail = std::move(*detail);
  }
}

}  // namespace

Result<std::uint64_t> SqlAudit::Append(const AuditEvent& event) {
  PROV_TRY(const auto head, Head());
  AuditEntry entry{head.sequence + 1, event, json::Serialize(event.detail), head.hash, ""};
  entry.hash = AuditHash(entry);
  PROV_CHECK(
      connection_.Run("INSERT INTO audit VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                      {From(entry.sequence), From(event.at), event.user_id, event.action,
                       event.subject, entry.detail_text, Blob{entry.previous}, Blob{entry.hash}}));
  PROV_CHECK(connection_.Run("UPDATE audit_head SET sequence = ?1, hash = ?2",
                             {From(entry.sequence), Blob{entry.hash}}));
  return entry.sequence;
}

Result<std::vector<AuditEntry>> SqlAudit::After(const Actor& actor, std::uint64_t sequence,
                                                std::size_t limit) {
  PROV_CHECK(CheckMayRead(actor));
  return SelectAll<AuditEntry>(connection_,
                               "SELECT * FROM audit WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
                               {From(sequence), From(limit)}, ReadEntry);
}

Result<std::vector<AuditEntry>> SqlAudit::List(const Actor& actor, const AuditFilter& filter,
                                               const std::optional<std::uint64_t>& before,
                                               std::size_t limit) {
  PROV_CHECK(CheckMayRead(actor));
  std::string where;
  Values values;
  const auto add = [&](std::string_view condition, Value value) {
    values.push_back(std::move(value));
    where += fmt::format("{}{}?{}", where.empty() ? "WHERE " : " AND ", condition, values.size());
  };
  if (!filter.subject.empty()) add("subject = ", filter.subject);
  if (!filter.user_id.empty()) add("user_id = ", filter.user_id);
  if (!filter.action.empty()) add("action = ", filter.action);
  if (filter.since) add("at >= ", From(*filter.since));
  if (filter.until) add("at < ", From(*filter.until));
  if (before) add("sequence < ", From(*before));
  values.push_back(From(limit));
  return SelectAll<AuditEntry>(
      connection_,
      fmt::format("SELECT * FROM audit {} ORDER BY sequence DESC LIMIT ?{}", where, values.size()),
      values, ReadEntry);
}

Result<AuditHead> SqlAudit::Head() {
  PROV_TRY(auto head, SelectOne<AuditHead>(
                          connection_, "SELECT sequence, hash FROM audit_head", {},
                          [](Columns& columns, AuditHead& h) { columns.All(h.sequence, h.hash); }));
  if (!head) return Error{ErrorCode::kCorrupt, "the audit's head is missing."};
  return std::move(*head);
}

}  // namespace prov::store::sql
