#include "contract/ecma_pattern.hpp"

#include "base/ascii.hpp"

namespace prov::contract {
namespace {

constexpr std::string_view kSyntax = "^$\\.*+?()[]{}|/";
// What \d, \w and \s are to RE2: ASCII only. ECMA's \s holds more.
constexpr std::string_view kDigit = "0-9";
constexpr std::string_view kWord = "0-9A-Za-z_";
constexpr std::string_view kSpace = "\\t\\n\\f\\r ";

std::string_view ShorthandClass(char letter) {
  switch (letter) {
    case 'd':
    case 'D':
      return kDigit;
    case 'w':
    case 'W':
      return kWord;
    case 's':
    case 'S':
      return kSpace;
    default:
      return "";
  }
}

class Translation {
 public:
  explicit Translation(std::string_view pattern) : rest_(pattern) {}

  std::optional<std::string> Run() {
    while (known_ && !rest_.empty()) Take();
    if (!known_) return std::nullopt;
    return "^(?:" + out_ + ")$";
  }

 private:
  char Next() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  void Literal(char c) {
    if (kSyntax.find(c) != kSyntax.npos) out_ += '\\';
    out_ += c;
  }

  void Take() {
    const bool after_atom = std::exchange(after_atom_, false);
    const char c = Next();
    if (c == '*' || c == '+' || c == '?' || (c == '{' && IsRepetition())) {
      return TakeQuantifier(c, after_atom);
    }
    after_atom_ = true;
    switch (c) {
      case '(':
        return TakeGroup();
      case '[':
        return TakeClass();
      case '\\':
        return TakeEscape();
      case '.':
        out_ += "[^\\n]";  // ECMA's dot passes over more line ends
        return;
      case '^':
      case '$':
      case '|':
        after_atom_ = false;  // nothing there that could be repeated
        out_ += c;
        return;
      case ')':
        out_ += c;
        return;
      default:
        Literal(c);
    }
  }

  // After a `{`: digits, or digits, a comma and perhaps digits, and `}`. RE2 takes any other brace
  // as itself.
  bool IsRepetition() const {
    const std::size_t end = rest_.find('}');
    if (end == rest_.npos || end == 0 || !IsDigit(rest_.front())) return false;
    const std::string_view inside = rest_.substr(0, end);
    return inside.find_first_not_of("0123456789,") == inside.npos &&
           inside.find(',') == inside.rfind(',');
  }

  void TakeQuantifier(char c, bool after_atom) {
    if (!after_atom) known_ = false;
    out_ += c;
    if (c == '{') {
      while (out_.back() != '}') out_ += Next();
    }
    if (rest_.starts_with('?')) out_ += Next();  // lazy: the same values match
  }

  void TakeGroup() {
    after_atom_ = false;
    if (!rest_.starts_with('?')) {
      out_ += '(';
    } else if (rest_.starts_with("?:")) {
      rest_.remove_prefix(2);
      out_ += "(?:";
    } else {
      known_ = false;
    }
  }

  void TakeEscape() {
    const char c = Next();
    if (const auto members = ShorthandClass(c); !members.empty()) {
      out_.append(c >= 'a' ? "[" : "[^").append(members).append("]");
    } else if (c == 'n' || c == 't' || c == 'r' || c == 'f' || c == 'v') {
      (out_ += '\\') += c;
    } else if (IsDigit(c) || IsLetter(c)) {
      known_ = false;
    } else {
      Literal(c);
    }
  }

  void TakeClass() {
    out_ += '[';
    if (rest_.starts_with('^')) out_ += Next();
    bool first = true;
    while (known_ && !rest_.empty() && (first || !rest_.starts_with(']'))) {
      TakeClassItem();
      // A hyphen between two members makes them a range; at either end it stands for itself.
      if (rest_.size() > 1 && rest_[0] == '-' && rest_[1] != ']') {
        out_ += Next();
        TakeClassItem();
      }
      first = false;
    }
    if (known_ && !rest_.empty()) out_ += Next();
  }

  void TakeClassItem() {
    if (rest_.starts_with("[:")) known_ = false;
    char c = Next();
    if (c != '\\') return ClassLiteral(c);
    c = Next();
    if (c == 'd' || c == 'w' || c == 's') {
      out_ += ShorthandClass(c);
    } else if (c == 'n' || c == 't' || c == 'r' || c == 'f' || c == 'v') {
      (out_ += '\\') += c;
    } else if (IsDigit(c) || IsLetter(c)) {
      known_ = false;
    } else {
      ClassLiteral(c);
    }
  }

  void ClassLiteral(char c) {
    if (std::string_view("\\]^-[").find(c) != std::string_view::npos) out_ += '\\';
    out_ += c;
  }

  std::string_view rest_;
  std::string out_;
  bool known_ = true;
  bool after_atom_ = false;
};

}  // namespace

std::optional<std::string> EcmaPattern(std::string_view pattern) {
  return Translation(pattern).Run();
}

}  // namespace prov::contract
