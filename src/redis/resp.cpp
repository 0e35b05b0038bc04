#include "redis/resp.hpp"

#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "base/ascii.hpp"

namespace prov::redis {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
// Of an integer, a length or a double.
constexpr std::size_t kNumberBytes = 64;
// Of the buffer, once a long reply has gone.
constexpr std::size_t kKeptBytes = std::size_t{1} << 20;

bool IsAggregate(char kind) {
  return std::string_view("*~%>|").find(kind) != std::string_view::npos;
}

bool IsKnown(char kind) {
  return std::string_view("+-:$*_#,(!=%~>|").find(kind) != std::string_view::npos;
}

std::size_t MostLine(char kind) {
  return kind == '+' || kind == '-' || kind == '(' ? ParserLimits::kLineBytes : kNumberBytes;
}

std::optional<std::int64_t> ReadInteger(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.starts_with('+')) return std::nullopt;
  std::int64_t value = 0;
  const auto end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<double> ReadDouble(std::string_view text) {
  if (text == "inf" || text == "+inf") return std::numeric_limits<double>::infinity();
  if (text == "-inf") return -std::numeric_limits<double>::infinity();
  if (text == "nan" || text == "-nan") return std::numeric_limits<double>::quiet_NaN();
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || !(IsDigit(text.front()) || text.front() == '-' || text.front() == '.'))
    return std::nullopt;
  double value = 0;
  const auto end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

bool IsBigNumber(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return !text.empty() && std::ranges::all_of(text, IsDigit);
}

Value::Type AggregateType(char kind) {
  switch (kind) {
    case '~':
      return Value::Type::kSet;
    case '%':
      return Value::Type::kMap;
    case '>':
      return Value::Type::kPush;
    default:
      return Value::Type::kArray;
  }
}

void AppendBulk(std::string& to, char kind, std::string_view bytes) {
  fmt::format_to(std::back_inserter(to), "{}{}\r\n", kind, bytes.size());
  to.append(bytes).append(kLineEnd);
}

void AppendAggregate(std::string& to, char kind, const Value& value) {
  const auto size = value.elements.size();
  fmt::format_to(std::back_inserter(to), "{}{}\r\n", kind, kind == '%' ? size / 2 : size);
  for (const auto& element : value.elements) AppendValue(to, element);
}

std::string DoubleText(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  return fmt::format("{}", number);
}

}  // namespace

void AppendCommand(std::string& to, const Command& command) {
  fmt::format_to(std::back_inserter(to), "*{}\r\n", command.size());
  for (const auto& argument : command) AppendBulk(to, '$', argument);
}

void AppendValue(std::string& to, const Value& value) {
  const auto line = [&](char kind, std::string_view text) {
    to += kind;
    to.append(text).append(kLineEnd);
  };
  switch (value.type) {
    case Value::Type::kNull:
      return line('_', "");
    case Value::Type::kSimpleString:
      return line('+', value.text);
    case Value::Type::kBulkString:
      return AppendBulk(to, '$', value.text);
    case Value::Type::kVerbatimString:
      return AppendBulk(to, '=', "txt:" + value.text);
    case Value::Type::kError:
      return AppendBulk(to, '!', value.text);
    case Value::Type::kInteger:
      return line(':', std::to_string(value.integer));
    case Value::Type::kBoolean:
      return line('#', value.integer != 0 ? "t" : "f");
    case Value::Type::kDouble:
      return line(',', DoubleText(value.number));
    case Value::Type::kBigNumber:
      return line('(', value.text);
    case Value::Type::kArray:
      return AppendAggregate(to, '*', value);
    case Value::Type::kSet:
      return AppendAggregate(to, '~', value);
    case Value::Type::kMap:
      return AppendAggregate(to, '%', value);
    case Value::Type::kPush:
      return AppendAggregate(to, '>', value);
  }
}

bool Value::is_text() const {
  return type == Type::kSimpleString || type == Type::kBulkString || type == Type::kVerbatimString;
}

bool Value::is_list() const {
  return type == Type::kArray || type == Type::kSet || type == Type::kMap;
}

