#include "contract/script_lint.hpp"

#include <fmt/format.h>
#include <re2/re2.h>

#include "base/ascii.hpp"
#include "contract/reserved_names.hpp"

namespace prov::contract {
namespace {

using Names = std::set<std::string, std::less<>>;

bool IsUpperName(std::string_view name) {
  return !name.empty() && IsUpper(name[0]) &&
         std::ranges::all_of(name, [](char c) { return IsNameCharacter(c) && !IsLower(c); });
}

std::string Cased(std::string_view name, bool upper) {
  std::string result(name);
  for (char& c : result) c = static_cast<char>(upper ? std::toupper(c) : std::tolower(c));
  return result;
}

std::string_view NameAt(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && IsNameCharacter(text[end])) ++end;
  return text.substr(at, end - at);
}

// `$NAME` or `${NAME…}`, where it expands.
struct Expansion {
  std::size_t offset;
  std::string name;
  std::string_view operation;  // what follows the name in braces, to the end of the script; "" bare
  bool is_length = false;      // ${#NAME}

  bool HasDefault() const {
    return operation.starts_with(":-") || operation.starts_with(":=") ||
           operation.starts_with(":+") || operation.starts_with("-") ||
           operation.starts_with("=") || operation.starts_with("+");
  }
  bool Assigns() const { return operation.starts_with(":=") || operation.starts_with("="); }
  bool Insists() const { return operation.starts_with(":?"); }
  bool GivesValue() const {
    return !is_length && !operation.starts_with("+") && !operation.starts_with(":+");
  }
};

std::vector<Expansion> ExpansionsIn(std::string_view text) {
  std::vector<Expansion> found;
  for (std::size_t at = text.find('$'); at != text.npos; at = text.find('$', at + 1)) {
    Expansion expansion{at, "", "", false};
    std::size_t begin = at + 1;
    const bool braces = text.substr(begin).starts_with('{');
    if (braces) ++begin;
    if (braces && text.substr(begin).starts_with('#')) expansion.is_length = true, ++begin;
    if (braces && text.substr(begin).starts_with('!')) continue;
    expansion.name = NameAt(text, begin);
    if (expansion.name.empty()) continue;
    if (!braces && expansion.name[0] >= '0' && expansion.name[0] <= '9') expansion.name.resize(1);
    if (braces) expansion.operation = text.substr(begin + expansion.name.size());
    found.push_back(std::move(expansion));
  }
  return found;
}

std::vector<Expansion> ExpansionsOf(const ShellText& shell) {
  auto found = ExpansionsIn(shell.text());
  std::erase_if(found, [&](const Expansion& expansion) {
    const Part part = shell.PartAt(expansion.offset);
    return part == Part::kComment || part == Part::kSingleQuoted || part == Part::kQuotedDocument;
  });
  return found;
}

class ScriptChecks {
 public:
  ScriptChecks(const ScriptUnderLint& subject, std::vector<LintFinding>& findings)
      : subject_(subject), shell_(subject.shell), findings_(findings) {}

  void Run() {
    CheckShebang();
    CheckStrictMode();
    CheckUndeclared();
    for (std::size_t i = 0; i < shell_.commands().size(); ++i) {
      const ShellCommand& command = shell_.commands()[i];
      CheckStdin(command);
      CheckAptGet(command);
      CheckRm(command);
      CheckSecrets(command);
      if (i > 0) CheckCurlPipe(shell_.commands()[i - 1], command);
    }
    CheckCurlSubstitution();
  }

 private:
  void Add(std::size_t offset, LintSeverity severity, std::string code, std::string message) {
    findings_.push_back({subject_.script.name, shell_.LineOf(offset), shell_.ColumnOf(offset),
                         severity, std::move(code), std::move(message)});
  }

