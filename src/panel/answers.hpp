// Answers that several routes give.
#pragma once

#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "net/http_message.hpp"
#include "net/problem.hpp"

namespace prov::panel {

// 422: of members of a body, and of parameters.
net::Response InvalidInput(std::vector<net::FieldError> faults);
net::Response Unprocessable(std::vector<net::FieldError> faults);
// 404: `what` is "job", "user", ….
net::Response NoSuch(std::string_view what);
// A whole list; and a page of one, with the cursor of the next, or null.
net::Response Listed(boost::json::array items);
net::Response Listed(boost::json::array items, boost::json::value next_cursor);
template <class Rows>
net::Response Listed(const Rows& rows, auto view) {
  boost::json::array items;
  for (const auto& row : rows) items.push_back(view(row));
  return Listed(std::move(items));
}

}  // namespace prov::panel
