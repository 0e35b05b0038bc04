#include "cli/terminal.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/json.hpp"

namespace prov::cli {
namespace {

namespace bj = boost::json;

void WriteJson(std::string& to, const bj::value& value, std::size_t depth) {
  const std::string indent(2 * depth + 2, ' ');
  const std::string close(2 * depth, ' ');
  if (const auto* object = value.if_object(); object != nullptr && !object->empty()) {
    to += "{\n";
    std::size_t left = object->size();
    for (const auto& [key, member] : *object) {
      to += indent + json::Serialize(bj::string(key)) + ": ";
      WriteJson(to, member, depth + 1);
      to += --left > 0 ? ",\n" : "\n";
    }
    to += close + "}";
  } else if (const auto* array = value.if_array(); array != nullptr && !array->empty()) {
    to += "[\n";
    std::size_t left = array->size();
    for (const auto& item : *array) {
      to += indent;
      WriteJson(to, item, depth + 1);
      to += --left > 0 ? ",\n" : "\n";
    }
    to += close + "]";
  } else {
    to += json::Serialize(value);
  }
}

bool IsNested(const bj::value& value) {
  return (value.is_object() && !value.get_object().empty()) ||
         (value.is_array() && !value.get_array().empty());
}

// What is there between brackets and quotes; a number as every YAML reads it, which 1E0 is not.
std::string Scalar(const bj::value& value) {
  return value.is_double() ? fmt::format("{:#}", value.get_double()) : json::Serialize(value);
}

void WriteYaml(std::string& to, const bj::value& value, std::size_t depth) {
  const std::string indent(2 * depth, ' ');
  if (const auto* object = value.if_object(); object != nullptr && !object->empty()) {
    for (const auto& [key, member] : *object) {
      to += indent + json::Serialize(bj::string(key)) + ":";
      if (IsNested(member)) {
        to += "\n";
        WriteYaml(to, member, depth + 1);
      } else {
        to += " " + Scalar(member) + "\n";
      }
    }
  } else if (const auto* array = value.if_array(); array != nullptr && !array->empty()) {
    for (const auto& item : *array) {
      if (IsNested(item)) {
        to += indent + "-\n";
        WriteYaml(to, item, depth + 1);
      } else {
        to += indent + "- " + Scalar(item) + "\n";
      }
    }
  } else {
    to += indent + Scalar(value) + "\n";
  }
}

}  // namespace

std::string Harmless(std::string_view text) {
  const auto utf8 = ReplaceInvalidUtf8(text);
  std::string safe;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto c = static_cast<unsigned char>(utf8[i]);
    const auto next = i + 1 < utf8.size() ? static_cast<unsigned char>(utf8[i + 1]) : 0;
    if (c == '\r' && (next == '\n' || next == '\r')) continue;  // dpkg ends its lines like this
    if ((c < 0x20 && c != '\t' && c != '\n') || c == 0x7f) {
      safe += fmt::format("\\x{:02x}", c);
    } else if (c == 0xc2 && next >= 0x80 && next <= 0x9f) {  // C1 controls, U+0080 to U+009F
      safe += fmt::format("\\x{:02x}", next);
      ++i;
    } else {
      safe += utf8[i];
    }
  }
  return safe;
}

std::string Paint(Colour colour, std::string_view text, bool colours) {
  static constexpr const char* kCodes[] = {"", "31", "32", "33", "34", "2", "1"};
  if (!colours || colour == Colour::kNone) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", kCodes[static_cast<int>(colour)], text);
}

Colour ColourOf(std::string_view status) {
  if (status == "succeeded") return Colour::kGreen;
  if (status == "failed" || status == "timed_out" || status == "lost") return Colour::kRed;
  if (status == "running" || status == "accepted") return Colour::kBlue;
  return Colour::kYellow;
}

std::string Table(const std::vector<std::string>& head,
                  const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& cell : head) widths.push_back(CountCodePoints(cell));
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i)
      widths[i] = std::max(widths[i], CountCodePoints(row[i]));
  }
  std::string text;
  const auto write = [&](const std::vector<std::string>& row) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - CountCodePoints(row[i]) + 2, ' ');
    }
    text += line + "\n";
  };
  write(head);
  for (const auto& row : rows) write(row);
  return text;
}

std::string PrettyJson(const bj::value& value) {
  std::string text;
  WriteJson(text, value, 0);
  return text + "\n";
}

std::string Yaml(const bj::value& value) {
  std::string text;
  WriteYaml(text, value, 0);
  return text;
}

}  // namespace prov::cli