  void CheckShebang() {
    static const re2::RE2 bash("#!(/usr)?/bin/(env (-S )?)?bash( .*)?");
    const auto& text = shell_.text();
    const auto first = text.substr(0, text.find('\n'));
    if (!re2::RE2::FullMatch(first, bash)) {
      Add(0, LintSeverity::kWarning, "shebang",
          "the first line is not #!/usr/bin/env bash, which is what runs it");
    }
    if (!subject_.script.executable) {
      Add(0, LintSeverity::kWarning, "not-executable", "has no executable bit: chmod +x");
    }
  }

  void CheckStrictMode() {
    bool errexit = false, nounset = false, pipefail = false;
    for (const auto& command : shell_.commands()) {
      if (command.Name() != "set" || !command.function.empty()) continue;
      for (const auto& word : command.words) {
        const bool letters = word.text.starts_with('-') && !word.text.starts_with("--");
        errexit |= word.text == "errexit" || (letters && word.text.find('e') != word.text.npos);
        nounset |= word.text == "nounset" || (letters && word.text.find('u') != word.text.npos);
        pipefail |= word.text == "pipefail";
      }
    }
    if (errexit && nounset && pipefail) return;
    Add(0, LintSeverity::kError, "strict-mode",
        "lacks `set -euo pipefail`: it would go on after a command that failed");
  }

  bool IsDeclared(std::string_view variable) const {
    const auto* input = subject_.manifest.FindInput(Cased(variable, false));
    const bool files = subject_.manifest.secret_delivery == SecretDelivery::kFile;
    if (input != nullptr) return !(files && input->sensitive);
    if (!files || !variable.ends_with("_FILE")) return false;
    input = subject_.manifest.FindInput(Cased(variable.substr(0, variable.size() - 5), false));
    return input != nullptr && input->sensitive;
  }

  void CheckUndeclared() {
    const Names assigned = AssignedNames(shell_);
    Names told;
    for (const auto& use : ExpansionsOf(shell_)) {
      if (!IsUpperName(use.name) || assigned.contains(use.name) || IsDeclared(use.name) ||
          subject_.shared_names.contains(use.name) || IsReservedName(Cased(use.name, false)) ||
          !told.insert(use.name).second) {
        continue;
      }
      const auto* secret = subject_.manifest.FindInput(Cased(use.name, false));
      Add(use.offset, use.HasDefault() ? LintSeverity::kWarning : LintSeverity::kError,
          "undeclared-input",
          secret != nullptr
              ? fmt::format("{0} is not set: with secret_delivery: file it is the file {0}_FILE",
                            use.name)
              : fmt::format("{} is neither an input of the manifest nor set here", use.name));
    }
  }

  void CheckStdin(const ShellCommand& command) {
    const auto name = command.Name();
    if (name != "read" && name != "mapfile" && name != "readarray" && name != "select") return;
    if (command.piped_into || command.reads_redirect || command.is_fed) return;
    for (const auto& word : command.words) {
      if (word.text.starts_with("-u")) return;  // another descriptor
    }
    Add(command.offset, LintSeverity::kError, "reads-stdin",
        fmt::format("`{}` reads stdin, which is /dev/null: nobody answers", name));
  }

  void CheckAptGet(const ShellCommand& command) {
    if (command.Name() != "apt-get" && command.Name() != "apt") return;
    static const std::set<std::string_view> asking{
        "install",      "remove",     "purge",     "upgrade",   "dist-upgrade",
        "full-upgrade", "autoremove", "build-dep", "autopurge", "dselect-upgrade"};
    static const re2::RE2 quiet(
        "-[a-zA-Z]*(y|qq|s)[a-zA-Z]*|--(yes|assume-yes|simulate|dry-run|"
        "just-print|no-act|recon|download-only|quiet=2)|-q=2|.*\\[[@*]\\].*");
    bool asks = false;
    for (const auto& word : command.words) {
      asks |= asking.contains(word.text);
      if (re2::RE2::FullMatch(word.text, quiet)) return;
    }
    if (!asks) return;
    Add(command.offset, LintSeverity::kError, "apt-get-without-yes",
        "apt-get asks before it goes on: give it -y");
  }

