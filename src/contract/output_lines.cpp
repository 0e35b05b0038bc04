#include "contract/output_lines.hpp"

#include <charconv>

namespace prov::contract {
namespace {

// "::name rest"; false for another name.
bool Takes(std::string_view& line, std::string_view name) {
  if (!line.starts_with(name)) return false;
  line.remove_prefix(name.size());
  if (!line.empty() && line[0] != ' ') return false;
  line.remove_prefix(std::min(line.size(), line.find_first_not_of(' ')));
  return true;
}

bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= 63 && name[0] >= 'a' && name[0] <= 'z' &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == name.npos;
}

}  // namespace

ScriptLine ParseScriptLine(std::string_view line) {
  if (!line.starts_with("::")) return PlainLine{};
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (auto rest = line; Takes(rest, "::progress")) {
    std::uint32_t percent = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), percent);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    if (error != std::errc() || percent > 100 || (!rest.empty() && rest[0] != ' '))
      return PlainLine{};
    rest.remove_prefix(std::min<std::size_t>(rest.size(), 1));
    return ProgressLine{percent, std::string(rest)};
  }
  if (auto rest = line; Takes(rest, "::output")) {
    const auto equals = rest.find('=');
    if (equals == rest.npos || !IsName(rest.substr(0, equals))) return PlainLine{};
    return OutputLine{std::string(rest.substr(0, equals)), std::string(rest.substr(equals + 1))};
  }
  if (auto rest = line; Takes(rest, "::warning") && !rest.empty())
    return WarningLine{std::string(rest)};
  if (auto rest = line; Takes(rest, "::group")) return GroupLine{std::string(rest)};
  if (auto rest = line; Takes(rest, "::endgroup")) return EndGroupLine{};
  return PlainLine{};
}

}  // namespace prov::contract
