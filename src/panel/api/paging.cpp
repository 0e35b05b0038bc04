#include "panel/api/paging.hpp"

#include <charconv>

#include <fmt/format.h>

#include "base/encoding.hpp"

namespace prov::panel {
namespace {

constexpr std::size_t kMacBytes = 16;

std::string CursorMac(const KeyRing& keys, std::string_view filter, std::string_view last) {
  return keys.PanelMac("cursor", fmt::format("{}\n{}", filter, last)).substr(0, kMacBytes);
}

}  // namespace

std::string MakeCursor(const KeyRing& keys, std::string_view filter, std::string_view last) {
  return Base64UrlEncode(CursorMac(keys, filter, last) + std::string(last));
}

Page ReadPage(const net::Request& request, const KeyRing& keys, std::string_view filter,
              std::vector<net::FieldError>& faults) {
  Page page;
  if (const auto limit = request.Query("limit")) {
    const auto [end, bad] =
        std::from_chars(limit->data(), limit->data() + limit->size(), page.limit);
    if (bad != std::errc{} || end != limit->data() + limit->size() || page.limit < 1 ||
        page.limit > 200)
      faults.push_back({"limit", "range", "must be a whole number from 1 to 200"});
  }
  if (const auto cursor = request.Query("cursor")) {
    const auto bytes = Base64UrlDecode(*cursor);
    const bool ours = bytes && bytes->size() > kMacBytes &&
                      signing::EqualInConstantTime(
                          bytes->substr(0, kMacBytes),
                          CursorMac(keys, filter, std::string_view(*bytes).substr(kMacBytes)));
    if (ours)
      page.after = bytes->substr(kMacBytes);
    else
      faults.push_back({"cursor", "format", "is not a next_cursor of this very list"});
  }
  return page;
}

void CheckParameters(const net::Request& request, const std::set<std::string_view>& known,
                     std::vector<net::FieldError>& faults, std::string_view repeatable) {
  std::set<std::string_view> given;
  for (const auto& [name, value] : request.query) {
    const bool again = !given.insert(name).second;
    if (again && name != repeatable && known.contains(name))
      faults.push_back({name, "repeated", "may be given only once"});
    if (known.contains(name)) continue;
    faults.push_back(
        {name, "unknown",
         known.empty() ? std::string("this route takes no parameters")
                       : fmt::format("is not known here; there are {}", fmt::join(known, ", "))});
  }
}

std::optional<WallTime> TimeParameter(const net::Request& request, const char* name,
                                      std::vector<net::FieldError>& faults) {
  const auto text = request.Query(name);
  if (!text) return std::nullopt;
  const auto time = ParseTime(*text);
  if (time) return *time;
  faults.push_back({name, "format", "must be a time such as 2026-11-24T00:23:58Z"});
  return std::nullopt;
}

std::string FilterOf(const net::Request& request) {
  std::string filter = request.path;
  for (const auto& [name, value] : request.query) {
    if (name != "cursor" && name != "limit") filter += "\n" + name + "=" + value;
  }
  return filter;
}

}  // namespace prov::panel
