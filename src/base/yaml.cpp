#include "base/yaml.hpp"

#include <algorithm>
#include <cstdio>
#include <libfyaml.h>
#include <memory>
#include <set>
#include <sodium.h>

#include <fmt/format.h>

#include "base/encoding.hpp"

namespace prov::yaml {
namespace {

bool IsInteger(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  if (text.starts_with("0x")) {
    text.remove_prefix(2);
    return !text.empty() &&
           text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
  }
  if (text.starts_with("0o")) {
    text.remove_prefix(2);
    return !text.empty() && text.find_first_not_of("01234567") == std::string_view::npos;
  }
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?   (YAML 1.2.2, section 10.3.2)
bool IsFloat(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  if (text == ".inf" || text == ".Inf" || text == ".INF") return true;
  const auto digits = [&] {
    const std::size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(count);
    return count;
  };
  const std::size_t whole = digits();
  std::size_t fraction = 0;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = digits();
  }
  if (whole + fraction == 0) return false;
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    if (digits() == 0) return false;
  }
  return text.empty();
}

// The core schema's resolution of a plain scalar (YAML 1.2.2, section 10.3.2).
Kind ResolvePlain(std::string_view text) {
  static const std::set<std::string_view> nulls{"", "~", "null", "Null", "NULL"};
  static const std::set<std::string_view> bools{"true", "True", "TRUE", "false", "False", "FALSE"};
  if (nulls.contains(text)) return Kind::kNull;
  if (bools.contains(text)) return Kind::kBool;
  if (IsInteger(text)) return Kind::kInteger;
  if (IsFloat(text) || text == ".nan" || text == ".NaN" || text == ".NAN") return Kind::kFloat;
  return Kind::kString;
}

Place PlaceOf(const fy_token* token) {
  const fy_mark* mark = token ? fy_token_start_mark(const_cast<fy_token*>(token)) : nullptr;
  return mark ? Place{mark->line + 1, mark->column + 1} : Place{};
}

std::string TextOf(fy_token* token) {
  if (token == nullptr) return "";
  std::size_t length = 0;
  const char* text = fy_token_get_text(token, &length);
  return text ? std::string(text, length) : "";
}

// The lines of a text, to hold places to: libfyaml counts one too many where a text breaks off, and
// has block scalars begin behind their line.
class Lines {
 public:
  explicit Lines(std::string_view text) {
    while (true) {
      const auto end = text.find_first_of("\r\n");
      lengths_.push_back(static_cast<int>(CountCodePoints(text.substr(0, end))));
      if (end == text.npos) return;
      text.remove_prefix(end + (text.substr(end).starts_with("\r\n") ? 2 : 1));
    }
  }
  // The place, or the end of its line, or of the text.
  Place Within(Place place) const {
    const auto lines = static_cast<int>(lengths_.size());
    if (place.line > lines) return {lines, lengths_.back() + 1};
    if (place.line >= 1)
      place.column = std::min(place.column, lengths_[static_cast<std::size_t>(place.line - 1)] + 1);
    return place;
  }

 private:
  std::vector<int> lengths_;
};

struct ParserDeleter {
  void operator()(fy_parser* parser) const { fy_parser_destroy(parser); }
};

// Builds the tree from libfyaml's events, so that nothing is resolved behind our back.
class Builder {
 public:
  Builder(std::string_view text, const Limits& limits) : lines_(text), limits_(limits) {
    fy_parse_cfg config{};
    config.flags = static_cast<fy_parse_cfg_flags>(FYPCF_QUIET | FYPCF_COLLECT_DIAG);
    fy_diag_cfg diag_config{};
    fy_diag_cfg_default(&diag_config);
    diag_config.fp = nullptr;
    diag_config.output_fn = nullptr;
    diag_.reset(fy_diag_create(&diag_config));
    fy_diag_set_collect_errors(diag_.get(), true);
    config.diag = diag_.get();
    parser_.reset(fy_parser_create(&config));
    if (parser_) fy_parser_set_string(parser_.get(), text.data(), text.size());
  }

  Document Build() {
    if (!parser_) Fault({}, "the YAML parser cannot be set up: out of memory");
    while (parser_ && !over_) {
      fy_event* event = fy_parser_parse(parser_.get());
      if (event == nullptr) break;
      Take(*event);
      fy_parser_event_free(parser_.get(), event);
    }
    if (parser_ && !over_ && fy_parser_get_stream_error(parser_.get())) ReportSyntax();
    return std::move(document_);
  }

 private:
  struct DiagDeleter {
    void operator()(fy_diag* diag) const { fy_diag_destroy(diag); }
  };
  struct Open {
    Node node;
    std::set<std::string> keys;
    std::optional<Member> pending;  // a key that waits for its value
  };

  Place At(const fy_token* token) const { return lines_.Within(PlaceOf(token)); }
  void Fault(Place place, std::string message) {
    document_.faults.push_back({place, std::move(message)});
  }
  void Stop(Place place, std::string message) {
    Fault(place, std::move(message));
    over_ = true;
  }

