#include "exec/unit_file.hpp"

#include <array>
#include <map>
#include <vector>

#include "base/files.hpp"

namespace prov::exec {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxUnitFile = 64 * 1024;
constexpr std::string_view kBlank = " \t\r";

// In the order in which one hides another's file of the same name.
constexpr std::array kDirectories = {"etc/systemd/system", "run/systemd/system",
                                     "usr/local/lib/systemd/system", "usr/lib/systemd/system",
                                     "lib/systemd/system"};

std::string_view Trim(std::string_view text) {
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return "";
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// Joins lines that end in a backslash, and drops comments, in between, too.
std::vector<std::string> LogicalLines(std::string_view text) {
  std::vector<std::string> lines;
  bool goes_on = false;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    auto line = Trim(text.substr(at, end - at));
    at = end + 1;
    if (line.starts_with('#') || line.starts_with(';')) continue;
    if (!goes_on) lines.emplace_back();
    goes_on = line.ends_with('\\');
    if (goes_on) line.remove_suffix(1);
    lines.back().append(line);
    if (goes_on) lines.back().push_back(' ');
  }
  return lines;
}

std::string FirstWord(std::string_view text) {
  std::string word;
  char quote = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\\' && at + 1 < text.size()) {
      word.push_back(text[++at]);
    } else if (quote != 0 ? c == quote : c == '"' || c == '\'') {
      quote = quote != 0 ? 0 : c;
    } else if (quote == 0 && kBlank.find(c) != std::string_view::npos) {
      break;
    } else {
      word.push_back(c);
    }
  }
  return word;
}

std::string ExpandInstance(std::string_view text, std::string_view instance) {
  std::string result;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto specifier = text.substr(at, 2);
    if (specifier == "%i") {
      result.append(instance);
    } else if (specifier == "%%") {
      result.push_back('%');
    } else {
      result.push_back(text[at]);
      continue;
    }
    ++at;
  }
  return result;
}

// Drop-ins of all directories by file name; the first directory hides what others name the same.
void AddDropIns(const Path& root, const std::string& unit, std::map<std::string, Path>& found) {
  for (const char* directory : kDirectories) {
    std::error_code fault;
    for (fs::directory_iterator each(root / directory / (unit + ".d"), fault), end;
         !fault && each != end; each.increment(fault)) {
      const auto name = each->path().filename().string();
      if (name.ends_with(".conf")) found.try_emplace(name, each->path());
    }
  }
}

std::optional<std::string> ReadUnit(const Path& root, const std::string& name) {
  for (const char* directory : kDirectories) {
    if (auto text = ReadFile(root / directory / name, kMaxUnitFile)) return std::move(*text);
  }
  return std::nullopt;
}

}  // namespace

ServiceUnit ParseServiceUnit(std::string_view text, std::string_view instance) {
  ServiceUnit unit;
  bool in_service = false;
  for (const auto& line : LogicalLines(text)) {
    if (line.starts_with('[')) in_service = line == "[Service]";
    const auto equals = line.find('=');
    if (!in_service || equals == std::string::npos) continue;
    const auto key = Trim(std::string_view(line).substr(0, equals));
    const auto value = Trim(std::string_view(line).substr(equals + 1));
    if (key == "Type") {
      unit.oneshot = value == "oneshot";
    } else if (key == "PIDFile") {
      unit.pid_file = ExpandInstance(value, instance);
    } else if (key == "ExecStart" && value.empty()) {
      unit.program.clear();
    } else if (key == "ExecStart" && unit.program.empty()) {
      const auto first = value.find_first_not_of(" @-:+!");
      if (first == std::string_view::npos) continue;
      unit.program = ExpandInstance(FirstWord(value.substr(first)), instance);
    }
  }
  return unit;
}

std::optional<ServiceUnit> FindServiceUnit(const Path& root, const std::string& name) {
  std::string instance;
  std::string unit_template;
  const auto at = name.find('@');
  const auto dot = name.rfind('.');
  if (at != std::string::npos && dot != std::string::npos && at < dot) {
    instance = name.substr(at + 1, dot - at - 1);
    unit_template = name.substr(0, at + 1) + name.substr(dot);
  }
  auto text = ReadUnit(root, name);
  if (!text && !instance.empty()) text = ReadUnit(root, unit_template);
  if (!text) return std::nullopt;
  std::map<std::string, Path> drop_ins;
  AddDropIns(root, name, drop_ins);
  if (!instance.empty()) AddDropIns(root, unit_template, drop_ins);
  for (const auto& [_, path] : drop_ins) {
    if (const auto more = ReadFile(path, kMaxUnitFile)) *text += "\n" + *more;
  }
  return ParseServiceUnit(*text, instance);
}

}  // namespace prov::exec
