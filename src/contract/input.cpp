#include "contract/input.hpp"

#include <arpa/inet.h>
#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <re2/re2.h>

#include "base/encoding.hpp"
#include "base/json.hpp"

namespace prov::contract {
namespace {

using Checked = boost::system::result<boost::json::value, ValueFault>;

class CompiledPattern final : public Pattern {
 public:
  CompiledPattern(std::string_view text, const RE2::Options& options)
      : text_(text), regex_(re2::StringPiece(text.data(), text.size()), options) {}
  bool Matches(std::string_view value) const override {
    return RE2::FullMatch(re2::StringPiece(value.data(), value.size()), regex_);
  }
  const std::string& text() const override { return text_; }
  const RE2& regex() const { return regex_; }

 private:
  std::string text_;
  RE2 regex_;
};

bool IsHostname(std::string_view text) {
  static const auto pattern = *Pattern::Compile(
      "([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
      ")*");
  return text.size() <= 253 && pattern->Matches(text);
}

bool IsEmail(std::string_view text) {
  static const auto local =
      *Pattern::Compile("[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*");
  const std::size_t at = text.rfind('@');
  return at != std::string_view::npos && at <= 64 && text.size() <= 254 &&
         local->Matches(text.substr(0, at)) && IsHostname(text.substr(at + 1)) &&
         text.find('.', at) != std::string_view::npos;
}

bool IsIp(std::string_view text) {
  const std::string terminated(text);
  unsigned char address[16];
  return inet_pton(AF_INET, terminated.c_str(), address) == 1 ||
         inet_pton(AF_INET6, terminated.c_str(), address) == 1;
}

bool IsUrl(std::string_view text) {
  static const auto pattern =
      *Pattern::Compile("[A-Za-z][A-Za-z0-9+.-]*://[^\\s/?#\"<>\\\\^`{|}]+[^\\s\"<>\\\\^`{|}]*");
  return pattern->Matches(text);
}

bool IsPath(std::string_view text) {
  static const auto dots = *Pattern::Compile("(?s).*/\\.{1,2}(/.*)?");
  return text.starts_with('/') && text.find("//") == std::string_view::npos && !dots->Matches(text);
}

struct Grammar {
  InputType type;
  bool (*matches)(std::string_view);
  std::string_view wanted;
};

// The fixed grammars (docs/contract.md, "Types").
constexpr Grammar kGrammars[] = {
    {InputType::kEmail, IsEmail, "an e-mail address such as person@example.com"},
    {InputType::kHostname, IsHostname, "a host name such as www.example.com"},
    {InputType::kIp, IsIp, "an IPv4 or IPv6 address such as 192.0.2.7 or 2001:db8::7"},
    {InputType::kUrl, IsUrl, "a URL such as https://example.com/path"},
    {InputType::kPath, IsPath, "an absolute path without `.`, `..` and `//`, such as /srv/www"},
};

ValueFault Fault(std::string_view rule, std::string message) {
  return {std::string(rule), std::move(message)};
}

Checked CheckInteger(const Input& input, const boost::json::value& value) {
  std::int64_t number = 0;
  const ValueFault wanted = Fault("type", fmt::format("{} must be a whole number", input.label));
  if (value.is_int64()) {
    number = value.get_int64();
  } else if (value.is_string()) {
    const std::string_view text = value.get_string();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || std::to_string(number) != text)
      return wanted;
  } else {
    return wanted;
  }
  if (input.type == InputType::kPort && (number < 1 || number > 65535)) {
    return Fault("type", fmt::format("{} must be a port from 1 to 65535", input.label));
  }
  return boost::json::value(number);
}

Checked CheckNumber(const Input& input, const boost::json::value& value) {
  static const auto form = *Pattern::Compile("-?(0|[1-9][0-9]*)(\\.[0-9]+)?");
  if (value.is_int64() || value.is_uint64() || value.is_double())
    return boost::json::value(value.to_number<double>());
  if (value.is_string() && form->Matches(value.get_string())) {
    const std::string_view text = value.get_string();
    double number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    if (std::isfinite(number)) return boost::json::value(number);
  }
  return Fault("type", fmt::format("{} must be a number such as 2.5", input.label));
}

Checked CheckBoolean(const Input& input, const boost::json::value& value) {
  if (value.is_bool()) return value;
  if (value.is_string() && value.get_string() == "true") return boost::json::value(true);
  if (value.is_string() && value.get_string() == "false") return boost::json::value(false);
  return Fault("type", fmt::format("{} must be true or false", input.label));
}

std::string ChoiceNames(const Input& input) {
  std::string names;
  for (const auto& choice : input.rules.allowed_values)
    names += (names.empty() ? "" : ", ") + choice.value;
  return names;
}

bool IsAllowed(const Input& input, std::string_view text) {
  return std::ranges::any_of(input.rules.allowed_values,
                             [&](const Choice& choice) { return choice.value == text; });
}

Checked CheckMultiselect(const Input& input, const boost::json::value& value) {
  boost::json::array chosen;
  if (value.is_string()) {  // the exact string form: comma-joined
    std::string_view text = value.get_string();
    while (!text.empty()) {
      const std::size_t end = std::min(text.find(','), text.size());
      chosen.emplace_back(text.substr(0, end));
      text.remove_prefix(end == text.size() ? end : end + 1);
    }
  } else if (value.is_array()) {
    chosen = value.get_array();
  } else {
    return Fault("type", fmt::format("{} must be a list of choices", input.label));
  }
  std::vector<std::string> seen;
  for (const auto& item : chosen) {
    if (!item.is_string())
      return Fault("type", fmt::format("{} must be a list of choices", input.label));
    if (!IsAllowed(input, item.get_string())) {
      return Fault("allowed_values",
                   fmt::format("{} must be some of: {}", input.label, ChoiceNames(input)));
    }
    if (std::ranges::find(seen, std::string_view(item.get_string())) != seen.end()) {
      return Fault("type", fmt::format("{} names a choice twice", input.label));
    }
    seen.emplace_back(item.get_string());
  }
  return boost::json::value(std::move(chosen));
}

std::optional<ValueFault> CheckCharacters(const Input& input, std::string_view text) {
  if (!IsUtf8(text)) return Fault("type", fmt::format("{} must be UTF-8 text", input.label));
  for (const unsigned char c : text) {
    if (c == '\n' && input.type == InputType::kText) continue;
    if (c == '\n') return Fault("type", fmt::format("{} must be a single line", input.label));
    if ((c < 0x20 && c != '\t') || c == 0x7f) {
      return Fault("type", fmt::format("{} must not hold control characters", input.label));
    }
  }
  return std::nullopt;
}

std::optional<ValueFault> CheckLength(const Input& input, std::string_view text) {
  const auto length = static_cast<std::int64_t>(CountCodePoints(text));
  const auto most = input.rules.max_length.value_or(static_cast<std::int64_t>(
      input.type == InputType::kText ? kDefaultMaxTextLength : kDefaultMaxLength));
  if (input.rules.min_length && length < *input.rules.min_length) {
    return Fault("min_length", fmt::format("{} must have at least {} characters", input.label,
                                           *input.rules.min_length));
  }
  if (input.sensitive && length < static_cast<std::int64_t>(kLeastSensitiveLength)) {
    return Fault(
        "min_length",
        fmt::format(
            "{} must have at least {} characters, because shorter secrets cannot be masked in logs",
            input.label, kLeastSensitiveLength));
  }
  if (length > most)
    return Fault("max_length",
                 fmt::format("{} must have at most {} characters", input.label, most));
  if (text.size() > kMostValueBytes) {
    return Fault("max_length",
                 fmt::format("{} must have at most {} bytes", input.label, kMostValueBytes));
  }
  return std::nullopt;
}

Checked CheckText(const Input& input, const boost::json::value& value) {
  if (!value.is_string()) return Fault("type", fmt::format("{} must be text", input.label));
  const std::string_view text = value.get_string();
  if (text.empty() && !input.required) return value;  // stands as given
  if (auto fault = CheckCharacters(input, text)) return *fault;
  if (auto fault = CheckLength(input, text)) return *fault;
  for (const auto& grammar : kGrammars) {
    if (grammar.type == input.type && !grammar.matches(text)) {
      return Fault("type", fmt::format("{} must be {}", input.label, grammar.wanted));
    }
  }
  if (input.rules.pattern && !input.rules.pattern->Matches(text)) {
    return Fault("pattern",
                 input.rules.pattern_error.empty()
                     ? fmt::format("{} must match {}", input.label, input.rules.pattern->text())
                     : input.rules.pattern_error);
  }
  if (!input.rules.allowed_values.empty() && !IsAllowed(input, text)) {
    return Fault("allowed_values",
                 fmt::format("{} must be one of: {}", input.label, ChoiceNames(input)));
  }
  return value;
}

Checked CheckRange(const Input& input, Checked checked) {
  if (!checked) return checked;
  const double number = checked->to_number<double>();
  if (input.rules.min_value && number < *input.rules.min_value) {
    return Fault("min_value",
                 fmt::format("{} must be at least {}", input.label, *input.rules.min_value));
  }
  if (input.rules.max_value && number > *input.rules.max_value) {
    return Fault("max_value",
                 fmt::format("{} must be at most {}", input.label, *input.rules.max_value));
  }
  if (!input.rules.allowed_values.empty() && !IsAllowed(input, ValueAsText(*checked))) {
    return Fault("allowed_values",
                 fmt::format("{} must be one of: {}", input.label, ChoiceNames(input)));
  }
  return checked;
}

}  // namespace

