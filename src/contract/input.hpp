// An input of an installer: what a person fills in, and the rules its value keeps
// (docs/contract.md, "inputs[]").
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json.hpp>

#include "base/result.hpp"

namespace prov::contract {

enum class InputType {
  kString,
  kText,
  kInteger,
  kNumber,
  kBoolean,
  kPassword,
  kSelect,
  kMultiselect,
  kEmail,
  kPort,
  kHostname,
  kIp,
  kUrl,
  kPath
};
BOOST_DESCRIBE_ENUM(InputType, kString, kText, kInteger, kNumber, kBoolean, kPassword, kSelect,
                    kMultiselect, kEmail, kPort, kHostname, kIp, kUrl, kPath)

inline constexpr std::size_t kMostInputs = 200;
inline constexpr std::size_t kMostConditions = 64;
inline constexpr std::size_t kDefaultMaxLength = 4'096;       // code points
inline constexpr std::size_t kDefaultMaxTextLength = 65'536;  // code points, for `text`
inline constexpr std::size_t kMostValueBytes = 120'000;  // a variable over 128 KiB cannot be passed
inline constexpr std::size_t kLeastSensitiveLength =
    8;  // code points; a shorter one cannot be masked

// A compiled RE2 pattern that must match the whole value. Immutable and shared between copies of a
// manifest.
class Pattern {
 public:
  // kInvalidArgument with RE2's reason.
  static Result<std::shared_ptr<const Pattern>> Compile(std::string_view text);
  virtual ~Pattern() = default;
  virtual bool Matches(std::string_view value) const = 0;
  virtual const std::string& text() const = 0;
};

struct Choice {
  std::string value;
  std::string label;
};

struct Rules {
  std::shared_ptr<const Pattern> pattern;
  std::string pattern_error;
  std::optional<std::int64_t> min_length;  // code points
  std::optional<std::int64_t> max_length;
  std::optional<double> min_value;
  std::optional<double> max_value;
  std::vector<Choice> allowed_values;
};

// `visible_if`. A condition on a hidden input is false.
struct Condition {
  enum class Kind { kEquals, kAll, kAny, kNot };
  Kind kind = Kind::kAll;
  std::string input;                       // kEquals
  std::vector<boost::json::value> values;  // kEquals: any of them, in the input's normal form
  std::vector<Condition> children;         // kAll, kAny; kNot has one
};

struct Input {
  std::string name;
  InputType type = InputType::kString;
  std::string label;
  std::string description;
  std::string placeholder;
  std::string group;
  bool required = false;
  bool sensitive = false;
  bool generate = false;
  Rules rules;
  std::optional<boost::json::value> default_value;  // in its normal form
  std::optional<Condition> visible_if;
};

// Which rule of `input` a value breaks.
struct ValueFault {
  std::string rule;     // "type", "pattern", "min_length", …
  std::string message;  // a sentence for a person, without the value where it is sensitive
};

// The value in its normal form (string, int64, double, bool, or an array of strings), or why it is
// refused. JSON types or their exact string forms are taken, nothing else.
boost::system::result<boost::json::value, ValueFault> CheckValue(const Input& input,
                                                                 const boost::json::value& value);

// The value as the script's environment holds it: plain decimal, true/false, comma-joined.
std::string ValueAsText(const boost::json::value& value);

}  // namespace prov::contract
