#include "redis/url.hpp"

#include <charconv>

#include <fmt/format.h>

#include "base/ascii.hpp"

namespace prov::redis {
namespace {

constexpr std::uint16_t kServerPort = 6379;
constexpr std::uint16_t kSentinelPort = 26379;
// As many as CONFIG's `databases` may sensibly say.
constexpr int kMostDatabase = 65'535;

// Quotes nothing of the URL: anything in it may be a piece of the password.
Error Wrong(std::string_view why) {
  return {ErrorCode::kInvalidArgument, fmt::format("not a usable Redis URL: {}", why)};
}

std::optional<int> HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

Result<std::string> PercentDecode(std::string_view text, std::string_view what) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const auto high = i + 2 < text.size() ? HexDigit(text[i + 1]) : std::nullopt;
    const auto low = high ? HexDigit(text[i + 2]) : std::nullopt;
    if (!low) {
      return Wrong(
          fmt::format("a \"%\" in the {} must be followed by two hexadecimal digits; "
                      "\"%\" itself is written %25",
                      what));
    }
    decoded += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return decoded;
}

template <class T>
std::optional<T> Number(std::string_view text) {
  T value{};
  const auto end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

// Takes "rediss+sentinel://" off, and says what stands behind the "+".
Result<std::string_view> ReadScheme(std::string_view& text, Url& url) {
  const auto end = text.find("://");
  const auto scheme = text.substr(0, end == text.npos ? 0 : end);
  const auto plus = scheme.find('+');
  const auto name = scheme.substr(0, plus);
  const auto kind = plus == scheme.npos ? std::string_view() : scheme.substr(plus + 1);
  const bool known = plus == scheme.npos || kind == "sentinel" || kind == "cluster";
  if ((name != "redis" && name != "rediss") || !known) {
    return Wrong(
        "it must begin with redis://, redis+sentinel:// or redis+cluster://, or over TLS with "
        "rediss://, rediss+sentinel:// or rediss+cluster://");
  }
  url.tls = name == "rediss";
  text.remove_prefix(end + 3);
  return kind;
}

Status ReadCredentials(std::string_view text, Url& url) {
  const auto colon = text.find(':');
  if (colon == text.npos)
    return Wrong("before the \"@\" stands USER:PASSWORD, or :PASSWORD without a user");
  PROV_TRY(url.user, PercentDecode(text.substr(0, colon), "user"));
  PROV_TRY(url.password, PercentDecode(text.substr(colon + 1), "password"));
  if (url.password.empty()) return Wrong("a user without a password");
  return {};
}

Status ReadDatabase(std::string_view text, Url& url) {
  if (text.empty()) return {};
  const auto number = Number<int>(text);
  if (!number || *number < 0 || *number > kMostDatabase)
    return Wrong("the database after the last \"/\" must be a number from 0 to 65535");
  url.database = *number;
  return {};
}

}  // namespace

Result<Url> ParseUrl(std::string_view text) {
  Url url;
  auto rest = text;
  PROV_TRY(const auto kind, ReadScheme(rest, url));
  const bool sentinel = kind == "sentinel";
  url.cluster = kind == "cluster";
  if (rest.find_first_of("?#") != rest.npos)
    return Wrong(
        "there is nothing after \"?\" or \"#\"; in a password they are written %3F and %23");
  const auto slash = rest.find('/');
  auto path = slash == rest.npos ? std::string_view() : rest.substr(slash + 1);
  auto authority = rest.substr(0, slash);
  if (const auto at = authority.rfind('@'); at != authority.npos) {
    PROV_CHECK(ReadCredentials(authority.substr(0, at), url));
    authority.remove_prefix(at + 1);
  }
  auto addresses = net::ReadAddresses(authority, sentinel ? kSentinelPort : kServerPort);
  if (!addresses) return Wrong(addresses.error().message);
  url.addresses = std::move(*addresses);
  if (sentinel) {
    const auto end = path.find('/');
    PROV_TRY(url.master_name, PercentDecode(path.substr(0, end), "master's name"));
    if (url.master_name.empty())
      return Wrong("the master's name is missing: redis+sentinel://host:26379,host:26379/mymaster");
    path = end == path.npos ? std::string_view() : path.substr(end + 1);
  } else if (url.addresses.size() != 1 && !url.cluster) {
    return Wrong(
        "several hosts are Sentinels or nodes of a Cluster: "
        "redis+sentinel://host,host/master-name, redis+cluster://host,host");
  }
  PROV_CHECK(ReadDatabase(path, url));
  if (url.cluster && url.database != 0) return Wrong("a Cluster has the database 0 alone");
  return url;
}

std::string ToString(const Url& url) {
  auto text = fmt::format("redis{}{}://", url.tls ? "s" : "",
                          url.sentinel() ? "+sentinel"
                          : url.cluster  ? "+cluster"
                                         : "") +
              ToString(url.addresses);
  if (url.sentinel()) text += "/" + url.master_name;
  if (url.database != 0) text += "/" + std::to_string(url.database);
  return text;
}

}  // namespace prov::redis
