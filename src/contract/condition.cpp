#include "contract/condition.hpp"

#include "contract/number.hpp"

namespace prov::contract {

bool SameValue(const boost::json::value& left, const boost::json::value& right) {
  if (left.is_number() && right.is_number()) return CompareNumbers(left, right) == 0;
  return left == right;
}

bool Holds(const Condition& condition, const ValueOf& value_of) {
  const auto holds = [&](const Condition& part) { return Holds(part, value_of); };
  switch (condition.kind) {
    case Condition::Kind::kAll:
      return std::ranges::all_of(condition.parts, holds);
    case Condition::Kind::kAny:
      return std::ranges::any_of(condition.parts, holds);
    case Condition::Kind::kNot:
      return std::ranges::none_of(condition.parts, holds);
    case Condition::Kind::kEquals:
      break;
  }
  const auto* value = value_of(condition.input);
  if (value == nullptr) return false;
  return std::ranges::any_of(condition.values, [&](const auto& wanted) {
    if (!value->is_array()) return SameValue(*value, wanted);
    return std::ranges::find(value->get_array(), wanted) != value->get_array().end();
  });
}

void CollectInputs(const Condition& condition, std::vector<std::string>& names) {
  if (condition.kind == Condition::Kind::kEquals) names.push_back(condition.input);
  for (const auto& part : condition.parts) CollectInputs(part, names);
}

}  // namespace prov::contract
