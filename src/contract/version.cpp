#include "contract/version.hpp"

#include <sstream>

namespace prov::contract {
namespace {

// The next part without leading zeros, so that length and then text order are the numbers' order.
std::string_view TakeNumber(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('.'), rest.size());
  std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  part.remove_prefix(std::min(part.find_first_not_of('0'), part.size()));
  return part;
}

}  // namespace

bool IsNumericVersion(std::string_view text) {
  if (text.empty() || text.size() > 64 || text.front() == '.' || text.back() == '.') return false;
  return text.find("..") == std::string_view::npos &&
         text.find_first_not_of("0123456789.") == std::string_view::npos;
}

std::optional<std::strong_ordering> CompareNumericVersions(std::string_view left,
                                                           std::string_view right) {
  if (!IsNumericVersion(left) || !IsNumericVersion(right)) return std::nullopt;
  while (!left.empty() || !right.empty()) {
    const auto a = TakeNumber(left);
    const auto b = TakeNumber(right);
    if (a.size() != b.size()) return a.size() <=> b.size();
    if (a != b) return a <=> b;
  }
  return std::strong_ordering::equal;
}

Result<VersionRange> VersionRange::Parse(std::string_view text) {
  VersionRange range;
  std::istringstream words{std::string(text)};
  for (std::string word; words >> word;) {
    const std::size_t digits = std::min(word.find_first_not_of("<>="), word.size());
    Part part{digits == 0 ? "=" : word.substr(0, digits), word.substr(digits)};
    static const std::set<std::string_view> known{">=", "<=", ">", "<", "="};
    if (!known.contains(part.comparison) || !IsNumericVersion(part.version)) {
      return Error{
          ErrorCode::kInvalidArgument,
          "is not a version range: write comparisons of numeric versions, such as \">=14 <17\"",
          {}};
    }
    range.parts.push_back(std::move(part));
  }
  return range;
}

bool VersionRange::Contains(std::string_view version) const {
  return std::ranges::all_of(parts, [&](const Part& part) {
    const auto order = CompareNumericVersions(version, part.version);
    if (!order) return false;
    if (part.comparison == ">=") return *order >= 0;
    if (part.comparison == "<=") return *order <= 0;
    if (part.comparison == ">") return *order > 0;
    if (part.comparison == "<") return *order < 0;
    return *order == 0;
  });
}

}  // namespace prov::contract
