#include "store/sqlite/aggregates.hpp"
#include "store/sqlite/columns.hpp"

namespace prov::store::sqlite {

Result<std::uint64_t> SqliteAudit::Append(const AuditEvent& event) {
  PROV_TRY(const auto head, Head());
  AuditEntry entry{head.sequence + 1, event, json::Serialize(event.detail), head.hash, ""};
  entry.hash = AuditHash(entry);
  PROV_CHECK(
      connection_.Run("INSERT INTO audit VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                      {From(entry.sequence), From(event.at), event.user_id, event.action,
                       event.subject, entry.detail_text, Blob{entry.previous}, Blob{entry.hash}}));
  PROV_CHECK(connection_.Run("UPDATE audit_head SET sequence = ?1, hash = ?2 WHERE only = 1",
                             {From(entry.sequence), Blob{entry.hash}}));
  return entry.sequence;
}

Result<std::vector<AuditEntry>> SqliteAudit::After(const Actor& actor, std::uint64_t sequence,
                                                   std::size_t limit) {
  if (!actor.admin) {
    return Error{ErrorCode::kPermissionDenied, "only administrators may read the audit."};
  }
  return SelectAll<AuditEntry>(
      connection_, "SELECT * FROM audit WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
      {From(sequence), From(limit)}, [](Columns& columns, AuditEntry& e) {
        columns.All(e.sequence, e.event.at, e.event.user_id, e.event.action, e.event.subject,
                    e.detail_text, e.previous, e.hash);
        // An edited detail must reach the verifier, which names it, so it is no error here.
        if (auto detail = json::Parse<boost::json::object>(e.detail_text)) {
          e.event.detail = std::move(*detail);
        }
      });
}

Result<AuditHead> SqliteAudit::Head() {
  PROV_TRY(auto head, SelectOne<AuditHead>(
                          connection_, "SELECT sequence, hash FROM audit_head WHERE only = 1", {},
                          [](Columns& columns, AuditHead& h) { columns.All(h.sequence, h.hash); }));
  if (!head) return Error{ErrorCode::kCorrupt, "the audit's head is missing."};
  return std::move(*head);
}

}  // namespace prov::store::sqlite
