#include "contract/os_requirements.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/ascii.hpp"

namespace prov::contract {
namespace {

// The value of an assignment as a shell would read it: quotes taken off, backslashes resolved.
std::string Unquote(std::string_view text) {
  std::string value;
  char quote = '\0';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == '\0' && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote && quote != '\0') {
      quote = '\0';
    } else if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
      value += text[++i];
    } else {
      value += c;
    }
  }
  return value;
}

std::vector<std::string> SplitWords(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = text.find_first_not_of(' '); at != std::string_view::npos;
       at = text.find_first_not_of(' ', at)) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    words.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

// Takes the text up to the next '.' off the front.
std::string_view TakePart(std::string_view& text) {
  const std::size_t dot = std::min(text.find('.'), text.size());
  const auto part = text.substr(0, dot);
  text.remove_prefix(std::min(dot + 1, text.size()));
  return part;
}

int CompareParts(std::string_view a, std::string_view b) {
  const bool a_is_number = std::ranges::all_of(a, IsDigit),
             b_is_number = std::ranges::all_of(b, IsDigit);
  if (a_is_number != b_is_number) return a_is_number ? -1 : 1;
  if (a_is_number) {  // by length without leading zeros, so that no number is too large
    a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
    b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
    if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  }
  return a.compare(b);
}

}  // namespace

OsRelease ParseOsRelease(std::string_view text) {
  OsRelease os;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t equals = line.find('=');
    if (line.starts_with('#') || equals == std::string_view::npos) continue;
    const auto name = line.substr(0, equals);
    const auto value = Unquote(line.substr(equals + 1));
    if (name == "ID") os.id = value;
    if (name == "ID_LIKE") os.id_like = SplitWords(value);
    if (name == "VERSION_ID") os.version_id = value;
    if (name == "PRETTY_NAME") os.pretty_name = value;
  }
  if (os.id.empty()) os.id = "linux";
  return os;
}

int CompareVersions(std::string_view a, std::string_view b) {
  while (!a.empty() || !b.empty()) {
    if (const int order = CompareParts(TakePart(a), TakePart(b)); order != 0)
      return order < 0 ? -1 : 1;
  }
  return 0;
}

std::optional<UnmetRequirement> CheckOs(const OsRequirements& wanted, const OsRelease& os,
                                        std::string_view architecture) {
  const auto unsupported = [&](std::string_view member, std::string_view why) {
    const auto name =
        os.pretty_name.empty() ? fmt::format("{} {}", os.id, os.version_id) : os.pretty_name;
    return UnmetRequirement{
        fmt::format("os_requirements.{}", member),
        fmt::format("this server runs {} on {}; the installer {}", name, architecture, why)};
  };
  const bool same = std::ranges::find(wanted.families, os.id) != wanted.families.end();
  const bool alike =
      std::ranges::find_first_of(wanted.families, os.id_like) != wanted.families.end();
  if (!same && !alike)
    return unsupported("family", fmt::format("supports {}", fmt::join(wanted.families, ", ")));
  const auto least = wanted.min_version.find(os.id);
  if (least != wanted.min_version.end() && !os.version_id.empty() &&
      CompareVersions(os.version_id, least->second) < 0) {
    return unsupported("min_version", fmt::format("needs {} {} or newer", os.id, least->second));
  }
  if (!wanted.architectures.empty() &&
      std::ranges::find(wanted.architectures, architecture) == wanted.architectures.end()) {
    return unsupported("architectures",
                       fmt::format("supports {}", fmt::join(wanted.architectures, ", ")));
  }
  return std::nullopt;
}

}  // namespace prov::contract
