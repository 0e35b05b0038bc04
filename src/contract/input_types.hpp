// The types an input can have and their fixed grammars (docs/contract.md, "Types"). All pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <boost/describe.hpp>
#include <boost/json.hpp>

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

// Values are strings of free length (not select): pattern, min_length and max_length fit.
bool IsTextual(InputType type);
// min_value and max_value fit.
bool IsNumeric(InputType type);
bool TakesAllowedValues(InputType type);
bool CanBeSensitive(InputType type);

bool IsEmail(std::string_view value);
bool IsHostname(std::string_view value);
bool IsIp(std::string_view value);
bool IsUrl(std::string_view value);
bool IsAbsolutePath(std::string_view value);
// The fixed grammar of the type; true for types that have none.
bool FitsGrammar(InputType type, std::string_view value);
// What FitsGrammar wants, for a person: "must be an e-mail address such as admin@example.org".
std::string_view GrammarSentence(InputType type);

// Only characters a value may hold: well-formed UTF-8, no control characters but tab, and newline
// where the type is kText.
bool HasOnlyAllowedCharacters(InputType type, std::string_view value);

// The value as the type has it (integer: int64; number: int64 or double; boolean; multiselect:
// array of strings; others: string), from JSON or its exact string form. Nothing when it is
// neither.
std::optional<boost::json::value> Coerce(InputType type, const boost::json::value& given);
// What Coerce wants, for a person.
std::string_view TypeSentence(InputType type);

// A normalized value as the environment has it: true/false, plain decimals, comma-joined lists.
std::string EnvironmentText(const boost::json::value& value);

}  // namespace prov::contract
