#include "contract/shell_text.hpp"

#include <deque>
#include <map>
#include <set>

#include "base/ascii.hpp"
#include "base/encoding.hpp"

namespace prov::contract {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

// Says of each byte which Part it is in.
class Marker {
 public:
  explicit Marker(const std::string& text) : text_(text), parts_(text.size(), Part::kCode) {}

  std::set<std::size_t> opens;   // where `$(`, `<(` and `>(` begin
  std::set<std::size_t> closes;  // the `)` of these

  std::vector<Part> Run() {
    while (at_ < text_.size()) Step();
    return std::move(parts_);
  }

 private:
  enum class Frame { kCode, kDouble, kParameter, kArithmetic };
  struct Document {
    std::string end;
    bool quoted = false;
    bool strips_tabs = false;
  };

  char Peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool Next(std::string_view what) const {
    return std::string_view(text_).substr(at_).starts_with(what);
  }
  Frame Top() const { return frames_.empty() ? Frame::kCode : frames_.back(); }
  bool InDouble() const { return std::ranges::find(frames_, Frame::kDouble) != frames_.end(); }
  void Mark(Part part, std::size_t bytes = 1) {
    for (; bytes > 0 && at_ < text_.size(); --bytes) parts_[at_++] = part;
  }
  // What expands but ends no word: "...", ${...} and ((...)) are as good as double quoted.
  Part Plain() const { return Top() == Frame::kCode ? Part::kCode : Part::kDoubleQuoted; }

  void Step() {
    const char c = Peek();
    if (c == '\\') {
      // An escaped newline joins two lines, so it stays code.
      Mark(Plain());
      return Mark(Peek() == '\n' ? Plain() : Part::kSingleQuoted);
    }
    if (Next("$(") || Next("${")) return Open();
    if (c == '"') {
      Mark(Plain());
      if (Top() == Frame::kDouble) return frames_.pop_back();
      return frames_.push_back(Frame::kDouble);
    }
    if (Top() == Frame::kDouble) return Mark(Part::kDoubleQuoted);
    if (Next("$'")) return Quoted(2, true);
    if (c == '\'' && !(Top() == Frame::kParameter && InDouble())) return Quoted(1, false);
    if (Top() == Frame::kParameter) {
      const bool ends = c == '}';
      Mark(Plain());
      if (ends) frames_.pop_back();
      return;
    }
    if (Top() == Frame::kArithmetic) return Arithmetic();
    StepInCode(c);
  }

  void Open() {
    const bool arithmetic = Next("$((");
    const Frame frame = arithmetic       ? Frame::kArithmetic
                        : Peek(1) == '{' ? Frame::kParameter
                                         : Frame::kCode;
    if (frame == Frame::kCode) opens.insert(at_);
    if (frame != Frame::kParameter) parens_.push_back(0);
    frames_.push_back(frame);
    Mark(Part::kDoubleQuoted, arithmetic ? 3 : 2);
  }

  void Quoted(std::size_t opening, bool escapes) {
    Mark(Part::kCode, opening);
    while (at_ < text_.size() && Peek() != '\'') {
      Mark(Part::kSingleQuoted, escapes && Peek() == '\\' ? 2 : 1);
    }
    Mark(Part::kCode);
  }

  void Arithmetic() {
    if (Peek() == '(') ++parens_.back();
    if (Peek() == ')' && parens_.back()-- == 0) {
      Mark(Part::kDoubleQuoted, Peek(1) == ')' ? 2 : 1);
      frames_.pop_back();
      return parens_.pop_back();
    }
    Mark(Part::kDoubleQuoted);
  }

