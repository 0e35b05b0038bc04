#include "base/json.hpp"

#include <set>

#include <boost/json/basic_parser_impl.hpp>
#include <fmt/format.h>

#include "base/encoding.hpp"

namespace prov::json {
namespace {

// Boost.JSON keeps the last of duplicate keys, so they are looked for while parsing: a handler that
// only remembers the keys of the objects it is in.
class DuplicateFinder {
 public:
  [[maybe_unused]] static constexpr std::size_t max_object_size = std::size_t(-1);
  [[maybe_unused]] static constexpr std::size_t max_array_size = std::size_t(-1);
  [[maybe_unused]] static constexpr std::size_t max_key_size = std::size_t(-1);
  [[maybe_unused]] static constexpr std::size_t max_string_size = std::size_t(-1);
  using error_code = boost::json::error_code;
  using string_view = boost::json::string_view;

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

Error Invalid(std::string message) { return {ErrorCode::kInvalidArgument, std::move(message), {}}; }

}  // namespace

Result<boost::json::value> ParseText(std::string_view text, const Limits& limits) {
  if (text.size() > limits.bytes) {
    return Error{
        ErrorCode::kTooLarge, fmt::format("the JSON text is over {} bytes", limits.bytes), {}};
  }
  boost::json::parse_options options;
  options.max_depth = limits.depth;
  boost::json::basic_parser<DuplicateFinder> finder(options);
  boost::json::error_code error;
  const std::size_t parsed = finder.write_some(false, text.data(), text.size(), error);
  if (!finder.handler().duplicate().empty()) {
    return Invalid(fmt::format("not valid JSON: the member `{}` is given twice",
                               finder.handler().duplicate().substr(0, 64)));
  }
  if (error || parsed != text.size()) {
    return Invalid(fmt::format("not valid JSON at byte {}: {}", parsed,
                               error ? error.message() : "there is more after the value"));
  }
  boost::json::value value = boost::json::parse(text, error, {}, options);
  if (error) return Invalid("not valid JSON: " + error.message());
  return value;
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
