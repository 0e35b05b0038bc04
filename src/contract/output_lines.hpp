// The lines a script may print to be understood (docs/contract.md): ::progress, ::output,
// ::warning, ::group, ::endgroup. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace prov::contract {

struct ProgressLine {
  std::uint32_t percent = 0;
  std::string message;
  bool operator==(const ProgressLine&) const = default;
};
struct OutputLine {
  std::string name;
  std::string value;
  bool operator==(const OutputLine&) const = default;
};
struct WarningLine {
  std::string text;
  bool operator==(const WarningLine&) const = default;
};
// Plain log too; whoever shows the log folds by them.
struct GroupLine {
  std::string title;
  bool operator==(const GroupLine&) const = default;
};
struct EndGroupLine {
  bool operator==(const EndGroupLine&) const = default;
};
struct PlainLine {
  bool operator==(const PlainLine&) const = default;
};
using ScriptLine =
    std::variant<PlainLine, ProgressLine, OutputLine, WarningLine, GroupLine, EndGroupLine>;

// A line without its newline (a carriage return at its end is no part of it). What is malformed,
// such as a percentage above 100 or an output without a name, is plain log.
ScriptLine ParseScriptLine(std::string_view line);

}  // namespace prov::contract