  void ReportSyntax() {
    void* iterator = nullptr;
    bool reported = false;
    while (fy_diag_error* error = fy_diag_errors_iterate(diag_.get(), &iterator)) {
      Fault(lines_.Within({error->line, error->column}), std::string("broken YAML: ") + error->msg);
      reported = true;
      break;  // what follows the first is noise
    }
    if (!reported) Fault({}, "broken YAML");
  }

  void RefuseDecorations(fy_token* anchor, fy_token* tag) {
    if (anchor) Fault(At(anchor), "anchors (&name) are not allowed; write the value out");
    if (tag) Fault(At(tag), "tags (!name) are not allowed; write a plain value");
  }

  void Take(fy_event& event) {
    switch (event.type) {
      case FYET_DOCUMENT_START:
        if (++documents_ > 1)
          Stop(At(event.document_start.document_start),
               "only one document is allowed; remove what follows `---`");
        break;
      case FYET_ALIAS:
        Fault(At(event.alias.anchor), "aliases (*name) are not allowed; write the value out");
        Put(Node{Kind::kNull, "", false, At(event.alias.anchor), {}, {}});
        break;
      case FYET_SCALAR:
        TakeScalar(event);
        break;
      case FYET_SEQUENCE_START:
        RefuseDecorations(event.sequence_start.anchor, event.sequence_start.tag);
        Begin(Kind::kSequence, At(event.sequence_start.sequence_start));
        break;
      case FYET_MAPPING_START:
        RefuseDecorations(event.mapping_start.anchor, event.mapping_start.tag);
        Begin(Kind::kMapping, At(event.mapping_start.mapping_start));
        break;
      case FYET_SEQUENCE_END:
      case FYET_MAPPING_END:
        End();
        break;
      default:
        break;
    }
  }

  void TakeScalar(fy_event& event) {
    RefuseDecorations(event.scalar.anchor, event.scalar.tag);
    fy_token* token = event.scalar.value;
    Node node;
    node.place = At(token);
    node.text = TextOf(token);
    const auto style = token != nullptr ? fy_token_scalar_style(token) : FYSS_PLAIN;
    node.quoted = style != FYSS_PLAIN;
    // libfyaml's mark is behind the opening quote.
    if (style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) --node.place.column;
    node.kind = node.quoted ? Kind::kString : ResolvePlain(node.text);
    Put(std::move(node));
  }

  void Begin(Kind kind, Place place) {
    if (open_.size() >= limits_.depth) {
      return Stop(place, fmt::format("nested deeper than {} levels", limits_.depth));
    }
    Node node;
    node.kind = kind;
    node.place = place;
    open_.push_back({std::move(node), {}, {}});
  }

  void End() {
    Node node = std::move(open_.back().node);
    open_.pop_back();
    Put(std::move(node));
  }

  void Put(Node node) {
    if (++nodes_ > limits_.nodes) {
      return Stop(node.place, fmt::format("more than {} values", limits_.nodes));
    }
    if (open_.empty()) {
      document_.root = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == Kind::kSequence) {
      parent.node.items.push_back(std::move(node));
    } else if (parent.pending) {
      parent.pending->value = std::move(node);
      parent.node.members.push_back(std::move(*parent.pending));
      parent.pending.reset();
    } else {
      PutKey(parent, node);
    }
  }

  void PutKey(Open& parent, const Node& node) {
    if (node.kind == Kind::kSequence || node.kind == Kind::kMapping) {
      Fault(node.place, "a key must be a plain word");
    } else if (node.text == "<<" && !node.quoted) {
      Fault(node.place, "merge keys (<<) are not allowed; write the values out");
    } else if (!parent.keys.insert(node.text).second) {
      Fault(node.place, fmt::format("the key `{}` is given twice", node.text.substr(0, 64)));
    }
    parent.pending = Member{node.text, node.place, {}};
  }

  Lines lines_;
  Limits limits_;
  Document document_;
  std::vector<Open> open_;
  std::unique_ptr<fy_diag, DiagDeleter> diag_;
  std::unique_ptr<fy_parser, ParserDeleter> parser_;
  std::size_t nodes_ = 0;
  int documents_ = 0;
  bool over_ = false;
};

// The place of the first byte that is not UTF-8.
Place PlaceOfBadByte(std::string_view text) {
  Place place;
  std::size_t line_start = 0;
  for (std::size_t end = text.find('\n');
       end != std::string_view::npos && IsUtf8(text.substr(line_start, end - line_start));
       end = text.find('\n', line_start)) {
    line_start = end + 1;
    ++place.line;
  }
  return place;
}

}  // namespace

const Node* Node::Find(std::string_view key) const {
  for (const auto& member : members) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

Document Parse(std::string_view text, const Limits& limits) {
  Document document;
  if (text.size() > limits.bytes) {
    document.faults.push_back({{}, fmt::format("larger than {} bytes", limits.bytes)});
  } else if (!IsUtf8(text)) {
    document.faults.push_back({PlaceOfBadByte(text), "not UTF-8; save the file as UTF-8"});
  } else if (text.find('\0') != std::string_view::npos) {
    document.faults.push_back({{}, "there is a NUL byte in it; it must be text"});
  } else {
    document = Builder(text, limits).Build();
  }
  return document;
}

}  // namespace prov::yaml
