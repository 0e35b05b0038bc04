// JSON, read strictly. Boost.JSON does the parsing; this adds what it lacks: duplicate keys, depth
// and UTF-8 are refused, and an object is read into a described struct with EVERY error, each with
// its JSON pointer.
//
//   struct Point { int x = 0; std::optional<std::string> label; };
//   BOOST_DESCRIBE_STRUCT(Point, (), (x, label))
//   PROV_TRY(auto point, json::Parse<Point>(text));
//
// Members without std::optional are required. Members not described are errors. Integers are read
// exactly or refused. Enums are described with BOOST_DESCRIBE_ENUM, and an enumerator kTimedOut is
// "timed_out". std::vector, std::map<std::string, T>, std::optional, nested structs, Uuid, WallTime
// and boost::json::value/object/array are understood. A null for a std::optional member is the same
// as its absence.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "base/result.hpp"

namespace prov::json {

struct Limits {
  std::size_t bytes = 1 << 20;
  std::size_t depth = 32;
};

struct Fault {
  std::string pointer;  // RFC 6901; "" is the document
  std::string message;
  bool operator==(const Fault&) const = default;
};

// Strict: UTF-8, no duplicate keys, nothing after the value, within the limits. kInvalidArgument,
// or kTooLarge.
Result<boost::json::value> ParseText(std::string_view text, const Limits& limits = {});
// Compact, members in the order they were set.
std::string Serialize(const boost::json::value& value);
// Appends it as a JSON string, without a copy of the whole.
void AppendString(std::string& text, std::string_view value);
// "/inputs/0/name: …; /version: …"
Error FaultsError(const std::vector<Fault>& faults);

}  // namespace prov::json

#include "base/json_describe.hpp"  // IWYU pragma: export
