#include "store/sql/aggregates.hpp"
#include "store/sql/columns.hpp"

namespace prov::store::sql {

Result<std::optional<Replay>> SqlReplays::Find(const Actor& actor, const std::string& key,
                                               WallTime now) {
  return SelectOne<Replay>(
      connection_,
      "SELECT body_mac, status, location, body FROM replays "
      "WHERE user_id = ?1 AND idempotency_key = ?2 AND made_at > ?3",
      {actor.user_id, key, From(now - kReplayKept)}, [](Columns& columns, Replay& r) {
        columns.All(r.body_mac, r.response.status, r.response.location, r.response.body);
      });
}

Status SqlReplays::Keep(const Actor& actor, const std::string& key, const Replay& replay,
                        WallTime now) {
  PROV_CHECK(connection_.Run("DELETE FROM replays WHERE made_at <= ?1", {From(now - kReplayKept)}));
  PROV_CHECK(connection_.Run(
      "INSERT INTO replays VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
      {actor.user_id, key, From(now), Blob{replay.body_mac}, From(replay.response.status),
       replay.response.location, Blob{replay.response.body}}));
  return {};
}

}  // namespace prov::store::sql
