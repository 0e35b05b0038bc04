// The script checks of the linter, one function a code. For Lint only.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "contract/lint.hpp"
#include "contract/shell_text.hpp"

namespace prov::contract {

struct ScriptUnderLint {
  const LintScript& script;
  const ShellText& shell;
  const Manifest& manifest;
  // Upper-case names that scripts which no action runs assign, and functions that they define.
  const std::set<std::string, std::less<>>& shared_names;
  const std::set<std::string, std::less<>>& shared_functions;
};

// The names this script gives a value itself: NAME=, read NAME, for NAME in, ${NAME:=…}, …
std::set<std::string, std::less<>> AssignedNames(const ShellText& shell);
// Every word of the script that could be a variable's name, comments aside.
std::set<std::string, std::less<>> MentionedNames(const ShellText& shell);

void LintScriptText(const ScriptUnderLint& subject, std::vector<LintFinding>& findings);

}  // namespace prov::contract