  void StepInCode(char c) {
    const char before = at_ == 0 ? '\n' : text_[at_ - 1];
    if (c == '#' && (before == '\n' || IsBlank(before) ||
                     std::string_view(";&|()").find(before) != std::string_view::npos)) {
      while (at_ < text_.size() && Peek() != '\n') Mark(Part::kComment);
      return;
    }
    if (Next("((") && !IsNameCharacter(before)) {
      Mark(Part::kDoubleQuoted, 2);
      frames_.push_back(Frame::kArithmetic);
      return parens_.push_back(0);
    }
    if (Next("<(") || Next(">(")) return Open();
    if (Next("<<<")) return Mark(Part::kCode, 3);
    if (Next("<<")) return TakeDocumentStart();
    if (c == '\n') {
      Mark(Part::kCode);
      return TakeDocuments();
    }
    if (!frames_.empty() && c == '(') ++parens_.back();
    if (!frames_.empty() && c == ')' && parens_.back()-- == 0) {
      closes.insert(at_);
      frames_.pop_back();
      parens_.pop_back();
    }
    Mark(Part::kCode);
  }

  void TakeDocumentStart() {
    Document document;
    Mark(Part::kCode, 2);
    if (Peek() == '-') document.strips_tabs = true, Mark(Part::kCode);
    while (IsBlank(Peek())) Mark(Part::kCode);
    while (at_ < text_.size() && !IsBlank(Peek()) &&
           std::string_view("\n;&|<>()").find(Peek()) == std::string_view::npos) {
      const char c = Peek();
      if (c == '\'' || c == '"' || c == '\\') {
        document.quoted = true;
      } else {
        document.end += c;
      }
      Mark(Part::kCode);
    }
    if (!document.end.empty()) documents_.push_back(std::move(document));
  }

  void TakeDocuments() {
    for (; !documents_.empty(); documents_.pop_front()) {
      const Document& document = documents_.front();
      while (at_ < text_.size()) {
        const std::size_t newline = std::min(text_.find('\n', at_), text_.size());
        std::string_view line(text_.data() + at_, newline - at_);
        if (document.strips_tabs) {
          line.remove_prefix(std::min(line.find_first_not_of('\t'), line.size()));
        }
        const bool is_end = line == document.end;
        Mark(document.quoted ? Part::kQuotedDocument : Part::kHereDocument,
             newline - at_ + (newline < text_.size() ? 1 : 0));
        if (is_end) break;
      }
    }
  }

  const std::string& text_;
  std::vector<Part> parts_;
  std::size_t at_ = 0;
  std::vector<Frame> frames_;
  std::vector<int> parens_;  // for each kCode and kArithmetic of frames_
  std::deque<Document> documents_;
};

// Cuts the code into simple commands.
class Cutter {
 public:
  Cutter(const std::string& text, const std::vector<Part>& parts, const Marker& marker)
      : text_(text), parts_(parts), marker_(marker) {}

  std::vector<ShellCommand> commands;
  std::vector<std::string> functions;

  void Run() {
    for (at_ = 0; at_ < text_.size(); ++at_) Step();
    EndCommand(false);
    for (auto& command : commands) {
      if (!command.function.empty() && fed_functions_.contains(command.function)) {
        command.is_fed = true;
      }
    }
  }

 private:
  struct Block {
    std::string closes;  // "done", "fi", "esac", "}", ")"
    std::size_t first;   // its first command
    bool fed = false;
    std::string function;  // that it is the body of
  };
  struct Outer {
    ShellCommand command;
    ShellWord word;
    int arrays = 0, subshells = 0;
    bool skip_word = false, in_test = false, closing = false;
  };

  char Ahead() const { return at_ + 1 < text_.size() ? text_[at_ + 1] : '\0'; }

