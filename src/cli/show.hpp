// How answers of the API are shown, in each of the output formats.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "cli/api_client.hpp"
#include "cli/commands.hpp"

namespace prov::cli {

void Print(std::string_view text);        // to standard output
ExitStatus Fail(const Failure& failure);  // to standard error; its status
// A member as a cell of a table; "-" where there is none.
std::string Cell(const boost::json::value& object, std::string_view name);
// A list ({"items": […]}) by `columns`, or one object member by member.
void Show(const Settings& settings, const boost::json::value& value,
          const std::vector<std::string>& columns);
// For a URL's path or query.
std::string Escaped(std::string_view text);

}  // namespace prov::cli
