#include "amqp/url.hpp"

#include <charconv>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <fmt/format.h>

namespace prov::amqp {
namespace {

constexpr std::uint16_t kPort = 5672;
constexpr std::uint16_t kTlsPort = 5671;
constexpr std::size_t kMostName = 255;  // of a short string in AMQP

// Quotes nothing of the URL: anything in it may be a piece of the password.
Error Wrong(std::string_view why) {
  return {ErrorCode::kInvalidArgument, fmt::format("not a usable RabbitMQ URL: {}", why)};
}

}  // namespace

Result<Url> ParseUrl(std::string_view text) {
  const auto parsed = boost::urls::parse_uri(text);
  if (!parsed) {
    return Wrong(
        "it is written amqp://USER:PASSWORD@HOST:5672/VHOST, or amqps:// (TLS); other than "
        "letters, digits and - . _ ~ are percent-encoded in a password");
  }
  Url url;
  const auto scheme = parsed->scheme();
  if (scheme != "amqp" && scheme != "amqps")
    return Wrong("it must begin with amqp://, or amqps:// (TLS)");
  if (parsed->has_query() || parsed->has_fragment())
    return Wrong(
        "there is nothing after \"?\" or \"#\"; in a password they are written %3F and %23");
  url.tls = scheme == "amqps";
  url.host = parsed->host_address();
  if (url.host.empty()) return Wrong("the host is missing");
  url.port = url.tls ? kTlsPort : kPort;
  if (parsed->has_port()) {
    const auto port = parsed->port();
    const auto end = port.data() + port.size();
    const auto [at, fault] = std::from_chars(port.data(), end, url.port);
    if (fault != std::errc() || at != end || url.port == 0)
      return Wrong("a port must be from 1 to 65535");
  }
  if (parsed->has_userinfo()) {
    url.names_user = true;
    url.user = parsed->user();
    url.password = parsed->password();
    if (url.user.empty() || url.password.empty())
      return Wrong("before the \"@\" stands USER:PASSWORD");
  }
  auto path = std::string_view(parsed->encoded_path().data(), parsed->encoded_path().size());
  if (path.starts_with('/')) path.remove_prefix(1);
  if (path.find('/') != path.npos)
    return Wrong("a \"/\" in the name of a virtual host is written %2F");
  if (!path.empty()) url.vhost = boost::urls::pct_string_view(path).decode();
  if (url.user.size() > kMostName || url.vhost.size() > kMostName)
    return Wrong("a user and a virtual host have 255 bytes at most");
  return url;
}

std::string ToString(const Url& url) {
  const bool brackets = url.host.find(':') != std::string::npos;
  return fmt::format("amqp{}://{}{}{}:{}{}{}", url.tls ? "s" : "", brackets ? "[" : "", url.host,
                     brackets ? "]" : "", url.port, url.vhost == "/" ? "" : "/",
                     url.vhost == "/" ? "" : url.vhost);
}

}  // namespace prov::amqp
