// What is shown to a person: colours where there is a terminal, tables, and text from elsewhere
// made harmless. Pure but for Terminal's own question.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

namespace prov::cli {

enum class Colour { kNone, kRed, kGreen, kYellow, kBlue, kDim, kBold };

// Control characters but tab and newline as \xNN: a log must not be able to drive the terminal.
std::string Harmless(std::string_view text);
std::string Paint(Colour colour, std::string_view text, bool colours);
Colour ColourOf(std::string_view job_status);
// Columns as wide as their widest cell, two spaces between.
std::string Table(const std::vector<std::string>& head,
                  const std::vector<std::vector<std::string>>& rows);
// JSON with two spaces of indentation, and the same as YAML (every text quoted as JSON does it).
std::string PrettyJson(const boost::json::value& value);
std::string Yaml(const boost::json::value& value);

}  // namespace prov::cli
