#include "panel/forwarded.hpp"

#include "net/header_list.hpp"
#include "net/url.hpp"

namespace prov::panel {
namespace {

std::string Address(std::string_view text) { return net::CanonicalAddress(net::TrimSpace(text)); }

}  // namespace

bool TakeForwarded(const std::string& proxy, net::Request& request) {
  if (proxy.empty()) return true;
  if (request.peer != Address(proxy)) return false;
  std::string_view last;
  for (const auto& [name, value] : request.headers.all()) {
    if (net::EqualsIgnoringCase(name, "X-Forwarded-For")) last = value;
  }
  const auto client = Address(last.substr(last.rfind(',') + 1));
  if (!client.empty()) request.peer = client;
  return true;
}

}  // namespace prov::panel
