#include "panel/web/content_coding.hpp"

#include "net/header_list.hpp"

namespace prov::panel {
namespace {

// In thousandths: "1", "0.5", "1.000"; at most three decimals.
std::optional<int> QValue(std::string_view text) {
  if (text.empty() || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  int value = (text[0] - '0') * 1000;
  if (text.size() == 1) return value;
  if (text[1] != '.' || text.size() > 5) return std::nullopt;
  int place = 100;
  for (const char c : text.substr(2)) {
    if (c < '0' || c > '9') return std::nullopt;
    value += (c - '0') * place;
    place /= 10;
  }
  return value <= 1000 ? std::optional(value) : std::nullopt;
}

struct Wish {
  std::string_view coding;
  int weight = 1000;  // in thousandths
};

std::optional<Wish> ReadWish(std::string_view element) {
  const auto semicolon = element.find(';');
  Wish wish{.coding = net::TrimSpace(element.substr(0, semicolon))};
  if (net::EqualsIgnoringCase(wish.coding, "x-gzip")) wish.coding = "gzip";  // RFC 9110, 8.4.1.3
  if (wish.coding.empty()) return std::nullopt;
  if (semicolon == element.npos) return wish;
  const auto parameter = net::TrimSpace(element.substr(semicolon + 1));
  if (parameter.size() < 2 || !net::EqualsIgnoringCase(parameter.substr(0, 2), "q="))
    return std::nullopt;
  const auto weight = QValue(parameter.substr(2));
  if (!weight) return std::nullopt;
  wish.weight = *weight;
  return wish;
}

std::vector<Wish> WishesOf(const net::Headers& headers) {
  std::vector<Wish> wishes;
  for (const auto element : net::ListElements(headers, "Accept-Encoding")) {
    if (const auto wish = ReadWish(element)) wishes.push_back(*wish);
  }
  return wishes;
}

std::optional<int> WeightOf(const std::vector<Wish>& wishes, std::string_view coding) {
  const auto found = std::ranges::find_if(
      wishes, [&](const Wish& wish) { return net::EqualsIgnoringCase(wish.coding, coding); });
  return found == wishes.end() ? std::nullopt : std::optional(found->weight);
}

}  // namespace

std::optional<std::string_view> ChooseCoding(const net::Headers& headers,
                                             std::span<const std::string_view> offered) {
  const auto wishes = WishesOf(headers);
  const auto others = WeightOf(wishes, "*");
  std::string_view best;
  int most = 0;
  for (const auto coding : offered) {
    const int weight = WeightOf(wishes, coding).value_or(others.value_or(0));
    if (weight > most) {
      best = coding;
      most = weight;
    }
  }
  // Not named, it is good enough where nothing else is; named, it counts like the others.
  const auto identity = WeightOf(wishes, kIdentity);
  if (identity ? *identity > most : (best.empty() && others != 0)) return kIdentity;
  return best.empty() ? std::nullopt : std::optional(best);
}

}  // namespace prov::panel