const Value* Value::Find(std::string_view key) const {
  if (!is_list()) return nullptr;
  for (std::size_t i = 0; i + 1 < elements.size(); i += 2) {
    if (elements[i].is_text() && elements[i].text == key) return &elements[i + 1];
  }
  return nullptr;
}

void Parser::Feed(std::string_view bytes) {
  if (failed_) return;
  // What is consumed goes now and then, so that each byte is moved a bounded number of times.
  if (position_ > 0 && position_ >= buffer_.size() / 2) {
    buffer_.erase(0, position_);
    position_ = 0;
    if (buffer_.empty() && buffer_.capacity() > kKeptBytes) buffer_.shrink_to_fit();
  }
  buffer_.append(bytes);
}

Result<std::optional<Value>> Parser::Next() {
  if (failed_) return Error(*failed_);
  while (true) {
    auto step = ReadOne();
    if (!step) {
      failed_ = step.error();
      buffer_.clear();
      position_ = 0;
      return Error(*failed_);
    }
    if (*step == Step::kWait) return std::optional<Value>();
    if (*step == Step::kDone) {
      in_reply_ = false;
      consumed_ = elements_ = 0;
      return std::exchange(done_, std::nullopt);
    }
  }
}

// A value without elements, or the head of one with elements.
Result<Parser::Step> Parser::ReadOne() {
  if (bulk_kind_ != 0) return ReadBulk(bulk_kind_);
  if (position_ == buffer_.size()) return Step::kWait;
  in_reply_ = true;
  const char kind = buffer_[position_];
  if (!IsKnown(kind)) {
    const auto byte = static_cast<unsigned char>(kind);
    return Corrupt(
        fmt::format("no value begins with the byte 0x{:02x}; is it a Redis server?", byte));
  }
  PROV_TRY(const auto line, Line(MostLine(kind)));
  if (!line) return Step::kWait;
  // The view stays good: Consume() moves no bytes.
  const auto rest = line->substr(1);
  Consume(line->size() + kLineEnd.size());
  if (consumed_ > limits_.reply_bytes) return TooLarge("bytes", limits_.reply_bytes);
  if (IsAggregate(kind)) return BeginAggregate(kind, rest);
  if (kind == '$' || kind == '!' || kind == '=') return BeginBulk(kind, rest);
  return ReadLine(kind, rest);
}

Result<std::optional<std::string_view>> Parser::Line(std::size_t most) {
  const auto rest = std::string_view(buffer_).substr(position_);
  const auto end = rest.find_first_of(kLineEnd, scanned_);
  // The kind is a byte of its own.
  if ((end == rest.npos ? rest.size() : end) > most + 1) return TooLarge("bytes in a line", most);
  if (end == rest.npos) {
    scanned_ = rest.size();
    return std::optional<std::string_view>();
  }
  if (rest[end] == '\n') return Corrupt("a line ends without a carriage return");
  if (end + 1 == rest.size()) {
    scanned_ = end;
    return std::optional<std::string_view>();
  }
  if (rest[end + 1] != '\n') return Corrupt("a carriage return within a line");
  return std::optional(rest.substr(0, end));
}

Result<Parser::Step> Parser::ReadLine(char kind, std::string_view line) {
  Value value;
  value.text = line;
  switch (kind) {
    case '+':
      value.type = Value::Type::kSimpleString;
      break;
    case '-':
      value.type = Value::Type::kError;
      break;
    case '(':
      value.type = Value::Type::kBigNumber;
      if (!IsBigNumber(line)) return Corrupt("a big number that is none");
      break;
    case '_':
      if (!line.empty()) return Corrupt("a null with something in it");
      break;
    case '#':
      if (line != "t" && line != "f") return Corrupt("a boolean that is neither t nor f");
      value = {Value::Type::kBoolean, "", line == "t" ? 1 : 0};
      break;
    case ':': {
      const auto integer = ReadInteger(line);
      if (!integer) return Corrupt("an integer that is none, or has more than 64 bits");
      value = {Value::Type::kInteger, "", *integer};
      break;
    }
    default: {
      const auto number = ReadDouble(line);
      if (!number) return Corrupt("a double that is none");
      value = {Value::Type::kDouble, "", 0, *number};
    }
  }
  return Finish(std::move(value));
}