  // Whether the value can be empty, as far as the script shows: set to a constant once, or by the
  // platform, it cannot.
  bool MayBeEmpty(const Expansion& use) const {
    if (use.Insists()) return false;
    if (use.name.starts_with("PROVISIONING_") || use.name == "HOME") return false;
    const re2::RE2 assignment("(?m)(?:^|[\\s;(])" + use.name + "=(\\S?)(\\S?)");
    std::string first, second;
    re2::StringPiece rest(shell_.text());
    bool constant = false;
    while (re2::RE2::FindAndConsume(&rest, assignment, &first, &second)) {
      const std::string& value = first == "\"" || first == "'" ? second : first;
      if (value.empty() || std::string_view("$\"'`;").find(value) != std::string_view::npos) {
        return true;
      }
      constant = true;
    }
    return !constant;
  }

  void CheckRm(const ShellCommand& command) {
    if (command.Name() != "rm") return;
    static const re2::RE2 recursive("-[a-zA-Z]*[rR][a-zA-Z]*|--recursive");
    const bool deep = std::ranges::any_of(command.words, [](const ShellWord& word) {
      return re2::RE2::FullMatch(word.text, recursive);
    });
    for (const auto& word : command.words) {
      if (deep) CheckRmPath(word);
    }
  }

  // Empty, `$x/y` is /y, and `/srv/$x` is all of /srv.
  void CheckRmPath(const ShellWord& word) {
    std::string bare = word.text;
    std::erase_if(bare, [](char c) { return c == '"' || c == '\''; });
    for (const auto& use : ExpansionsIn(bare)) {
      const std::size_t end = bare[use.offset + 1] == '{' ? bare.find('}', use.offset) + 1
                                                          : use.offset + 1 + use.name.size();
      const bool begins = use.offset == 0 && end < bare.size() && bare[end] == '/';
      const bool ends = use.offset > 0 && bare[use.offset - 1] == '/' &&
                        (end >= bare.size() || bare[end] == '/' || bare[end] == '*');
      if ((!begins && !ends) || !MayBeEmpty(use)) continue;
      Add(word.offset, LintSeverity::kError, "rm-rf-variable",
          fmt::format("removes far too much where {0} is empty: write ${{{0}:?}}", use.name));
      return;
    }
  }

  static bool IsDownload(std::string_view name) { return name == "curl" || name == "wget"; }
  static bool IsInterpreter(std::string_view name) {
    static const re2::RE2 interpreter("(/usr)?(/bin/)?(ba|da|z|k)?sh|python[0-9.]*|perl|ruby|node");
    return re2::RE2::FullMatch({name.data(), name.size()}, interpreter);
  }
  void AddCurlPipe(std::size_t offset) {
    Add(offset, LintSeverity::kError, "curl-pipe-shell",
        "runs what a server sends at that moment: download it, check its digest, then run it");
  }

  void CheckCurlPipe(const ShellCommand& source, const ShellCommand& sink) {
    if (sink.piped_into && IsDownload(source.Name()) && IsInterpreter(sink.Name())) {
      AddCurlPipe(source.offset);
    }
  }

  void CheckCurlSubstitution() {
    static const re2::RE2 runs(
        "(?:^|[\\s;&|(])(?:(?:ba|da|z)?sh|source|\\.|eval)\\s[^\\n;|&]*?"
        "(?:<\\(|\\$\\()\\s*(curl|wget)\\s");
    const std::string& text = shell_.text();
    re2::StringPiece rest(text), found;
    while (re2::RE2::FindAndConsume(&rest, runs, &found)) {
      const auto offset = static_cast<std::size_t>(found.data() - text.data());
      if (shell_.PartAt(offset) == Part::kCode) AddCurlPipe(offset);
    }
  }

  bool IsSecret(std::string_view variable) const {
    if (subject_.manifest.secret_delivery == SecretDelivery::kFile) return false;
    const auto* input = subject_.manifest.FindInput(Cased(variable, false));
    return input != nullptr && input->sensitive && IsUpperName(variable);
  }

