// visible_if: when an input is shown (docs/contract.md, "Conditions"). Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

namespace prov::contract {

struct Condition {
  enum class Kind { kEquals, kAll, kAny, kNot };
  Kind kind = Kind::kAll;
  std::string input;                       // kEquals
  std::vector<boost::json::value> values;  // kEquals: any of these, as the input's type has them
  std::vector<Condition> parts;            // kAll, kAny; one for kNot
};

// The value of a visible input that has one; nullptr when it is hidden or unset, which makes every
// comparison with it false.
using ValueOf = std::function<const boost::json::value*(std::string_view input)>;

// A list (multiselect) equals a value when it holds it.
bool Holds(const Condition& condition, const ValueOf& value_of);

// The inputs a condition names, with repetitions.
void CollectInputs(const Condition& condition, std::vector<std::string>& names);

// Numbers compare as numbers, whatever they are stored as.
bool SameValue(const boost::json::value& left, const boost::json::value& right);

}  // namespace prov::contract
