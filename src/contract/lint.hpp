// What is wrong, or better done otherwise, with an installer, found without running it: the
// contract of its manifest, and what can be read off its scripts (docs/contract.md, "The linter").
// Pure; the command line brings the files and prints the findings.
#pragma once

#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "contract/manifest_loader.hpp"

namespace prov::contract {

enum class LintSeverity { kError, kWarning };
BOOST_DESCRIBE_ENUM(LintSeverity, kError, kWarning)

struct LintFinding {
  std::string file;
  int line = 1;    // from 1
  int column = 1;  // from 1, in code points
  LintSeverity severity = LintSeverity::kError;
  std::string code;     // "manifest", "reads-stdin", …; stable
  std::string message;  // for a person

  // "install.sh:12:5: error reads-stdin read waits for …"
  std::string ToString() const;
  bool operator==(const LintFinding&) const = default;
};
BOOST_DESCRIBE_STRUCT(LintFinding, (), (file, line, column, severity, code, message))

// A script in the installer's directory. One that no action runs is a part of the others.
struct LintScript {
  std::string name;  // "install.sh"
  std::string text;
  bool executable = true;
};

struct LintSubject {
  DirectoryFacts directory;
  std::string manifest_file = "manifest.yml";  // names it in findings
  std::string manifest;
  std::vector<LintScript> scripts;
};

// In the order of the files (the manifest first), lines and columns. The scripts are read only when
// the manifest loads: it says which inputs there are.
std::vector<LintFinding> Lint(const LintSubject& subject);

}  // namespace prov::contract
