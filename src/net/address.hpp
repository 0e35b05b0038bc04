// Where a server is, and lists of such as URLs of several servers have them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace prov::net {

struct Address {
  std::string host;  // a name or an IP address, without brackets
  std::uint16_t port = 0;
  bool operator==(const Address&) const = default;
};

// "host:port", with brackets where the host is an IPv6 address.
std::string ToString(const Address& address);
// The same of each, with "," between them.
std::string ToString(const std::vector<Address>& addresses);

// "HOST[:PORT][,HOST[:PORT]]..", an IPv6 address in brackets; at least one, 32 at most.
// kInvalidArgument with what is wrong; nothing of the text is said again, which may be a piece of a
// password.
Result<std::vector<Address>> ReadAddresses(std::string_view text, std::uint16_t default_port);

}  // namespace prov::net