Result<Parser::Step> Parser::BeginBulk(char kind, std::string_view line) {
  const auto size = ReadInteger(line);
  if (size == -1 && kind == '$') return Finish({});
  if (!size || *size < 0) return Corrupt("a string's length that is none");
  const auto bytes = static_cast<std::size_t>(*size);
  if (bytes > limits_.bulk_bytes) return TooLarge("bytes in a string", limits_.bulk_bytes);
  if (consumed_ + bytes > limits_.reply_bytes) return TooLarge("bytes", limits_.reply_bytes);
  bulk_kind_ = kind;
  bulk_missing_ = bytes;
  return Step::kMore;
}

Result<Parser::Step> Parser::ReadBulk(char kind) {
  const auto rest = std::string_view(buffer_).substr(position_);
  if (rest.size() < bulk_missing_ + kLineEnd.size()) return Step::kWait;
  if (rest.substr(bulk_missing_, kLineEnd.size()) != kLineEnd)
    return Corrupt("a string that does not end where its length says");
  auto bytes = rest.substr(0, bulk_missing_);
  Value value{kind == '!' ? Value::Type::kError : Value::Type::kBulkString};
  if (kind == '=') {
    if (bytes.size() < 4 || bytes[3] != ':') return Corrupt("a verbatim string without its format");
    value.type = Value::Type::kVerbatimString;
    bytes.remove_prefix(4);
  }
  value.text = bytes;
  Consume(bulk_missing_ + kLineEnd.size());
  bulk_kind_ = 0;
  return Finish(std::move(value));
}

Result<Parser::Step> Parser::BeginAggregate(char kind, std::string_view line) {
  const auto size = ReadInteger(line);
  if (size == -1 && kind == '*') return Finish({});
  if (!size || *size < 0) return Corrupt("a number of elements that is none");
  const bool pairs = kind == '%' || kind == '|';
  const auto most = limits_.elements;
  const auto announced = static_cast<std::size_t>(*size);
  if (announced > most || announced * (pairs ? 2 : 1) > most - elements_)
    return TooLarge("elements", most);
  if (open_.size() >= limits_.depth) return TooLarge("levels", limits_.depth);
  if (kind == '>' && !open_.empty()) return Corrupt("a push within another value");
  const auto missing = announced * (pairs ? 2 : 1);
  elements_ += missing;
  // Nothing is reserved: what is announced costs the server nothing.
  open_.push_back({{AggregateType(kind)}, missing, kind == '|'});
  if (missing > 0) return Step::kMore;
  auto whole = std::move(open_.back());
  open_.pop_back();
  return whole.attribute ? Result<Step>(Step::kMore) : Finish(std::move(whole.value));
}

// A whole value goes where it belongs, and so does each that it completes.
Result<Parser::Step> Parser::Finish(Value value) {
  while (!open_.empty()) {
    auto& parent = open_.back();
    parent.value.elements.push_back(std::move(value));
    if (--parent.missing > 0) return Step::kMore;
    auto whole = std::move(parent);
    open_.pop_back();
    if (whole.attribute) return Step::kMore;  // the value that it is about follows
    value = std::move(whole.value);
  }
  done_ = std::move(value);
  return Step::kDone;
}

void Parser::Consume(std::size_t bytes) {
  position_ += bytes;
  consumed_ += bytes;
  scanned_ = 0;
}

Error Parser::Corrupt(std::string_view why) const {
  return {ErrorCode::kCorrupt,
          fmt::format("not Redis's protocol, {} bytes into a reply: {}", consumed_, why)};
}

Error Parser::TooLarge(std::string_view what, std::size_t limit) const {
  return {ErrorCode::kTooLarge,
          fmt::format("a reply with more than {} {}, which is the limit", limit, what)};
}

}  // namespace prov::redis
