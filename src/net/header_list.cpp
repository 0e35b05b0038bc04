#include "net/header_list.hpp"

namespace prov::net {

std::string_view TrimSpace(std::string_view text) {
  constexpr std::string_view kSpace = " \t";
  const auto first = text.find_first_not_of(kSpace);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::vector<std::string_view> ListElements(const Headers& headers, std::string_view name) {
  std::vector<std::string_view> elements;
  for (const auto& [found, value] : headers.all()) {
    if (!EqualsIgnoringCase(found, name)) continue;
    for (std::string_view rest = value; !rest.empty();) {
      const auto end = std::min(rest.find(','), rest.size());
      const auto element = TrimSpace(rest.substr(0, end));
      if (!element.empty()) elements.push_back(element);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return elements;
}

}  // namespace prov::net
