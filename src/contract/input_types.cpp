#include "contract/input_types.hpp"

#include <arpa/inet.h>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/ascii.hpp"
#include "base/encoding.hpp"

namespace prov::contract {
namespace {

constexpr std::string_view kDigits = "0123456789";

bool IsLabel(std::string_view label) {
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         std::ranges::all_of(label, [](char c) { return c == '-' || IsAlphanumeric(c); });
}

bool IsIpv6(std::string_view value) {
  in6_addr address{};
  return value.size() < INET6_ADDRSTRLEN && value.find('\0') == std::string_view::npos &&
         inet_pton(AF_INET6, std::string(value).c_str(), &address) == 1;
}

bool IsIpv4(std::string_view value) {
  in_addr address{};
  return value.size() < INET_ADDRSTRLEN && value.find('\0') == std::string_view::npos &&
         inet_pton(AF_INET, std::string(value).c_str(), &address) == 1;
}

bool IsPortText(std::string_view text) {
  int port = 0;
  if (text.empty() || text.size() > 5 || text.front() == '0') return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

// RFC 3986 characters, percent signs only as %XX.
bool HasUriCharacters(std::string_view text, std::string_view extra) {
  constexpr std::string_view kHex = "0123456789abcdefABCDEF";
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size() || kHex.find(text[i + 1]) == kHex.npos ||
          kHex.find(text[i + 2]) == kHex.npos) {
        return false;
      }
    } else if (!IsAlphanumeric(text[i]) &&
               std::string_view("-._~!$&'()*+,;=").find(text[i]) == std::string_view::npos &&
               extra.find(text[i]) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

bool IsAuthority(std::string_view authority) {
  if (const auto at = authority.rfind('@'); at != authority.npos) {
    if (!HasUriCharacters(authority.substr(0, at), ":")) return false;
    authority.remove_prefix(at + 1);
  }
  std::string_view host = authority;
  std::string_view port;
  if (authority.starts_with('[')) {
    const auto close = authority.find(']');
    if (close == authority.npos) return false;
    host = authority.substr(0, close + 1);
    port = authority.substr(close + 1);
  } else if (const auto colon = authority.find(':'); colon != authority.npos) {
    host = authority.substr(0, colon);
    port = authority.substr(colon);
  }
  if (!port.empty() && (port.front() != ':' || !IsPortText(port.substr(1)))) return false;
  if (host.starts_with('[')) return IsIpv6(host.substr(1, host.size() - 2));
  return IsIpv4(host) || IsHostname(host);
}

// -?(0|[1-9][0-9]*), but not -0; the digits are taken off `text`.
bool TakeWhole(std::string_view& text) {
  const std::size_t digits = std::min(text.find_first_not_of(kDigits), text.size());
  if (digits == 0 || (digits > 1 && text.front() == '0')) return false;
  text.remove_prefix(digits);
  return true;
}

std::optional<boost::json::value> IntegerFromText(std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with('-')) rest.remove_prefix(1);
  if (text == "-0" || !TakeWhole(rest) || !rest.empty()) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  return boost::json::value(value);
}

std::optional<boost::json::value> NumberFromText(std::string_view text) {
  if (auto integer = IntegerFromText(text)) return integer;
  std::string_view rest = text;
  if (rest.starts_with('-')) rest.remove_prefix(1);
  if (text.size() > 64 || !TakeWhole(rest)) return std::nullopt;
  if (!rest.empty()) {
    if (rest.front() != '.' || rest.size() < 2 || rest.find_first_not_of(kDigits, 1) != rest.npos) {
      return std::nullopt;
    }
  }
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  return boost::json::value(value == 0 ? 0.0 : value);
}

std::optional<boost::json::value> CoerceInteger(const boost::json::value& given) {
  if (given.is_int64()) return given;
  if (given.is_string()) return IntegerFromText(given.get_string());
  return std::nullopt;  // a uint64 here is above what an int64 holds
}

std::optional<boost::json::value> CoerceNumber(const boost::json::value& given) {
  if (given.is_int64()) return given;
  if (given.is_uint64()) return boost::json::value(static_cast<double>(given.get_uint64()));
  if (given.is_double() && std::isfinite(given.get_double())) return given;
  if (given.is_string()) return NumberFromText(given.get_string());
  return std::nullopt;
}

std::optional<boost::json::value> CoerceBoolean(const boost::json::value& given) {
  if (given.is_bool()) return given;
  if (!given.is_string()) return std::nullopt;
  if (given.get_string() == "true") return boost::json::value(true);
  if (given.get_string() == "false") return boost::json::value(false);
  return std::nullopt;
}

std::optional<boost::json::value> CoerceList(const boost::json::value& given) {
  if (given.is_array()) {
    const auto is_string = [](const auto& item) { return item.is_string(); };
    if (!std::ranges::all_of(given.get_array(), is_string)) return std::nullopt;
    return given;
  }
  if (!given.is_string()) return std::nullopt;
  boost::json::array items;
  std::string_view rest = given.get_string();
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    items.emplace_back(rest.substr(0, end));
    if (end + 1 == rest.size()) items.emplace_back("");  // "a," names an empty value: refused later
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return boost::json::value(std::move(items));
}

}  // namespace

bool IsTextual(InputType type) {
  return !IsNumeric(type) && type != InputType::kBoolean && type != InputType::kSelect &&
         type != InputType::kMultiselect;
}

bool IsNumeric(InputType type) {
  return type == InputType::kInteger || type == InputType::kNumber || type == InputType::kPort;
}

bool TakesAllowedValues(InputType type) {
  return type != InputType::kText && type != InputType::kBoolean && type != InputType::kPassword;
}

bool CanBeSensitive(InputType type) {
  return type == InputType::kString || type == InputType::kText || type == InputType::kPassword ||
         type == InputType::kUrl;
}

bool IsHostname(std::string_view value) {
  if (value.empty() || value.size() > 253) return false;
  while (true) {
    const std::size_t end = std::min(value.find('.'), value.size());
    const std::string_view label = value.substr(0, end);
    if (!IsLabel(label)) return false;
    if (end == value.size()) return !std::ranges::all_of(label, IsDigit);
    value.remove_prefix(end + 1);
  }
}

bool IsIp(std::string_view value) { return IsIpv4(value) || IsIpv6(value); }

bool IsEmail(std::string_view value) {
  const auto at = value.find('@');
  if (at == value.npos || at == 0 || at > 64 || value.size() > 254) return false;
  const std::string_view local = value.substr(0, at);
  if (local.front() == '.' || local.back() == '.' || local.find("..") != local.npos) return false;
  const bool atoms = std::ranges::all_of(local, [](char c) {
    return IsAlphanumeric(c) ||
           std::string_view(".!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
  });
  return atoms && IsHostname(value.substr(at + 1));
}

bool IsUrl(std::string_view value) {
  const auto colon = value.find("://");
  if (colon == value.npos || colon == 0 || colon > 32) return false;
  const std::string_view scheme = value.substr(0, colon);
  const bool scheme_ok =
      scheme.front() >= 'a' && scheme.front() <= 'z' && std::ranges::all_of(scheme, [](char c) {
        return (c >= 'a' && c <= 'z') || IsDigit(c) || c == '+' || c == '.' || c == '-';
      });
  const std::string_view rest = value.substr(colon + 3);
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  std::string_view tail = rest.substr(end);
  const std::size_t hash = std::min(tail.find('#'), tail.size());
  const std::string_view fragment = tail.substr(std::min(hash + 1, tail.size()));
  return scheme_ok && IsAuthority(rest.substr(0, end)) &&
         HasUriCharacters(tail.substr(0, hash), ":@/?") && HasUriCharacters(fragment, ":@/?");
}

bool IsAbsolutePath(std::string_view value) {
  if (!value.starts_with('/') || value.size() > 4095) return false;
  if (value == "/") return true;
  value.remove_prefix(1);
  while (true) {
    const std::size_t end = std::min(value.find('/'), value.size());
    const std::string_view part = value.substr(0, end);
    if (part.empty() || part == "." || part == ".." || part.size() > 255) return false;
    if (end == value.size()) return true;
    value.remove_prefix(end + 1);
  }
}

bool FitsGrammar(InputType type, std::string_view value) {
  switch (type) {
    case InputType::kEmail:
      return IsEmail(value);
    case InputType::kHostname:
      return IsHostname(value);
    case InputType::kIp:
      return IsIp(value);
    case InputType::kUrl:
      return IsUrl(value);
    case InputType::kPath:
      return IsAbsolutePath(value);
    default:
      return true;
  }
}

std::string_view GrammarSentence(InputType type) {
  switch (type) {
    case InputType::kEmail:
      return "must be an e-mail address such as admin@example.org";
    case InputType::kHostname:
      return "must be a host name such as db1.example.org";
    case InputType::kIp:
      return "must be an IPv4 or IPv6 address such as 192.0.2.10 or 2001:db8::1";
    case InputType::kUrl:
      return "must be a URL with a host such as https://example.org/path";
    case InputType::kPath:
      return "must be an absolute path such as /var/lib/app, without '.', '..', '//' or a '/' at "
             "the "
             "end";
    default:
      return "is not valid";
  }
}

bool HasOnlyAllowedCharacters(InputType type, std::string_view value) {
  if (!IsUtf8(value)) return false;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const auto byte = static_cast<unsigned char>(value[i]);
    if (byte == '\n' && type != InputType::kText) return false;
    if (byte < 0x20 && byte != '\t' && byte != '\n') return false;
    if (byte == 0x7f) return false;
    // U+0080 to U+009F are C2 80 to C2 9F.
    if (byte == 0xc2 && static_cast<unsigned char>(value[i + 1]) < 0xa0) return false;
  }
  return true;
}

std::optional<boost::json::value> Coerce(InputType type, const boost::json::value& given) {
  switch (type) {
    case InputType::kInteger:
    case InputType::kPort:
      return CoerceInteger(given);
    case InputType::kNumber:
      return CoerceNumber(given);
    case InputType::kBoolean:
      return CoerceBoolean(given);
    case InputType::kMultiselect:
      return CoerceList(given);
    default:
      if (given.is_string()) return given;
      return std::nullopt;
  }
}

std::string_view TypeSentence(InputType type) {
  switch (type) {
    case InputType::kInteger:
      return "must be a whole number in plain decimal, such as 8080";
    case InputType::kPort:
      return "must be a port number from 1 to 65535";
    case InputType::kNumber:
      return "must be a number in plain decimal, such as 0.5";
    case InputType::kBoolean:
      return "must be true or false";
    case InputType::kMultiselect:
      return "must be a list of the allowed values";
    default:
      return "must be text";
  }
}

std::string EnvironmentText(const boost::json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_bool()) return value.get_bool() ? "true" : "false";
  if (value.is_int64()) return std::to_string(value.get_int64());
  if (value.is_uint64()) return std::to_string(value.get_uint64());
  if (value.is_double()) {
    // Fixed notation of the largest double has 309 digits; of the smallest, some 1,080 characters.
    std::array<char, 1200> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value.get_double(),
                                   std::chars_format::fixed);
    return {text.data(), end.ptr};
  }
  std::string joined;
  if (value.is_array()) {
    for (const auto& item : value.get_array()) {
      if (!joined.empty()) joined += ',';
      joined += EnvironmentText(item);
    }
  }
  return joined;
}

}  // namespace prov::contract