  // Builtins and functions stay inside bash; the arguments of a program show in every `ps`.
  bool StaysInside(std::string_view name) const {
    static const std::set<std::string_view> builtins{
        ":",        ".",      "[",       "[[",     "alias",   "case",  "cd",
        "declare",  "echo",   "eval",    "exit",   "export",  "false", "for",
        "let",      "local",  "mapfile", "printf", "pushd",   "read",  "readarray",
        "readonly", "return", "select",  "set",    "shift",   "shopt", "source",
        "test",     "trap",   "true",    "type",   "typeset", "unset", "wait"};
    // What $PROVISIONING_LIB defines and takes values as arguments.
    static const std::set<std::string_view> library{
        "log", "warning", "error", "progress", "output", "match_input", "require_input"};
    return builtins.contains(name) || library.contains(name) ||
           std::ranges::find(shell_.functions(), name) != shell_.functions().end() ||
           subject_.shared_functions.contains(name);
  }

  void CheckSecrets(const ShellCommand& command) {
    // `env TOKEN=…` and the like are programs with arguments as well.
    const std::size_t program =
        command.words.front().text == "command" || command.words.front().text == "builtin"
            ? command.NameIndex()
            : 0;
    if (program >= command.words.size() || StaysInside(command.words[program].text)) return;
    for (std::size_t i = program + 1; i < command.words.size(); ++i) {
      const auto& word = command.words[i];
      for (const auto& use : ExpansionsIn(word.text)) {
        const Part part =
            shell_.PartAt(std::min(word.offset + use.offset, shell_.text().size() - 1));
        if (part == Part::kSingleQuoted || !use.GivesValue() || !IsSecret(use.name)) continue;
        Add(word.offset, LintSeverity::kError, "secret-in-argv",
            fmt::format("{} would show in the list of processes: hand it over by stdin, a file or "
                        "the environment",
                        use.name));
      }
    }
  }

  const ScriptUnderLint& subject_;
  const ShellText& shell_;
  std::vector<LintFinding>& findings_;
};

}  // namespace

Names AssignedNames(const ShellText& shell) {
  Names names;
  const std::string& text = shell.text();
  // NAME=, NAME+= and NAME[..]= at the beginning of a word.
  for (std::size_t at = 0; at < text.size(); ++at) {
    const Part part = shell.PartAt(at);
    const bool begins =
        at == 0 || std::string_view(" \t\n;&|(").find(text[at - 1]) != std::string_view::npos;
    if (part != Part::kCode || !begins) continue;
    const auto name = NameAt(text, at);
    if (name.empty()) continue;
    const std::string_view rest = std::string_view(text).substr(at + name.size());
    if (rest.starts_with('=') || rest.starts_with("+=") || rest.starts_with('[')) {
      names.emplace(name);
    }
  }
  for (const auto& use : ExpansionsOf(shell)) {
    if (use.Assigns()) names.insert(use.name);
  }
  static const std::set<std::string_view> assigning{"read",   "mapfile", "readarray", "printf",
                                                    "local",  "declare", "typeset",   "readonly",
                                                    "export", "for",     "select",    "getopts"};
  for (const auto& command : shell.commands()) {
    if (!assigning.contains(command.Name())) continue;
    for (std::size_t i = command.NameIndex() + 1; i < command.words.size(); ++i) {
      const bool is_first = i == command.NameIndex() + 1;
      const bool is_loop = command.Name() == "for" || command.Name() == "select";
      const bool after_v = command.words[i - 1].text == "-v";
      if (is_loop ? is_first : command.Name() != "printf" || after_v) {
        names.emplace(NameAt(command.words[i].text, 0));
      }
    }
  }
  return names;
}

Names MentionedNames(const ShellText& shell) {
  Names names;
  const std::string& text = shell.text();
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (shell.PartAt(at) == Part::kComment || !IsNameCharacter(text[at])) continue;
    const auto name = NameAt(text, at);
    names.emplace(name);
    at += name.size() - 1;
  }
  return names;
}

void LintScriptText(const ScriptUnderLint& subject, std::vector<LintFinding>& findings) {
  ScriptChecks(subject, findings).Run();
}

}  // namespace prov::contract
