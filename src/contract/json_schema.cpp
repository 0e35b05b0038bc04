#include "contract/json_schema.hpp"

#include <limits>

#include "contract/ecma_pattern.hpp"
#include "contract/number.hpp"

namespace prov::contract {
namespace {

namespace bj = boost::json;

bj::object Ref(const std::string& input) { return {{"$ref", "#/$defs/visible_" + input}}; }

// Whether an absent `input` has a default that meets the comparison.
bool DefaultMeets(const Input& input, const Condition& comparison) {
  if (!input.default_value) return false;
  return Holds(comparison, [&](std::string_view) { return &*input.default_value; });
}

bj::object ComparisonSchema(const Manifest& manifest, const Condition& comparison) {
  const Input& input = *manifest.FindInput(comparison.input);
  bj::object wanted{{"enum", bj::array(comparison.values.begin(), comparison.values.end())}};
  if (input.type == InputType::kMultiselect) {
    wanted = {{"contains", std::move(wanted)}};
  }
  bj::object schema{{"properties", bj::object{{input.name, std::move(wanted)}}}};
  if (!DefaultMeets(input, comparison)) schema["required"] = bj::array{bj::value(input.name)};
  if (!input.visible_if) return schema;
  return {{"allOf", bj::array{std::move(schema), Ref(input.name)}}};
}

bj::object ConditionSchema(const Manifest& manifest, const Condition& condition) {
  if (condition.kind == Condition::Kind::kEquals) return ComparisonSchema(manifest, condition);
  if (condition.kind == Condition::Kind::kNot) {
    return {{"not", ConditionSchema(manifest, condition.parts.front())}};
  }
  bj::array parts;
  for (const auto& part : condition.parts) parts.push_back(ConditionSchema(manifest, part));
  const char* word = condition.kind == Condition::Kind::kAny ? "anyOf" : "allOf";
  return {{word, std::move(parts)}};
}

std::string_view JsonType(InputType type) {
  switch (type) {
    case InputType::kInteger:
    case InputType::kPort:
      return "integer";
    case InputType::kNumber:
      return "number";
    case InputType::kBoolean:
      return "boolean";
    case InputType::kMultiselect:
      return "array";
    default:
      return "string";
  }
}

std::string_view Format(InputType type) {
  switch (type) {
    case InputType::kEmail:
      return "email";
    case InputType::kHostname:
      return "hostname";
    case InputType::kUrl:
      return "uri";
    default:
      return "";
  }
}

// What ValidateInputs holds a text to that is not "".
void AddTextRules(const Input& input, bj::object& schema) {
  std::int64_t least = input.validation.min_length.value_or(0);
  if (input.required) least = std::max<std::int64_t>(least, 1);
  if (input.sensitive) least = std::max<std::int64_t>(least, kMinSensitiveLength);
  if (least > 0) schema["minLength"] = least;
  if (input.validation.pattern) {
    if (auto pattern = EcmaPattern(input.validation.pattern->text())) schema["pattern"] = *pattern;
  }
  if (const auto format = Format(input.type); !format.empty()) schema["format"] = format;
}

void AddNumberRules(const Input& input, bj::object& schema) {
  const auto& rules = input.validation;
  if (input.type == InputType::kPort) schema["minimum"] = 1, schema["maximum"] = 65535;
  if (input.type == InputType::kInteger) {
    schema["minimum"] = std::numeric_limits<std::int64_t>::min();
    schema["maximum"] = std::numeric_limits<std::int64_t>::max();
  }
  const auto* least = schema.if_contains("minimum");
  const auto* most = schema.if_contains("maximum");
  const bool raises = rules.min_value && (!least || CompareNumbers(*rules.min_value, *least) > 0);
  const bool lowers = rules.max_value && (!most || CompareNumbers(*rules.max_value, *most) < 0);
  if (raises) schema["minimum"] = *rules.min_value;
  if (lowers) schema["maximum"] = *rules.max_value;
}

void AddChoices(const Input& input, bj::object& schema) {
  if (input.validation.allowed_values.empty()) return;
  bj::array choices;
  for (const auto& allowed : input.validation.allowed_values) {
    choices.push_back(bj::object{{"const", allowed.value}, {"title", allowed.label}});
  }
  if (input.type != InputType::kMultiselect) {
    schema["oneOf"] = std::move(choices);
    return;
  }
  schema["items"] = bj::object{{"oneOf", std::move(choices)}};
  schema["uniqueItems"] = true;
  if (input.required) schema["minItems"] = 1;
}

// For people: the input's own description, and the pattern where the schema cannot hold it.
std::string DescriptionOf(const Input& input) {
  const auto& rules = input.validation;
  std::string text = input.description;
  if (!rules.pattern || EcmaPattern(rules.pattern->text())) return text;
  if (!text.empty()) text += ' ';
  text += "Must match, as a whole, the pattern (RE2) " + rules.pattern->text();
  if (!rules.pattern_error.empty()) text += ": " + rules.pattern_error;
  return text;
}

bj::object InputSchema(const Input& input) {
  const std::string_view type = JsonType(input.type);
  bj::object schema{{"type", type}, {"title", input.label}};
  if (auto text = DescriptionOf(input); !text.empty()) schema["description"] = text;
  if (input.default_value && !input.sensitive) schema["default"] = *input.default_value;
  if (input.sensitive) schema["writeOnly"] = true;
  if (input.type == InputType::kPassword) schema["format"] = "password";
  bj::object rules;
  if (IsTextual(input.type)) AddTextRules(input, rules);
  if (IsNumeric(input.type)) AddNumberRules(input, rules);
  AddChoices(input, rules);
  if (type == "string" && !input.required && !rules.empty()) {
    // "" stands as given for an optional one, whatever the rules (C-VAL-2, C-SENS-3).
    schema["anyOf"] = bj::array{bj::object{{"const", ""}}, std::move(rules)};
  } else {
    for (auto& [key, value] : rules) schema[key] = std::move(value);
  }
  if (IsTextual(input.type)) {
    schema["maxLength"] =
        input.validation.max_length.value_or(input.type == InputType::kText ? 65'536 : 4'096);
  }
  return schema;
}

}  // namespace

bj::object InputsSchema(const Manifest& manifest) {
  bj::object properties;
  bj::object definitions;
  bj::array required;
  bj::array conditions;
  for (const auto& input : manifest.inputs) {
    properties[input.name] = InputSchema(input);
    const bool must_be_given = input.required && !input.default_value;
    const bj::array name{bj::value(input.name)};
    if (!input.visible_if) {
      if (must_be_given) required.emplace_back(input.name);
      continue;
    }
    definitions["visible_" + input.name] = ConditionSchema(manifest, *input.visible_if);
    bj::object rule{{"if", Ref(input.name)},
                    {"else", bj::object{{"properties", bj::object{{input.name, false}}}}}};
    if (must_be_given) rule["then"] = bj::object{{"required", name}};
    conditions.push_back(std::move(rule));
  }
  bj::object schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                    {"title", manifest.name},
                    {"type", "object"},
                    {"properties", std::move(properties)},
                    {"required", std::move(required)},
                    {"additionalProperties", false}};
  if (!conditions.empty()) schema["allOf"] = std::move(conditions);
  if (!definitions.empty()) schema["$defs"] = std::move(definitions);
  return schema;
}

}  // namespace prov::contract
