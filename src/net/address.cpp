#include "net/address.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/ascii.hpp"

namespace prov::net {
namespace {

constexpr std::size_t kMostAddresses = 32;

Error Wrong(std::string_view why) { return {ErrorCode::kInvalidArgument, std::string(why), {}}; }

// Letters, digits and what IP addresses have; a mistyped password must not become a host's name.
bool IsHost(std::string_view host) {
  return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, [](char c) {
    return IsAlphanumeric(c) || c == '-' || c == '.' || c == '_' || c == ':';
  });
}

Result<std::uint16_t> ReadPort(std::string_view text) {
  std::uint16_t port = 0;
  const auto end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc() || stop != end || port == 0)
    return Wrong("a port must be from 1 to 65535");
  return port;
}

Result<Address> ReadAddress(std::string_view text, std::uint16_t default_port) {
  const bool bracket = text.starts_with('[');
  const auto end = bracket ? text.find(']') : text.find(':');
  if (bracket && end == text.npos) return Wrong("the \"]\" of an IPv6 address is missing");
  const auto host = text.substr(bracket ? 1 : 0, bracket ? end - 1 : end);
  if (!IsHost(host)) {
    return Wrong(
        "a host is missing or is no name and no IP address; \"@\", \"/\" and \":\" in a "
        "password are written %40, %2F and %3A");
  }
  Address address{std::string(host), default_port};
  const auto rest = end == text.npos ? std::string_view() : text.substr(end + (bracket ? 1 : 0));
  if (rest.empty()) return address;
  // What is no ":" leaves no port.
  PROV_TRY(address.port, ReadPort(rest.front() == ':' ? rest.substr(1) : std::string_view()));
  return address;
}

}  // namespace

std::string ToString(const Address& address) {
  const bool brackets = address.host.find(':') != std::string::npos;
  return brackets ? fmt::format("[{}]:{}", address.host, address.port)
                  : fmt::format("{}:{}", address.host, address.port);
}

std::string ToString(const std::vector<Address>& addresses) {
  std::string text;
  for (const auto& address : addresses) text += (text.empty() ? "" : ",") + ToString(address);
  return text;
}

Result<std::vector<Address>> ReadAddresses(std::string_view text, std::uint16_t default_port) {
  std::vector<Address> addresses;
  while (true) {
    const auto comma = text.find(',');
    PROV_TRY(auto address, ReadAddress(text.substr(0, comma), default_port));
    addresses.push_back(std::move(address));
    if (addresses.size() > kMostAddresses) return Wrong("more than 32 hosts");
    if (comma == text.npos) return addresses;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace prov::net
