// A session as a browser carries it: its cookie, and what an unsafe request shows besides, so that
// no other site's page can make one (CSRF).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/random.hpp"
#include "net/http_message.hpp"
#include "panel/dispatch/key_ring.hpp"

namespace prov::panel {

// `secure`: browsers reach the panel by https, its own or its proxy's. Else it listens on loopback.
// "__Host-session"; "session" without https, where browsers take no __Host- cookie.
std::string_view SessionCookieName(bool secure);
// Set-Cookie; "" for `token` takes it away.
std::string SessionCookie(const std::string& token, bool secure);
// 32 random bytes as text.
std::string MakeSessionToken(Random& random);
// Nothing where there is none, or more than one.
std::optional<std::string> SessionTokenOf(const net::Request& request, bool secure);

// What X-CSRF-Token must be in the session with that hash. Not stored: it follows from the panel's
// key.
std::string CsrfToken(const KeyRing& keys, std::string_view session_hash);

// Whether a request of this method may change something.
bool IsUnsafe(std::string_view method);
// Why the request does not come from a page of this panel, as a sentence: by Sec-Fetch-Site and
// Origin where a browser sends them. Nothing where it may.
std::optional<std::string> RefuseOtherSite(const net::Request& request, bool secure);

}  // namespace prov::panel
