// Absolute http and https URLs (Boost.URL parses).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace prov::net {

struct Url {
  bool tls = false;
  std::string host;  // decoded, without the brackets of an IPv6 address
  std::uint16_t port = 0;
  std::string target = "/";  // path and query, as given

  // For a Host header: brackets where needed, the port unless it is the scheme's own.
  std::string Authority() const;
};

// kInvalidArgument with what is wrong: scheme, user name, fragment, port.
Result<Url> ParseUrl(std::string_view text);
// "localhost", 127.0.0.0/8 or ::1, by name only; what a name resolves to is checked on connecting.
bool IsLoopbackHost(std::string_view host);

// An IP address in its one spelling, an IPv4 address mapped into IPv6 as IPv4; "" for what is none.
std::string CanonicalAddress(std::string_view text);

}  // namespace prov::net
