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

bool IsTokenScope(std::string_view scope) {
  return scope == kScopeRead || scope == kScopeJobs || scope == kScopeMetrics ||
         scope == kScopeAdmin;
}

ComposedToken ComposeApiToken(const std::string& name, const std::string& user,
                              const std::vector<std::string>& scopes,
                              std::optional<WallTime> expires_at, const Clock& clock,
                              Random& random) {
  ComposedToken made;
  made.text = std::string(kTokenPrefix) + Base64UrlEncode(random.Bytes(kTokenBytes));
  made.row.id = Uuid::MakeV7(clock, random);
  made.row.hash = HashOfToken(made.text);
  made.row.name = name;
  made.row.user_id = user;
  made.row.scopes = scopes;
  made.row.created_at = clock.Now();
  made.row.expires_at = expires_at;
  return made;
}

Status AddApiToken(store::Transaction& t, const store::ApiToken& token) {
  PROV_CHECK(t.tokens().Insert(token));
  PROV_CHECK(t.audit().Append(
      {token.created_at,
       token.user_id,
       "api_token.created",
       token.id.ToString(),
       {{"name", token.name}, {"scopes", fmt::format("{}", fmt::join(token.scopes, " "))}}}));
  return {};
}

Result<std::string> MakeApiToken(store::Database& database, const std::string& name,
                                 const std::string& user, const std::vector<std::string>& scopes,
                                 std::optional<Seconds> valid_for, const Clock& clock,
                                 Random& random) {
  for (const auto& scope : scopes) {
    if (!IsTokenScope(scope)) {
      return Error{ErrorCode::kInvalidArgument,
                   "`" + scope + "` is not a scope; there are read, jobs, metrics and admin",
                   {}};
    }
  }
  if (name.empty() || user.empty() || scopes.empty())
    return Error{ErrorCode::kInvalidArgument, "a token has a name, a user and a scope", {}};
  const auto expires_at = valid_for ? std::optional(clock.Now() + *valid_for) : std::nullopt;
  const auto made = ComposeApiToken(name, user, scopes, expires_at, clock, random);
  PROV_CHECK(database.Write([&](store::Transaction& t) { return AddApiToken(t, made.row); }));
  return made.text;
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
