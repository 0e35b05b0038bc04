#include "base/json.hpp"

#include <array>
#include <set>

#include <boost/json/basic_parser_impl.hpp>
#include <fmt/format.h>

#include "base/encoding.hpp"

namespace prov::json {
namespace {

// What the parser asks of whoever takes what it reads; how large a text may be is asked before.
struct WithoutLimits {
  [[maybe_unused]] static constexpr std::size_t max_object_size = std::size_t(-1);
  [[maybe_unused]] static constexpr std::size_t max_array_size = std::size_t(-1);
  [[maybe_unused]] static constexpr std::size_t max_key_size = std::size_t(-1);
  [[maybe_unused]] static constexpr std::size_t max_string_size = std::size_t(-1);
  using error_code = boost::json::error_code;
  using string_view = boost::json::string_view;
};

// Boost.JSON keeps the last of duplicate keys. So what was read is counted while the value is
// built, and compared with what the value has.
class Builder : public WithoutLimits {
 public:
  Builder() : stack_({}, buffer_.data(), buffer_.size()) { stack_.reset(); }
  std::size_t members() const { return members_; }
  boost::json::value Take() { return stack_.release(); }

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return true; }
  bool on_object_end(std::size_t count, error_code&) {
    members_ += count;
    return stack_.push_object(count), true;
  }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(std::size_t count, error_code&) { return stack_.push_array(count), true; }
  bool on_key_part(string_view part, std::size_t, error_code&) {
    return stack_.push_chars(part), true;
  }
  bool on_key(string_view part, std::size_t, error_code&) { return stack_.push_key(part), true; }
  bool on_string_part(string_view part, std::size_t, error_code&) {
    return stack_.push_chars(part), true;
  }
  bool on_string(string_view part, std::size_t, error_code&) {
    return stack_.push_string(part), true;
  }
  bool on_number_part(string_view, error_code&) { return true; }
  bool on_int64(std::int64_t number, string_view, error_code&) {
    return stack_.push_int64(number), true;
  }
  bool on_uint64(std::uint64_t number, string_view, error_code&) {
    return stack_.push_uint64(number), true;
  }
  bool on_double(double number, string_view, error_code&) {
    return stack_.push_double(number), true;
  }
  bool on_bool(bool value, error_code&) { return stack_.push_bool(value), true; }
  bool on_null(error_code&) { return stack_.push_null(), true; }
  bool on_comment_part(string_view, error_code&) { return true; }
  bool on_comment(string_view, error_code&) { return true; }

 private:
  std::array<unsigned char, 2048> buffer_;  // for small documents; the stack grows beyond it
  boost::json::value_stack stack_;
  std::size_t members_ = 0;
};

std::size_t CountMembers(const boost::json::value& value) {
  std::size_t count = 0;
  if (const auto* object = value.if_object()) {
    count = object->size();
    for (const auto& member : *object) count += CountMembers(member.value());
  } else if (const auto* array = value.if_array()) {
    for (const auto& item : *array) count += CountMembers(item);
  }
  return count;
}

// Which key is there twice: only remembers the keys of the objects it is in.
class DuplicateFinder : public WithoutLimits {
 public:
  const std::string& duplicate() const { return duplicate_; }

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return keys_.emplace_back(), true; }
  bool on_object_end(std::size_t, error_code&) { return keys_.pop_back(), true; }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(std::size_t, error_code&) { return true; }
  bool on_key_part(string_view part, std::size_t, error_code&) {
    key_.append(part.data(), part.size());
    return true;
  }
  bool on_key(string_view part, std::size_t, error_code& error) {
    key_.append(part.data(), part.size());
    if (!keys_.back().insert(key_).second) {
      duplicate_ = key_;
      error = boost::json::error::exception;
      return false;
    }
    key_.clear();
    return true;
  }
  bool on_string_part(string_view, std::size_t, error_code&) { return true; }
  bool on_string(string_view, std::size_t, error_code&) { return true; }
  bool on_number_part(string_view, error_code&) { return true; }
  bool on_int64(std::int64_t, string_view, error_code&) { return true; }
  bool on_uint64(std::uint64_t, string_view, error_code&) { return true; }
  bool on_double(double, string_view, error_code&) { return true; }
  bool on_bool(bool, error_code&) { return true; }
  bool on_null(error_code&) { return true; }
  bool on_comment_part(string_view, error_code&) { return true; }
  bool on_comment(string_view, error_code&) { return true; }

 private:
  std::vector<std::set<std::string>> keys_;
  std::string key_;
  std::string duplicate_;
};

std::optional<std::string> DuplicateIn(std::string_view text,
                                       const boost::json::parse_options& options) {
  boost::json::basic_parser<DuplicateFinder> finder(options);
  boost::json::error_code error;
  finder.write_some(false, text.data(), text.size(), error);
  if (finder.handler().duplicate().empty()) return std::nullopt;
  return fmt::format("not valid JSON: the member `{}` is given twice",
                     finder.handler().duplicate().substr(0, 64));
}

Error Invalid(std::string message) { return {ErrorCode::kInvalidArgument, std::move(message), {}}; }

}  // namespace

Result<boost::json::value> ParseText(std::string_view text, const Limits& limits) {
  if (text.size() > limits.bytes) {
    return Error{
        ErrorCode::kTooLarge, fmt::format("the JSON text is over {} bytes", limits.bytes), {}};
  }
  boost::json::parse_options options;
  options.max_depth = limits.depth;
  boost::json::basic_parser<Builder> parser(options);
  boost::json::error_code error;
  const std::size_t parsed = parser.write_some(false, text.data(), text.size(), error);
  if (error || parsed != text.size()) {
    if (auto twice = DuplicateIn(text, options)) return Invalid(*twice);
    return Invalid(fmt::format("not valid JSON at byte {}: {}", parsed,
                               error ? error.message() : "there is more after the value"));
  }
  auto value = parser.handler().Take();
  if (CountMembers(value) != parser.handler().members()) {
    return Invalid(DuplicateIn(text, options).value_or("not valid JSON: a member is given twice"));
  }
  return value;
}

void AppendString(std::string& text, std::string_view value) {
  boost::json::serializer serializer;
  serializer.reset(boost::json::string_view(value.data(), value.size()));
  std::array<char, 8192> piece;
  while (!serializer.done()) text += serializer.read(piece.data(), piece.size());
}

std::string Serialize(const boost::json::value& value) { return boost::json::serialize(value); }

Error FaultsError(const std::vector<Fault>& faults) {
  std::string message;
  for (const auto& fault : faults) {
    if (!message.empty()) message += "; ";
    message += fault.pointer.empty() ? fault.message : fault.pointer + ": " + fault.message;
  }
  return Invalid(std::move(message));
}

}  // namespace prov::json
