// People, their sessions and tokens.
#include "base/json.hpp"
#include "panel/api/views.hpp"
#include "panel/auth/accounts.hpp"
#include "panel/auth/session_cookie.hpp"

namespace prov::panel {
namespace {

boost::json::value TimeOrNull(const std::optional<WallTime>& time) {
  return time ? boost::json::value(FormatTime(*time)) : boost::json::value(nullptr);
}

}  // namespace

boost::json::object SessionJson(const store::User& user, const store::Session& session,
                                const KeyRing& keys) {
  return {{"user",
           {{"id", user.id.ToString()}, {"name", user.name}, {"role", json::EnumName(user.role)}}},
          {"csrf_token", CsrfToken(keys, session.hash)},
          {"idle_expires_at", FormatTime(IdleUntil(session))},
          {"expires_at", FormatTime(session.expires_at)}};
}

boost::json::object UserJson(const store::User& user) {
  return {{"id", user.id.ToString()},
          {"name", user.name},
          {"role", json::EnumName(user.role)},
          {"disabled", user.disabled},
          {"created_at", FormatTime(user.created_at)},
          {"last_seen_at", TimeOrNull(user.last_seen_at)}};
}

boost::json::object TokenJson(const store::ApiToken& token) {
  return {{"id", token.id.ToString()},
          {"name", token.name},
          {"scopes", boost::json::array(token.scopes.begin(), token.scopes.end())},
          {"created_at", FormatTime(token.created_at)},
          {"expires_at", TimeOrNull(token.expires_at)},
          {"last_used_at", TimeOrNull(token.last_used_at)}};
}

}  // namespace prov::panel
