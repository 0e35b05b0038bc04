#include "store/sql/aggregates.hpp"
#include "store/sql/columns.hpp"

namespace prov::store::sql {
namespace {

void ReadToken(Columns& columns, ApiToken& t) {
  columns.All(t.id, t.hash, t.name, t.user_id);
  columns.Json(t.scopes);
  columns.All(t.created_at, t.expires_at, t.last_used_at, t.revoked_at);
}

}  // namespace

Status SqlTokens::Insert(const ApiToken& t) {
  PROV_CHECK(connection_.Run(
      "INSERT INTO api_tokens VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
      {From(t.id), Blob{t.hash}, t.name, t.user_id, json::Write(t.scopes), From(t.created_at),
       From(t.expires_at), From(t.last_used_at), From(t.revoked_at)}));
  return {};
}

Result<ApiToken> SqlTokens::FindByHash(const std::string& hash) {
  PROV_TRY(auto found, SelectOne<ApiToken>(connection_, "SELECT * FROM api_tokens WHERE hash = ?1",
                                           {Blob{hash}}, ReadToken));
  if (!found) return Error{ErrorCode::kNotFound, "there is no such token."};
  return std::move(*found);
}

Result<std::vector<ApiToken>> SqlTokens::List(const Actor& actor) {
  return SelectAll<ApiToken>(connection_,
                             "SELECT * FROM api_tokens WHERE ?1 = 1 OR user_id = ?2 ORDER BY id",
                             {From(actor.admin), actor.user_id}, ReadToken);
}

Status SqlTokens::Revoke(const Actor& actor, const Uuid& id, WallTime at) {
  PROV_TRY(const auto changed,
           connection_.Run("UPDATE api_tokens SET revoked_at = coalesce(revoked_at, ?2) "
                           "WHERE id = ?1 AND (?3 = 1 OR user_id = ?4)",
                           {From(id), From(at), From(actor.admin), actor.user_id}));
  if (changed == 0) return NoSuch("token", id.ToString());
  return {};
}

Result<std::uint64_t> SqlTokens::RevokeOf(const std::string& user_id, WallTime at) {
  PROV_TRY(const auto changed,
           connection_.Run(
               "UPDATE api_tokens SET revoked_at = ?2 WHERE user_id = ?1 AND revoked_at IS NULL",
               {user_id, From(at)}));
  return static_cast<std::uint64_t>(changed);
}

Status SqlTokens::Used(const Uuid& id, WallTime at) {
  PROV_TRY(const auto changed,
           connection_.Run("UPDATE api_tokens SET last_used_at = ?2 WHERE id = ?1",
                           {From(id), From(at)}));
  if (changed == 0) return NoSuch("token", id.ToString());
  return {};
}

Status SqlTokens::InsertEnrolment(const EnrolmentToken& t) {
  PROV_CHECK(connection_.Run("INSERT INTO enrolment_tokens VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                             {From(t.id), Blob{t.hash}, t.agent_id, From(t.purpose), t.created_by,
                              From(t.created_at), From(t.expires_at), From(t.used_at)}));
  return {};
}

Result<EnrolmentToken> SqlTokens::FindEnrolment(const std::string& hash) {
  PROV_TRY(auto found, SelectOne<EnrolmentToken>(
                           connection_, "SELECT * FROM enrolment_tokens WHERE hash = ?1",
                           {Blob{hash}}, [](Columns& columns, EnrolmentToken& t) {
                             columns.All(t.id, t.hash, t.agent_id, t.purpose, t.created_by,
                                         t.created_at, t.expires_at, t.used_at);
                           }));
  if (!found) return Error{ErrorCode::kNotFound, "there is no such enrolment token."};
  return std::move(*found);
}

Result<EnrolmentToken> SqlTokens::UseEnrolment(const std::string& hash, const std::string& agent_id,
                                               WallTime now) {
  PROV_TRY(auto token, FindEnrolment(hash));
  PROV_CHECK(CheckEnrolment(token, agent_id, now));
  PROV_TRY(
      const auto changed,
      connection_.Run("UPDATE enrolment_tokens SET used_at = ?2 WHERE id = ?1 AND used_at IS NULL",
                      {From(token.id), From(now)}));
  if (changed == 0) return Error{ErrorCode::kConflict, "the enrolment token was used already."};
  token.used_at = now;
  return token;
}

}  // namespace prov::store::sql
