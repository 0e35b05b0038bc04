#include "net/url.hpp"

#include <charconv>

#include <boost/asio/ip/address.hpp>
#include <boost/url.hpp>

namespace prov::net {

Result<Url> ParseUrl(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return Error{ErrorCode::kInvalidArgument,
                 "\"" + std::string(text) + "\" is not a usable URL: " + std::string(why)};
  };
  const auto parsed = boost::urls::parse_uri({text.data(), text.size()});
  if (parsed.has_error()) return wrong("it must look like https://host:port/path");
  const auto& view = *parsed;
  Url url;
  if (view.scheme_id() == boost::urls::scheme::https) {
    url.tls = true;
  } else if (view.scheme_id() != boost::urls::scheme::http) {
    return wrong("only http and https are known");
  }
  if (view.has_userinfo()) return wrong("a user name or password does not belong in it");
  if (view.has_fragment()) return wrong("a \"#\" part does not belong in it");
  const auto host = view.host();
  url.host.assign(host.data(), host.size());
  if (url.host.size() > 2 && url.host.front() == '[') {
    url.host = url.host.substr(1, url.host.size() - 2);
  }
  if (url.host.empty()) return wrong("the host is missing");
  if (url.host.find_first_of(std::string_view(" /\\\r\n\0", 6)) != std::string::npos) {
    return wrong("the host has characters that no host has");
  }
  url.port = url.tls ? 443 : 80;
  if (const auto port = view.port(); !port.empty()) {
    // Boost.URL's port_number() is quiet about an overflow.
    const auto end = port.data() + port.size();
    const auto [stop, error] = std::from_chars(port.data(), end, url.port);
    if (error != std::errc() || stop != end || url.port == 0) {
      return wrong("the port must be from 1 to 65535");
    }
  }
  const auto path = view.encoded_path();
  url.target.assign(path.data(), path.size());
  if (url.target.empty()) url.target = "/";
  if (view.has_query()) {
    const auto query = view.encoded_query();
    url.target.append("?").append(query.data(), query.size());
  }
  return url;
}

std::string Url::Authority() const {
  std::string authority = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != (tls ? 443 : 80)) authority += ":" + std::to_string(port);
  return authority;
}

bool IsLoopbackHost(std::string_view host) {
  if (host == "localhost") return true;
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  return !error && address.is_loopback();
}

std::string CanonicalAddress(std::string_view text) {
  namespace ip = boost::asio::ip;
  boost::system::error_code fault;
  const auto address = ip::make_address(std::string(text), fault);
  if (fault) return "";
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return ip::make_address_v4(ip::v4_mapped, address.to_v6()).to_string();
  return address.to_string();
}

}  // namespace prov::net
