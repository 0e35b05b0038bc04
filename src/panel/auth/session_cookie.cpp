#include "panel/auth/session_cookie.hpp"

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "net/header_list.hpp"

namespace prov::panel {
namespace {

constexpr std::size_t kSessionBytes = 32;

}  // namespace

std::string_view SessionCookieName(bool secure) { return secure ? "__Host-session" : "session"; }

std::string SessionCookie(const std::string& token, bool secure) {
  return fmt::format("{}={}; Path=/; HttpOnly; SameSite=Strict{}{}", SessionCookieName(secure),
                     token, secure ? "; Secure" : "", token.empty() ? "; Max-Age=0" : "");
}

std::string MakeSessionToken(Random& random) {
  return Base64UrlEncode(random.Bytes(kSessionBytes));
}

std::optional<std::string> SessionTokenOf(const net::Request& request, bool secure) {
  std::optional<std::string> found;
  for (const auto& [name, value] : request.headers.all()) {
    if (!net::EqualsIgnoringCase(name, "Cookie")) continue;
    for (std::size_t at = 0; at <= value.size();) {
      const auto end = std::min(value.find(';', at), value.size());
      const auto pair = net::TrimSpace(std::string_view(value).substr(at, end - at));
      const auto equals = pair.find('=');
      at = end + 1;
      if (equals == pair.npos || pair.substr(0, equals) != SessionCookieName(secure)) continue;
      // Of two, one was set by somebody else, and which of them nobody can tell.
      if (found) return std::nullopt;
      found = pair.substr(equals + 1);
    }
  }
  return found;
}

std::string CsrfToken(const KeyRing& keys, std::string_view session_hash) {
  return Base64UrlEncode(keys.PanelMac("csrf", session_hash));
}

bool IsUnsafe(std::string_view method) { return method != "GET" && method != "HEAD"; }

std::optional<std::string> RefuseOtherSite(const net::Request& request, bool secure) {
  const auto site = request.headers.Find("Sec-Fetch-Site");
  if (site && (*site != "same-origin" || request.headers.Count("Sec-Fetch-Site") > 1))
    return "the request comes from another site (Sec-Fetch-Site)";
  const auto origin = request.headers.Find("Origin");
  if (!origin) return std::nullopt;
  const auto host = request.headers.Find("Host").value_or("");
  const auto own = fmt::format("{}://{}", secure ? "https" : "http", host);
  if (net::EqualsIgnoringCase(*origin, own) && request.headers.Count("Origin") == 1)
    return std::nullopt;
  return "the request comes from another site (Origin); a proxy must pass Host on";
}

}  // namespace prov::panel