  void Step() {
    const char c = text_[at_];
    const Part part = parts_[at_];
    if (marker_.opens.contains(at_)) return Enter();
    if (marker_.closes.contains(at_)) return Leave();
    if (part == Part::kComment || part == Part::kHereDocument || part == Part::kQuotedDocument) {
      return EndWord();
    }
    if (part != Part::kCode) return Grow();
    if (c == '\\' && Ahead() == '\n') {
      EndWord();
      ++at_;
      return;
    }
    if (arrays_ > 0) return c == ')' ? Parenthesis(c) : Grow();
    if (IsBlank(c) || (in_test_ && c == '\n')) return EndWord();
    if (in_test_) return Grow();
    if (c == '\n' || c == ';') return EndCommand(false);
    if (c == '|') {
      const bool is_or = Ahead() == '|';
      EndCommand(!is_or);
      if (is_or || Ahead() == '&') ++at_;
      return;
    }
    if (c == '&' && Ahead() == '>') return EndWord();
    if (c == '&') {
      EndCommand(false);
      if (Ahead() == '&') ++at_;
      return;
    }
    if (c == '<' || c == '>') return Redirect(c);
    if (c == '(' || c == ')' || c == '`') return Parenthesis(c);
    Grow();
  }

  // A redirection takes its target with it, so neither is a word.
  void Redirect(char c) {
    if (word_.text.find_first_not_of("0123456789") == std::string::npos) word_ = {};
    EndWord();
    if (c == '<') current_.reads_redirect = true;
    while (Ahead() == '<' || Ahead() == '>' || Ahead() == '&' || Ahead() == '-') ++at_;
    skip_word_ = true;
  }

  void Parenthesis(char c) {
    if (c == '(' && !word_.text.empty() && word_.text.back() != '$' && Ahead() == ')') {
      pending_function_ = word_.text;  // name()
      functions.push_back(word_.text);
      word_ = {};
      current_ = {};
      ++at_;
      return;
    }
    if (c == '(' && word_.text.ends_with('=')) return ++arrays_, Grow();
    if (arrays_ > 0) return --arrays_, Grow();
    EndWord();
    // The `)` of no `(` ends a pattern of `case`.
    if (c == ')' && subshells_ == 0) current_ = {};
    subshells_ += c == '(' ? 1 : c == ')' && subshells_ > 0 ? -1 : 0;
    EndCommand(false);
  }

  // The commands inside a substitution come before the one it stands in.
  void Enter() {
    Grow();
    ++at_;
    Grow();
    outer_.push_back({std::exchange(current_, {}), std::exchange(word_, {}),
                      std::exchange(arrays_, 0), std::exchange(subshells_, 0),
                      std::exchange(skip_word_, false), std::exchange(in_test_, false),
                      std::exchange(closing_, false)});
  }

  void Leave() {
    EndCommand(false);
    if (outer_.empty()) return;
    Outer outer = std::move(outer_.back());
    outer_.pop_back();
    current_ = std::move(outer.command);
    word_ = std::move(outer.word);
    arrays_ = outer.arrays;
    subshells_ = outer.subshells;
    skip_word_ = outer.skip_word;
    in_test_ = outer.in_test;
    closing_ = outer.closing;
    Grow();
  }

  void Grow() {
    if (word_.text.empty()) word_.offset = at_;
    word_.text += text_[at_];
  }

  void EndWord() {
    if (word_.text.empty()) return;
    ShellWord word = std::exchange(word_, {});
    if (std::exchange(skip_word_, false)) return;
    if (current_.words.empty() && TakeKeyword(word)) return;
    if (current_.words.size() == 1 && current_.words[0].text == "function") {
      functions.push_back(pending_function_ = word.text);
      current_ = {};
      return;
    }
    if (current_.words.empty() && word.text == "[[") in_test_ = true;
    if (word.text == "]]") in_test_ = false;
    if (current_.words.empty() && IsAssignment(word.text)) return;
    if (current_.words.empty()) current_.offset = word.offset;
    current_.words.push_back(std::move(word));
  }

  static bool IsAssignment(std::string_view word) {
    std::size_t end = 0;
    while (end < word.size() && IsNameCharacter(word[end])) ++end;
    if (end == 0 || (word[0] >= '0' && word[0] <= '9')) return false;
    const auto rest = word.substr(end);
    return rest.starts_with('=') || rest.starts_with("+=");
  }

