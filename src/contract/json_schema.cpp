#include "contract/json_schema.hpp"

#include "base/json.hpp"

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
    case InputType::kPassword:
      return "password";
    default:
      return "";
  }
}

void AddLengths(const Input& input, bj::object& schema) {
  std::int64_t least = input.validation.min_length.value_or(0);
  if (input.required) least = std::max<std::int64_t>(least, 1);
  // An optional secret may be "" (unset), so its least length cannot be said here.
  if (input.sensitive && input.required) least = std::max<std::int64_t>(least, kMinSensitiveLength);
  if (input.sensitive && !input.required) least = 0;
  if (least > 0) schema["minLength"] = least;
  schema["maxLength"] =
      input.validation.max_length.value_or(input.type == InputType::kText ? 65'536 : 4'096);
  const bool may_be_empty = input.sensitive && !input.required;
  if (input.validation.pattern && !may_be_empty) {
    schema["pattern"] = "^(?:" + input.validation.pattern->text() + ")$";
  }
}

void AddNumbers(const Input& input, bj::object& schema) {
  const auto& rules = input.validation;
  if (input.type == InputType::kPort) schema["minimum"] = 1, schema["maximum"] = 65535;
  if (rules.min_value && (!schema.contains("minimum") || *rules.min_value > 1)) {
    schema["minimum"] = *rules.min_value;
  }
  if (rules.max_value && (!schema.contains("maximum") || *rules.max_value < 65535)) {
    schema["maximum"] = *rules.max_value;
  }
}

bj::object InputSchema(const Input& input) {
  bj::object schema{{"type", JsonType(input.type)}, {"title", input.label}};
  if (!input.description.empty()) schema["description"] = input.description;
  if (input.default_value && !input.sensitive) schema["default"] = *input.default_value;
  if (const auto format = Format(input.type); !format.empty()) schema["format"] = format;
  if (input.sensitive) schema["writeOnly"] = true;
  if (IsTextual(input.type)) AddLengths(input, schema);
  if (IsNumeric(input.type)) AddNumbers(input, schema);
  if (!input.validation.allowed_values.empty()) {
    bj::array choices;
    for (const auto& allowed : input.validation.allowed_values) {
      choices.push_back(bj::object{{"const", allowed.value}, {"title", allowed.label}});
    }
    bj::object choice{{"oneOf", std::move(choices)}};
    if (input.type == InputType::kMultiselect) {
      schema["items"] = std::move(choice);
      schema["uniqueItems"] = true;
      if (input.required) schema["minItems"] = 1;
    } else {
      schema["oneOf"] = std::move(choice["oneOf"]);
    }
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
