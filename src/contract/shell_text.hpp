// A bash script taken apart as far as a line scanner can: which of its bytes are comments, quoted
// or in here-documents, and its simple commands. For the linter, which reads and never runs; what
// it does not follow (eval, aliases, `case` inside "$( )") it reads as plain text. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace prov::contract {

enum class Part : char {
  kCode,
  kComment,
  kSingleQuoted,   // nothing expands: '...', $'...', and what a backslash escapes
  kDoubleQuoted,   // "...": variables expand
  kHereDocument,   // its lines, where variables expand
  kQuotedDocument  // its lines, after <<'END'
};

struct ShellWord {
  std::size_t offset = 0;  // in the script
  std::string text;        // as written, quotes too
};

struct ShellCommand {
  std::vector<ShellWord> words;  // without redirections and leading assignments
  std::size_t offset = 0;
  bool piped_into = false;      // its stdin is the command before
  bool reads_redirect = false;  // it has a `<`, `<<` or `<<<` of its own
  bool is_fed = false;          // it stands in a loop, group or function whose stdin is given
  std::string function;         // the function it stands in; "" at the top

  // The program or builtin: after `sudo`, `env X=1`, `command` and the like. "" for assignments.
  std::string_view Name() const;
  std::size_t NameIndex() const;  // in words; words.size() without one
};

class ShellText {
 public:
  explicit ShellText(std::string_view text);

  const std::string& text() const { return text_; }
  Part PartAt(std::size_t offset) const { return parts_[offset]; }
  const std::vector<ShellCommand>& commands() const { return commands_; }
  const std::vector<std::string>& functions() const { return functions_; }
  int LineOf(std::size_t offset) const;    // from 1
  int ColumnOf(std::size_t offset) const;  // from 1, in code points

 private:
  std::string text_;
  std::vector<Part> parts_;
  std::vector<ShellCommand> commands_;
  std::vector<std::string> functions_;
};

}  // namespace prov::contract