  bool TakeKeyword(const ShellWord& word) {
    static const std::map<std::string_view, std::string_view> opening{
        {"while", "done"}, {"until", "done"}, {"for", "done"}, {"select", "done"},
        {"if", "fi"},      {"case", "esac"},  {"{", "}"}};
    static const std::set<std::string_view> plain{"then", "else", "elif", "do", "!", "time"};
    if (plain.contains(word.text)) return true;
    if (word.text == "done" || word.text == "fi" || word.text == "esac" || word.text == "}") {
      return closing_ = true;
    }
    const auto found = opening.find(word.text);
    if (found == opening.end()) return false;
    blocks_.push_back({std::string(found->second), commands.size(), current_.piped_into,
                       std::exchange(pending_function_, "")});
    // The words of these two are not a command.
    return word.text != "for" && word.text != "select" && word.text != "case";
  }

  void EndCommand(bool pipes) {
    EndWord();
    skip_word_ = false;
    in_test_ = false;
    ShellCommand command = std::exchange(current_, {});
    current_.piped_into = pipes;
    if (std::exchange(closing_, false)) {
      CloseBlock(command.reads_redirect);
    }
    if (command.words.empty()) {
      // `cmd | while`, `cmd |` at the end of a line: the pipe leads on.
      if (!pipes) current_.piped_into = command.piped_into && command.offset == 0 && !closed_;
      closed_ = false;
      return;
    }
    closed_ = false;
    for (const Block& block : blocks_) {
      command.is_fed = command.is_fed || block.fed;
      if (!block.function.empty()) command.function = block.function;
    }
    if (command.piped_into || command.reads_redirect) {
      fed_functions_.insert(std::string(command.Name()));
    }
    commands.push_back(std::move(command));
  }

  void CloseBlock(bool fed) {
    closed_ = true;
    if (blocks_.empty()) return;
    for (std::size_t i = blocks_.back().first; fed && i < commands.size(); ++i) {
      commands[i].is_fed = true;
    }
    blocks_.pop_back();
  }

  const std::string& text_;
  const std::vector<Part>& parts_;
  const Marker& marker_;
  std::vector<Outer> outer_;
  std::size_t at_ = 0;
  ShellWord word_;
  ShellCommand current_;
  std::vector<Block> blocks_;
  std::string pending_function_;
  std::set<std::string, std::less<>> fed_functions_;
  int arrays_ = 0;
  int subshells_ = 0;
  bool skip_word_ = false;
  bool in_test_ = false;
  bool closing_ = false;
  bool closed_ = false;
};

}  // namespace

std::size_t ShellCommand::NameIndex() const {
  static const std::set<std::string_view> wrappers{"sudo", "env",   "command", "builtin", "exec",
                                                   "nice", "nohup", "setsid",  "timeout"};
  std::size_t i = 0;
  bool wrapped = false;
  for (; i < words.size(); ++i) {
    const std::string_view word = words[i].text;
    const bool skipped = wrapped && (word.starts_with('-') || word.find('=') != word.npos ||
                                     (word[0] >= '0' && word[0] <= '9'));
    if (wrappers.contains(word)) {
      wrapped = true;
    } else if (!skipped) {
      break;
    }
  }
  return i;
}

std::string_view ShellCommand::Name() const {
  const std::size_t i = NameIndex();
  return i < words.size() ? std::string_view(words[i].text) : std::string_view();
}

ShellText::ShellText(std::string_view text) : text_(text) {
  Marker marker(text_);
  parts_ = marker.Run();
  Cutter cutter(text_, parts_, marker);
  cutter.Run();
  commands_ = std::move(cutter.commands);
  functions_ = std::move(cutter.functions);
}

int ShellText::LineOf(std::size_t offset) const {
  return 1 + static_cast<int>(std::count(
                 text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
}

int ShellText::ColumnOf(std::size_t offset) const {
  const std::size_t newline = offset == 0 ? std::string::npos : text_.rfind('\n', offset - 1);
  const std::size_t begin = newline == std::string::npos ? 0 : newline + 1;
  return 1 +
         static_cast<int>(CountCodePoints(std::string_view(text_).substr(begin, offset - begin)));
}

}  // namespace prov::contract
