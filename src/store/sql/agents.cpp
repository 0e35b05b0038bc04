#include "store/sql/aggregates.hpp"
#include "store/sql/columns.hpp"

namespace prov::store::sql {
namespace {

void ReadAgent(Columns& columns, Agent& a) {
  columns.All(a.id, a.registered_at, a.key_generation, a.epoch, a.sealing_key, a.facts,
              a.last_seen_at, a.drained);
  columns.Json(a.warnings);
  std::optional<WallTime> cloned_since;
  std::string evidence;
  columns.All(a.previous_generation, a.offered_generation, cloned_since, evidence, a.refused);
  if (cloned_since) a.cloned = CloneMark{*cloned_since, std::move(evidence)};
}

Value ClonedSince(const Agent& a) { return a.cloned ? From(a.cloned->since) : Value{}; }
std::string Evidence(const Agent& a) { return a.cloned ? a.cloned->evidence : ""; }

}  // namespace

Status SqlAgents::Insert(const Agent& a) {
  PROV_CHECK(connection_.Run(
      "INSERT INTO agents VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
      {a.id, From(a.registered_at), From(a.key_generation), a.epoch, Blob{a.sealing_key}, a.facts,
       From(a.last_seen_at), From(a.drained), json::Write(a.warnings), From(a.previous_generation),
       From(a.offered_generation), ClonedSince(a), Evidence(a), a.refused}));
  return {};
}

Status SqlAgents::Update(const Agent& a, std::uint32_t expected_generation) {
  PROV_TRY(const auto changed,
           connection_.Run(
               "UPDATE agents SET registered_at = ?2, key_generation = ?3, epoch = ?4, "
               "sealing_key = ?5, facts = ?6, last_seen_at = ?7, drained = ?8, warnings = ?9, "
               "previous_generation = ?11, offered_generation = ?12, cloned_since = ?13, "
               "cloned_evidence = ?14, refused = ?15 "
               "WHERE id = ?1 AND key_generation = ?10",
               {a.id, From(a.registered_at), From(a.key_generation), a.epoch, Blob{a.sealing_key},
                a.facts, From(a.last_seen_at), From(a.drained), json::Write(a.warnings),
                From(expected_generation), From(a.previous_generation), From(a.offered_generation),
                ClonedSince(a), Evidence(a), a.refused}));
  if (changed > 0) return {};
  PROV_CHECK(Get({}, a.id));
  return Error{ErrorCode::kConflict, "the agent's keys were replaced meanwhile."};
}

Result<Agent> SqlAgents::Get(const Actor&, const std::string& id) {
  PROV_TRY(auto found,
           SelectOne<Agent>(connection_, "SELECT * FROM agents WHERE id = ?1", {id}, ReadAgent));
  if (!found) return NoSuch("server", id);
  return std::move(*found);
}

Result<std::vector<Agent>> SqlAgents::List(const Actor&) {
  return SelectAll<Agent>(connection_, "SELECT * FROM agents ORDER BY id", {}, ReadAgent);
}

Status SqlAgents::Seen(const std::string& id, WallTime at) {
  PROV_CHECK(
      connection_.Run("UPDATE agents SET last_seen_at = ?2 "
                      "WHERE id = ?1 AND (coalesce(last_seen_at, 0) < ?2 OR last_seen_at > ?3)",
                      {id, From(at), From(at + kMostAhead)}));
  return {};
}

Result<EventPosition> SqlAgents::Position(const std::string& id, const std::string& epoch) {
  PROV_TRY(
      auto found,
      SelectOne<EventPosition>(
          connection_, "SELECT sequence, hash FROM agent_events WHERE agent_id = ?1 AND epoch = ?2",
          {id, epoch},
          [](Columns& columns, EventPosition& p) { columns.All(p.sequence, p.hash); }));
  return found.value_or(EventPosition{});
}

Status SqlAgents::Advance(const std::string& id, const std::string& epoch, std::uint64_t from,
                          const EventPosition& to) {
  PROV_TRY(const auto position, Position(id, epoch));
  if (position.sequence != from) {
    return Error{ErrorCode::kConflict, fmt::format("the last event applied of {} is {}, not {}.",
                                                   id, position.sequence, from)};
  }
  PROV_CHECK(
      connection_.Run("INSERT INTO agent_events VALUES (?1, ?2, ?3, ?4) "
                      "ON CONFLICT (agent_id, epoch) DO UPDATE SET sequence = ?3, hash = ?4",
                      {id, epoch, From(to.sequence), Blob{to.hash}}));
  return {};
}

Result<std::map<std::uint64_t, std::string>> SqlAgents::EventHashes(const std::string& id,
                                                                    const std::string& epoch,
                                                                    std::uint64_t first,
                                                                    std::uint64_t last) {
  PROV_TRY(const auto rows,
           SelectAll<EventPosition>(
               connection_,
               "SELECT sequence, hash FROM agent_event_hashes WHERE agent_id = ?1 AND epoch = ?2 "
               "AND sequence BETWEEN ?3 AND ?4",
               {id, epoch, From(first), From(last)},
               [](Columns& columns, EventPosition& p) { columns.All(p.sequence, p.hash); }));
  std::map<std::uint64_t, std::string> hashes;
  for (const auto& row : rows) hashes[row.sequence] = row.hash;
  return hashes;
}

Status SqlAgents::KeepHashes(const std::string& id, const std::string& epoch,
                             const std::vector<EventPosition>& applied) {
  std::uint64_t newest = 0;
  for (const auto& each : applied) {
    newest = std::max(newest, each.sequence);
    PROV_CHECK(
        connection_.Run("INSERT INTO agent_event_hashes VALUES (?1, ?2, ?3, ?4) "
                        "ON CONFLICT (agent_id, epoch, sequence) DO UPDATE SET hash = ?4",
                        {id, epoch, From(each.sequence), Blob{each.hash}}));
  }
  if (newest <= kEventHashesKept) return {};
  PROV_CHECK(connection_.Run(
      "DELETE FROM agent_event_hashes WHERE agent_id = ?1 AND epoch = ?2 AND sequence <= ?3",
      {id, epoch, From(newest - kEventHashesKept)}));
  return {};
}

}  // namespace prov::store::sql
