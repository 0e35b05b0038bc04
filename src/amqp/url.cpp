#include "amqp/url.hpp"

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

// What stands where a URL has its host.
std::string_view HostsOf(std::string_view text) {
  const auto scheme = text.find("://");
  if (scheme == text.npos) return {};
  text.remove_prefix(scheme + 3);
  text = text.substr(0, text.find_first_of("/?#"));
  return text.substr(text.rfind('@') + 1);
}

// Boost.URL, which reads all else, knows URLs of one host.
std::string WithOneHost(std::string_view text, std::string_view hosts) {
  if (hosts.empty()) return std::string(text);
  const auto from = static_cast<std::size_t>(hosts.data() - text.data());
  return std::string(text.substr(0, from)) + "host" + std::string(text.substr(from + hosts.size()));
}

}  // namespace

Result<Url> ParseUrl(std::string_view text) {
  const auto hosts = HostsOf(text);
  const auto one_host = WithOneHost(text, hosts);
  const auto parsed = boost::urls::parse_uri(one_host);
  if (!parsed) {
    return Wrong(
        "it is written amqp://USER:PASSWORD@HOST:5672/VHOST, or amqps:// (TLS), with several hosts "
        "as HOST:5672,HOST:5672; other than letters, digits and - . _ ~ are percent-encoded in a "
        "password");
  }
  Url url;
  const auto scheme = parsed->scheme();
  if (scheme != "amqp" && scheme != "amqps")
    return Wrong("it must begin with amqp://, or amqps:// (TLS)");
  if (parsed->has_query() || parsed->has_fragment())
    return Wrong(
        "there is nothing after \"?\" or \"#\"; in a password they are written %3F and %23");
  url.tls = scheme == "amqps";
  auto addresses = net::ReadAddresses(hosts, url.tls ? kTlsPort : kPort);
  if (!addresses) return Wrong(addresses.error().message);
  url.addresses = std::move(*addresses);
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
  return fmt::format("amqp{}://{}{}{}", url.tls ? "s" : "", ToString(url.addresses),
                     url.vhost == "/" ? "" : "/", url.vhost == "/" ? "" : url.vhost);
}

}  // namespace prov::amqp