Result<std::shared_ptr<const Pattern>> Pattern::Compile(std::string_view text) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  auto pattern = std::make_shared<const CompiledPattern>(text, options);
  if (!pattern->regex().ok()) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("not an RE2 pattern: {}", pattern->regex().error()),
                 {}};
  }
  return std::shared_ptr<const Pattern>(std::move(pattern));
}

boost::system::result<boost::json::value, ValueFault> CheckValue(const Input& input,
                                                                 const boost::json::value& value) {
  switch (input.type) {
    case InputType::kInteger:
    case InputType::kPort:
      return CheckRange(input, CheckInteger(input, value));
    case InputType::kNumber:
      return CheckRange(input, CheckNumber(input, value));
    case InputType::kBoolean:
      return CheckBoolean(input, value);
    case InputType::kMultiselect:
      return CheckMultiselect(input, value);
    default:
      return CheckText(input, value);
  }
}

std::string ValueAsText(const boost::json::value& value) {
  if (value.is_bool()) return value.get_bool() ? "true" : "false";
  if (value.is_int64()) return std::to_string(value.get_int64());
  if (value.is_double()) {
    char buffer[400];  // the longest double in plain decimal has 309 digits, or 17 after 323 zeros
    const auto [end, error] =
        std::to_chars(buffer, buffer + sizeof buffer, value.get_double(), std::chars_format::fixed);
    return error == std::errc{} ? std::string(buffer, end) : "";
  }
  if (value.is_array()) {
    std::string joined;
    for (const auto& item : value.get_array()) {
      if (!joined.empty()) joined += ',';
      joined += item.get_string();
    }
    return joined;
  }
  return value.is_string() ? std::string(value.get_string()) : "";
}

}  // namespace prov::contract
