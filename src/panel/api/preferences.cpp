#include "panel/api/preferences.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "job/grammar.hpp"

namespace prov::panel {
namespace {

constexpr std::size_t kMostFavourites = 500;
constexpr std::size_t kMostViews = 100;
constexpr std::size_t kMostViewName = 64;
constexpr std::size_t kMostQuery = 2048;
constexpr std::size_t kMostZone = 64;
constexpr std::size_t kMostBytes = 64 << 10;  // of all of it

// As an IANA name is spelled; whether there is such a zone the browser knows.
bool IsTimeZone(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '+' || c == '-' || c == '/';
  };
  return !text.empty() && text.size() <= kMostZone && text.front() != '/' && text.back() != '/' &&
         std::ranges::all_of(text, allowed);
}

void CheckView(const SavedView& view, std::size_t at, std::vector<net::FieldError>& faults) {
  const auto name = CountCodePoints(view.name);
  if (name < 1 || name > kMostViewName) {
    faults.push_back({fmt::format("/views/{}/name", at), "length",
                      fmt::format("must have 1 to {} characters", kMostViewName)});
  }
  if (CountCodePoints(view.query) > kMostQuery) {
    faults.push_back({fmt::format("/views/{}/query", at), "max_length",
                      fmt::format("must have at most {} characters", kMostQuery)});
  }
}

}  // namespace

std::vector<net::FieldError> CheckPreferences(const Preferences& preferences) {
  std::vector<net::FieldError> faults;
  const auto at_most = [&](const char* field, std::size_t count, std::size_t most) {
    if (count > most)
      faults.push_back({field, "max_items", fmt::format("must have at most {} items", most)});
    return count <= most;
  };
  if (at_most("/favourites", preferences.favourites.size(), kMostFavourites)) {
    for (std::size_t i = 0; i < preferences.favourites.size(); ++i) {
      if (!job::IsAppId(preferences.favourites[i]))
        faults.push_back({fmt::format("/favourites/{}", i), "format", "is not the id of an app"});
    }
  }
  if (at_most("/views", preferences.views.size(), kMostViews)) {
    for (std::size_t i = 0; i < preferences.views.size(); ++i)
      CheckView(preferences.views[i], i, faults);
  }
  if (!IsTimeZone(preferences.time_zone))
    faults.push_back({"/time_zone", "format", "must be local, UTC or a name such as Europe/Paris"});
  if (faults.empty() && json::Write(preferences).size() > kMostBytes) {
    faults.push_back({"/views", "max_length",
                      fmt::format("all together must have {} bytes at most", kMostBytes)});
  }
  return faults;
}

Preferences ReadPreferences(const std::string& text) {
  auto read = json::Parse<Preferences>(text);
  return read ? std::move(*read) : Preferences{};
}

}  // namespace prov::panel
