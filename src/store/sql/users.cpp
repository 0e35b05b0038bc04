// Users and their sessions.
#include "store/sql/aggregates.hpp"
#include "store/sql/columns.hpp"

namespace prov::store::sql {
namespace {

void ReadUser(Columns& columns, User& u) {
  columns.All(u.id, u.name, u.password_hash, u.role, u.disabled, u.created_at, u.last_seen_at,
              u.preferences);
}

}  // namespace

Status SqlUsers::Insert(const User& u) {
  PROV_CHECK(connection_.Run("INSERT INTO users VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                             {From(u.id), u.name, u.password_hash, From(u.role), From(u.disabled),
                              From(u.created_at), From(u.last_seen_at), u.preferences}));
  return {};
}

Result<User> SqlUsers::Get(const Uuid& id) {
  PROV_TRY(auto found,
           SelectOne<User>(connection_, "SELECT * FROM users WHERE id = ?1", {From(id)}, ReadUser));
  if (!found) return NoSuch("user", id.ToString());
  return std::move(*found);
}

Result<User> SqlUsers::FindByName(const std::string& name) {
  PROV_TRY(auto found,
           SelectOne<User>(connection_, "SELECT * FROM users WHERE name = ?1", {name}, ReadUser));
  if (!found) return Error{ErrorCode::kNotFound, "there is no such user."};
  return std::move(*found);
}

Result<std::vector<User>> SqlUsers::List() {
  return SelectAll<User>(connection_, "SELECT * FROM users ORDER BY name", {}, ReadUser);
}

Status SqlUsers::Update(const User& u) {
  PROV_TRY(const auto changed,
           connection_.Run("UPDATE users SET password_hash = ?2, role = ?3, disabled = ?4, "
                           "last_seen_at = ?5, preferences = ?6 WHERE id = ?1",
                           {From(u.id), u.password_hash, From(u.role), From(u.disabled),
                            From(u.last_seen_at), u.preferences}));
  if (changed == 0) return NoSuch("user", u.id.ToString());
  return {};
}

Status SqlUsers::Seen(const Uuid& id, WallTime at) {
  PROV_TRY(const auto changed, connection_.Run("UPDATE users SET last_seen_at = ?2 WHERE id = ?1",
                                               {From(id), From(at)}));
  if (changed == 0) return NoSuch("user", id.ToString());
  return {};
}

Status SqlUsers::Remove(const Uuid& id) {
  PROV_CHECK(connection_.Run("DELETE FROM sessions WHERE user_id = ?1", {From(id)}));
  PROV_TRY(const auto changed, connection_.Run("DELETE FROM users WHERE id = ?1", {From(id)}));
  if (changed == 0) return NoSuch("user", id.ToString());
  return {};
}

Status SqlSessions::Insert(const Session& s) {
  PROV_CHECK(connection_.Run("INSERT INTO sessions VALUES (?1, ?2, ?3, ?4, ?5)",
                             {Blob{s.hash}, From(s.user_id), From(s.created_at),
                              From(s.last_seen_at), From(s.expires_at)}));
  return {};
}

Result<Session> SqlSessions::Find(const std::string& hash) {
  PROV_TRY(auto found, SelectOne<Session>(connection_, "SELECT * FROM sessions WHERE hash = ?1",
                                          {Blob{hash}}, [](Columns& columns, Session& s) {
                                            columns.All(s.hash, s.user_id, s.created_at,
                                                        s.last_seen_at, s.expires_at);
                                          }));
  if (!found) return Error{ErrorCode::kNotFound, "there is no such session."};
  return std::move(*found);
}

Status SqlSessions::Seen(const std::string& hash, WallTime at) {
  PROV_CHECK(connection_.Run("UPDATE sessions SET last_seen_at = ?2 WHERE hash = ?1",
                             {Blob{hash}, From(at)}));
  return {};
}

Status SqlSessions::Remove(const std::string& hash) {
  PROV_CHECK(connection_.Run("DELETE FROM sessions WHERE hash = ?1", {Blob{hash}}));
  return {};
}

Result<std::uint64_t> SqlSessions::RemoveOf(const Uuid& user_id, const std::string& except) {
  PROV_TRY(const auto changed,
           connection_.Run("DELETE FROM sessions WHERE user_id = ?1 AND hash <> ?2",
                           {From(user_id), Blob{except}}));
  return static_cast<std::uint64_t>(changed);
}

Result<std::uint64_t> SqlSessions::RemoveExpired(WallTime now, WallTime seen_before) {
  PROV_TRY(const auto changed,
           connection_.Run("DELETE FROM sessions WHERE expires_at <= ?1 OR last_seen_at <= ?2",
                           {From(now), From(seen_before)}));
  return static_cast<std::uint64_t>(changed);
}

}  // namespace prov::store::sql
