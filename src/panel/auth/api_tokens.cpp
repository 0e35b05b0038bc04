#include "panel/auth/api_tokens.hpp"

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/sha256.hpp"
#include "panel/auth/authenticator.hpp"

namespace prov::panel {
namespace {

constexpr std::string_view kTokenPrefix = "pt1.";
constexpr std::size_t kTokenBytes = 32;
const store::Actor kAdministrator{"admin", true};

std::string TimeOrDash(const std::optional<WallTime>& time) {
  return time ? FormatTime(*time) : "-";
}

Result<store::ApiToken> Find(store::Transaction& t, const std::string& which) {
  PROV_TRY(const auto tokens, t.tokens().List(kAdministrator));
  std::optional<store::ApiToken> found;
  for (const auto& token : tokens) {
    if (token.id.ToString() == which) return token;
    if (token.name != which || token.revoked_at) continue;
    if (found)
      return Error{ErrorCode::kConflict, "several tokens are named " + which + "; give an id", {}};
    found = token;
  }
  if (found) return *found;
  return Error{ErrorCode::kNotFound, "there is no token " + which + "; token list shows them", {}};
}

}  // namespace

std::string HashOfToken(std::string_view token) { return HexEncode(Sha256(token)); }

Result<std::string> MakeApiToken(store::Database& database, const std::string& name,
                                 const std::string& user, const std::vector<std::string>& scopes,
                                 std::optional<Seconds> valid_for, const Clock& clock,
                                 Random& random) {
  for (const auto& scope : scopes) {
    if (scope != kScopeRead && scope != kScopeJobs && scope != kScopeMetrics &&
        scope != kScopeAdmin) {
      return Error{ErrorCode::kInvalidArgument,
                   "`" + scope + "` is not a scope; there are read, jobs, metrics and admin",
                   {}};
    }
  }
  if (name.empty() || user.empty() || scopes.empty())
    return Error{ErrorCode::kInvalidArgument, "a token has a name, a user and a scope", {}};
  const auto text = std::string(kTokenPrefix) + Base64UrlEncode(random.Bytes(kTokenBytes));
  store::ApiToken token;
  token.id = Uuid::MakeV7(clock, random);
  token.hash = HashOfToken(text);
  token.name = name;
  token.user_id = user;
  token.scopes = scopes;
  token.created_at = clock.Now();
  if (valid_for) token.expires_at = token.created_at + *valid_for;
  PROV_CHECK(database.Write([&](store::Transaction& t) -> Status {
    PROV_CHECK(t.tokens().Insert(token));
    PROV_CHECK(t.audit().Append(
        {token.created_at,
         user,
         "api_token.created",
         token.id.ToString(),
         {{"name", name}, {"scopes", fmt::format("{}", fmt::join(scopes, " "))}}}));
    return {};
  }));
  return text;
}

Result<std::string> ListApiTokens(store::Database& database) {
  std::vector<store::ApiToken> tokens;
  PROV_CHECK(database.Read([&](store::Transaction& t) -> Status {
    PROV_TRY(tokens, t.tokens().List(kAdministrator));
    return {};
  }));
  std::string text = "ID  NAME  USER  SCOPES  MADE  EXPIRES  LAST USED  REVOKED";
  for (const auto& token : tokens) {
    text += fmt::format("\n{}  {}  {}  {}  {}  {}  {}  {}", token.id.ToString(), token.name,
                        token.user_id, fmt::join(token.scopes, ","), FormatTime(token.created_at),
                        TimeOrDash(token.expires_at), TimeOrDash(token.last_used_at),
                        TimeOrDash(token.revoked_at));
  }
  return text;
}

Status RevokeApiToken(store::Database& database, const std::string& which, const Clock& clock) {
  return database.Write([&](store::Transaction& t) -> Status {
    PROV_TRY(const auto token, Find(t, which));
    PROV_CHECK(t.tokens().Revoke(kAdministrator, token.id, clock.Now()));
    PROV_CHECK(t.audit().Append({clock.Now(),
                                 kAdministrator.user_id,
                                 "api_token.revoked",
                                 token.id.ToString(),
                                 {{"name", token.name}}}));
    return {};
  });
}

}  // namespace prov::panel
