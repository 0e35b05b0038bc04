// What the panel keeps for a person's pages, of bounded size.
#pragma once

#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "net/problem.hpp"

namespace prov::panel {

enum class Theme { kSystem, kLight, kDark };
BOOST_DESCRIBE_ENUM(Theme, kSystem, kLight, kDark)

// A list with its filters, under a name.
struct SavedView {
  std::string name;
  std::string query;
};
BOOST_DESCRIBE_STRUCT(SavedView, (), (name, query))

struct Preferences {
  std::vector<std::string> favourites;  // of apps
  std::vector<SavedView> views;
  std::string time_zone = "local";  // or "UTC", or an IANA name
  Theme theme = Theme::kSystem;
  bool notify = false;
};
BOOST_DESCRIBE_STRUCT(Preferences, (), (favourites, views, time_zone, theme, notify))

// Every fault at once, by its JSON pointer.
std::vector<net::FieldError> CheckPreferences(const Preferences& preferences);
// As the store keeps them; the defaults for what it cannot read.
Preferences ReadPreferences(const std::string& text);

}  // namespace prov::panel
