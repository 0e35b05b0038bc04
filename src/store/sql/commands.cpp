#include "store/sql/aggregates.hpp"
#include "store/sql/columns.hpp"

namespace prov::store::sql {

Status SqlCommands::Insert(const Command& c) {
  PROV_CHECK(connection_.Run("INSERT INTO commands VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                             {From(c.id), c.agent_id, c.kind, From(c.job_id), Blob{c.bytes},
                              From(c.created_at), From(c.expires_at)}));
  return {};
}

Result<std::vector<std::string>> SqlCommands::AgentsWithPending() {
  return SelectAll<std::string>(connection_,
                                "SELECT DISTINCT agent_id FROM commands ORDER BY agent_id", {},
                                [](Columns& columns, std::string& id) { columns.All(id); });
}

Result<std::vector<Command>> SqlCommands::Pending(const std::string& agent_id, std::size_t limit) {
  return SelectAll<Command>(
      connection_, "SELECT * FROM commands WHERE agent_id = ?1 ORDER BY id LIMIT ?2",
      {agent_id, From(limit)}, [](Columns& columns, Command& c) {
        columns.All(c.id, c.agent_id, c.kind, c.job_id, c.bytes, c.created_at, c.expires_at);
      });
}

Status SqlCommands::Confirm(const Uuid& id) {
  PROV_TRY(const auto changed, connection_.Run("DELETE FROM commands WHERE id = ?1", {From(id)}));
  if (changed == 0) return NoSuch("command", id.ToString());
  return {};
}

Result<std::uint64_t> SqlCommands::RemoveExpired(WallTime now) {
  PROV_TRY(const auto changed,
           connection_.Run("DELETE FROM commands WHERE expires_at <= ?1", {From(now)}));
  return static_cast<std::uint64_t>(changed);
}

}  // namespace prov::store::sql
