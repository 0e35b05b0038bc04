#include "cli/show.hpp"

#include <cstdio>

#include <fmt/format.h>

#include "base/json.hpp"
#include "cli/terminal.hpp"

namespace prov::cli {

namespace bj = boost::json;

void Print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

ExitStatus Fail(const Failure& failure) {
  std::fprintf(stderr, "provisionctl: %s\n", Harmless(failure.message).c_str());
  return failure.status;
}

std::string Cell(const bj::value& object, std::string_view name) {
  const auto* members = object.if_object();
  const auto* value = members != nullptr ? members->if_contains(name) : nullptr;
  if (value == nullptr || value->is_null()) return "-";
  if (value->is_string()) return Harmless(value->get_string());
  return Harmless(json::Serialize(*value));
}

void Show(const Settings& settings, const bj::value& value,
          const std::vector<std::string>& columns) {
  if (settings.output == Output::kJson) return Print(PrettyJson(value));
  if (settings.output == Output::kYaml) return Print(Yaml(value));
  const auto* items = value.is_object() ? value.get_object().if_contains("items") : nullptr;
  if (items != nullptr && items->is_array()) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& item : items->get_array()) {
      auto& row = rows.emplace_back();
      for (const auto& column : columns) row.push_back(Cell(item, column));
    }
    return Print(Table(columns, rows));
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, member] : value.as_object())
    rows.push_back({std::string(name), Cell(value, name)});
  Print(Table({"FIELD", "VALUE"}, rows));
}

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const unsigned char c : text) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
        c == '.' || c == '_')
      escaped += static_cast<char>(c);
    else
      escaped += fmt::format("%{:02X}", c);
  }
  return escaped;
}

}  // namespace prov::cli
