#include "contract/inputs_loader.hpp"

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "contract/input_validation.hpp"
#include "contract/number.hpp"
#include "contract/reserved_names.hpp"

namespace prov::contract {
namespace {

// One scalar as a value of the input's type. Types made of text take a scalar as it was written.
std::optional<boost::json::value> TypedScalar(InputType type, const yaml::Node& node) {
  auto scalar = ScalarValue(node);
  if (IsNumeric(type) || type == InputType::kBoolean) {
    if (!scalar) return std::nullopt;
    return Coerce(type, *scalar);
  }
  if (node.kind == yaml::Kind::kNull || node.kind == yaml::Kind::kSequence ||
      node.kind == yaml::Kind::kMapping) {
    return std::nullopt;
  }
  return boost::json::value(node.text);
}

class InputsReader {
 public:
  InputsReader(NodeReader& reader, Manifest& manifest) : reader_(reader), manifest_(manifest) {}

  void Read(const yaml::Node& node) {
    if (!reader_.Sequence(node, "inputs")) return;
    if (node.items.size() > kMaxInputs) {
      return reader_.Refuse(node.place, "inputs",
                            fmt::format("has more than {} inputs", kMaxInputs));
    }
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      manifest_.inputs.push_back(ReadInput(node.items[i], Index("inputs", i)));
    }
    CheckNames(node);
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      const auto* condition = node.items[i].Find("visible_if");
      if (condition == nullptr) continue;
      const std::string path = Index("inputs", i) + ".visible_if";
      manifest_.inputs[i].visible_if = ReadCondition(*condition, path);
    }
    if (comparisons_ > kMaxComparisons) {
      reader_.Refuse(node.place, "inputs",
                     fmt::format("has more than {} conditions in all", kMaxComparisons));
    }
    Order(node);
  }

 private:
  Input ReadInput(const yaml::Node& node, const std::string& path) {
    Input input;
    if (!reader_.Mapping(node, path, KnownInputKeys(), {"name", "type", "label"})) return input;
    input.name = reader_.Text(node, "name", path).value_or("");
    const auto type = reader_.Enum<InputType>(node, "type", path);
    input.type = type.value_or(InputType::kString);
    input.label = reader_.Text(node, "label", path).value_or("");
    input.description = reader_.Text(node, "description", path, 4000).value_or("");
    input.placeholder = reader_.Text(node, "placeholder", path).value_or("");
    input.group = reader_.Text(node, "group", path).value_or("");
    input.required = reader_.Boolean(node, "required", path).value_or(false);
    input.generate = reader_.Boolean(node, "generate", path).value_or(false);
    const auto sensitive = reader_.Boolean(node, "sensitive", path);
    input.sensitive = sensitive.value_or(false) || input.type == InputType::kPassword;
    if (!type) return input;  // nothing below makes sense without the type
    if (sensitive == false && input.type == InputType::kPassword) {
      reader_.Refuse(node.Find("sensitive")->place, Join(path, "sensitive"),
                     "a password is always sensitive");
    }
    if (input.sensitive && !CanBeSensitive(input.type)) {
      reader_.Refuse(node.Find("sensitive")->place, Join(path, "sensitive"),
                     "only string, text, password and url can be sensitive");
    }
    if (input.generate && input.type != InputType::kPassword) {
      reader_.Refuse(node.Find("generate")->place, Join(path, "generate"), "is for passwords only");
    }
    ReadValidation(node, path, input);
    ReadDefault(node, path, input);
    return input;
  }

  void ReadValidation(const yaml::Node& parent, const std::string& parent_path, Input& input) {
    const auto* node = parent.Find("validation");
    const std::string path = Join(parent_path, "validation");
    const bool is_choice =
        input.type == InputType::kSelect || input.type == InputType::kMultiselect;
    if (is_choice && (node == nullptr || node->Find("allowed_values") == nullptr)) {
      reader_.Refuse(parent.place, Join(path, "allowed_values"),
                     "is missing: a select needs its choices");
    }
    if (node == nullptr || !reader_.Mapping(*node, path, KnownValidationKeys())) return;
    CheckRulesFit(*node, path, input.type);
    auto& rules = input.validation;
    rules.pattern = reader_.Regex(*node, "pattern", path);
    rules.pattern_error = reader_.Text(*node, "pattern_error", path, 1000).value_or("");
    constexpr auto kMost = static_cast<std::int64_t>(kMaxValueBytes);
    rules.min_length = reader_.Integer(*node, "min_length", path, 0, kMost);
    rules.max_length = reader_.Integer(*node, "max_length", path, 1, kMost);
    rules.min_value = reader_.Number(*node, "min_value", path);
    rules.max_value = reader_.Number(*node, "max_value", path);
    if (node->Find("pattern_error") != nullptr && node->Find("pattern") == nullptr) {
      reader_.Refuse(node->Find("pattern_error")->place, Join(path, "pattern_error"),
                     "needs a pattern");
    }
    if (rules.min_length > rules.max_length && rules.max_length) {
      reader_.Refuse(node->place, path, "min_length is above max_length: no value could fit");
    }
    if (rules.min_value && rules.max_value &&
        CompareNumbers(*rules.min_value, *rules.max_value) > 0) {
      reader_.Refuse(node->place, path, "min_value is above max_value: no value could fit");
    }
    if (input.sensitive && rules.max_length &&
        *rules.max_length < static_cast<std::int64_t>(kMinSensitiveLength)) {
      reader_.Refuse(node->Find("max_length")->place, Join(path, "max_length"),
                     "a sensitive value has at least 8 characters");
    }
    ReadAllowed(*node, path, input);
  }

  void CheckRulesFit(const yaml::Node& node, const std::string& path, InputType type) {
    for (const auto& member : node.members) {
      const std::string_view key = member.key;
      bool fits = true;
      if (key == "pattern" || key == "pattern_error" || key == "min_length" || key == "max_length")
        fits = IsTextual(type);
      if (key == "min_value" || key == "max_value") fits = IsNumeric(type);
      if (key == "allowed_values") fits = TakesAllowedValues(type);
      if (!fits) {
        reader_.Refuse(member.place, Join(path, key),
                       "does not fit the type " + json::EnumName(type));
      }
    }
  }

  void ReadAllowed(const yaml::Node& rules, const std::string& rules_path, Input& input) {
    const auto* node = rules.Find("allowed_values");
    const std::string path = Join(rules_path, "allowed_values");
    if (node == nullptr || !reader_.Sequence(*node, path)) return;
    if (node->items.empty()) reader_.Refuse(node->place, path, "must name at least one value");
    for (std::size_t i = 0; i < node->items.size(); ++i) {
      ReadAllowedValue(node->items[i], Index(path, i), input);
    }
  }

  void ReadAllowedValue(const yaml::Node& item, const std::string& path, Input& input) {
    AllowedValue allowed;
    const yaml::Node* scalar = &item;
    if (item.kind == yaml::Kind::kMapping) {
      reader_.Mapping(item, path, {"value", "label"}, {"value"});
      allowed.label = reader_.Text(item, "label", path).value_or("");
      scalar = item.Find("value");
      if (scalar == nullptr) return;
    }
    auto value = TypedScalar(input.type, *scalar);
    if (!value) return reader_.Refuse(scalar->place, path, std::string(TypeSentence(input.type)));
    allowed.value = std::move(*value);
    const std::string text = EnvironmentText(allowed.value);
    const bool is_choice =
        input.type == InputType::kSelect || input.type == InputType::kMultiselect;
    if (is_choice && (text.empty() || text.find(',') != text.npos)) {
      return reader_.Refuse(scalar->place, path, "a choice must not be empty or hold a comma");
    }
    if (!FitsGrammar(input.type, text) || !HasOnlyAllowedCharacters(input.type, text)) {
      return reader_.Refuse(scalar->place, path, std::string(GrammarSentence(input.type)));
    }
    for (const auto& other : input.validation.allowed_values) {
      if (SameValue(other.value, allowed.value)) {
        return reader_.Refuse(scalar->place, path, fmt::format("`{}` is named twice", text));
      }
    }
    if (allowed.label.empty()) allowed.label = text;
    input.validation.allowed_values.push_back(std::move(allowed));
  }

  void ReadDefault(const yaml::Node& parent, const std::string& parent_path, Input& input) {
    const auto* node = parent.Find("default");
    if (node == nullptr) return;
    const std::string path = Join(parent_path, "default");
    std::optional<boost::json::value> value;
    if (input.type == InputType::kMultiselect && node->kind == yaml::Kind::kSequence) {
      boost::json::array items;
      for (const auto& item : node->items) {
        auto scalar = TypedScalar(InputType::kSelect, item);
        if (scalar) items.push_back(std::move(*scalar));
      }
      if (items.size() == node->items.size()) value = boost::json::value(std::move(items));
    } else {
      value = TypedScalar(input.type, *node);
    }
    if (!value) return reader_.Refuse(node->place, path, std::string(TypeSentence(input.type)));
    const bool empty = EnvironmentText(*value).empty();
    if (empty && input.required) {
      return reader_.Refuse(node->place, path, "must not be empty: the input is required");
    }
    if (empty && input.sensitive) return;  // "" is unset
    std::vector<InputError> errors;
    CheckValue(input, *value, errors);
    for (const auto& error : errors) {
      reader_.Refuse(node->place, path, "breaks its own rule " + error.rule + ": " + error.message);
    }
    if (errors.empty()) input.default_value = std::move(*value);
  }

  void CheckNames(const yaml::Node& node) {
    for (std::size_t i = 0; i < manifest_.inputs.size(); ++i) {
      const std::string& name = manifest_.inputs[i].name;
      const auto* at = node.items[i].Find("name");
      if (name.empty() || at == nullptr) continue;
      const std::string path = Index("inputs", i) + ".name";
      if (!IsSnakeName(name)) {
        reader_.Refuse(
            at->place, path,
            "must be snake_case: a lower-case letter, then at most 62 lower-case letters, "
            "digits and underscores");
      } else if (name == "all" || name == "any" || name == "not") {
        reader_.Refuse(at->place, path,
                       fmt::format("`{}` is reserved: it is a word of conditions", name));
      } else if (IsReservedName(name)) {
        reader_.Refuse(
            at->place, path,
            fmt::format("`{}` is reserved: its variable belongs to the shell or the platform",
                        name));
      }
      if (manifest_.FindInput(name) != &manifest_.inputs[i]) {
        reader_.Refuse(at->place, path, fmt::format("`{}` is the name of an earlier input", name));
      }
    }
  }

  Condition ReadCondition(const yaml::Node& node, const std::string& path) {
    Condition condition;
    if (node.kind != yaml::Kind::kMapping || node.members.empty()) {
      reader_.Refuse(node.place, path,
                     "must be {input: value}, {all: [...]}, {any: [...]} or {not: ...}");
      return condition;
    }
    for (const auto& member : node.members) {
      const std::string at = Join(path, member.key);
      const bool is_word = member.key == "all" || member.key == "any" || member.key == "not";
      if (is_word && node.members.size() > 1) {
        reader_.Refuse(member.place, at, "must stand alone: nest conditions in `all` instead");
      } else if (is_word) {
        return ReadCombination(member, at);
      } else {
        condition.parts.push_back(ReadComparison(member, at));
      }
    }
    return condition;
  }

  Condition ReadCombination(const yaml::Member& member, const std::string& path) {
    Condition condition;
    if (member.key == "not") {
      condition.kind = Condition::Kind::kNot;
      condition.parts.push_back(ReadCondition(member.value, path));
      return condition;
    }
    condition.kind = member.key == "all" ? Condition::Kind::kAll : Condition::Kind::kAny;
    if (!reader_.Sequence(member.value, path)) return condition;
    if (member.value.items.empty()) {
      reader_.Refuse(member.value.place, path, "must hold at least one condition");
    }
    for (std::size_t i = 0; i < member.value.items.size(); ++i) {
      condition.parts.push_back(ReadCondition(member.value.items[i], Index(path, i)));
    }
    return condition;
  }

  Condition ReadComparison(const yaml::Member& member, const std::string& path) {
    ++comparisons_;
    Condition condition{Condition::Kind::kEquals, member.key, {}, {}};
    const Input* input = manifest_.FindInput(member.key);
    if (input == nullptr) {
      Keys names;
      for (const auto& other : manifest_.inputs) names.push_back(other.name);
      std::string message = fmt::format("names the unknown input `{}`", member.key);
      if (const auto near = NearMiss(member.key, names); !near.empty()) {
        message += fmt::format(", did you mean `{}`?", near);
      }
      reader_.Refuse(member.place, path, std::move(message));
      return condition;
    }
    if (input->sensitive) {
      reader_.Refuse(member.place, path,
                     "names a sensitive input, which would give its value away");
    }
    const bool is_list = member.value.kind == yaml::Kind::kSequence;
    if (is_list && member.value.items.empty()) {
      reader_.Refuse(member.value.place, path, "must name at least one value");
    }
    if (!is_list) AddWanted(*input, member.value, path, condition);
    for (std::size_t i = 0; i < member.value.items.size(); ++i) {
      AddWanted(*input, member.value.items[i], Index(path, i), condition);
    }
    return condition;
  }

  void AddWanted(const Input& input, const yaml::Node& node, const std::string& path,
                 Condition& condition) {
    const InputType type = input.type == InputType::kMultiselect ? InputType::kSelect : input.type;
    auto value = TypedScalar(type, node);
    if (!value) {
      return reader_.Refuse(node.place, path,
                            fmt::format("`{}` {}", input.name, TypeSentence(type)));
    }
    const auto& allowed = input.validation.allowed_values;
    const auto same = [&](const AllowedValue& one) { return SameValue(one.value, *value); };
    if (!allowed.empty() && std::ranges::none_of(allowed, same)) {
      reader_.Refuse(node.place, path,
                     fmt::format("`{}` can never be `{}`", input.name, EnvironmentText(*value)));
    }
    condition.values.push_back(std::move(*value));
  }

  // Depth first; an input met again while it is being placed closes a cycle.
  void Order(const yaml::Node& node) {
    std::vector<int> marks(manifest_.inputs.size(), 0);
    for (std::size_t i = 0; i < manifest_.inputs.size(); ++i) {
      if (!PlaceInOrder(i, marks)) {
        const auto* at = node.items[i].Find("visible_if");
        reader_.Refuse(at != nullptr ? at->place : node.items[i].place,
                       Index("inputs", i) + ".visible_if", "conditions form a cycle");
        return;
      }
    }
  }

  bool PlaceInOrder(std::size_t index, std::vector<int>& marks) {
    if (marks[index] != 0) return marks[index] == 2;
    marks[index] = 1;
    std::vector<std::string> names;
    if (manifest_.inputs[index].visible_if) {
      CollectInputs(*manifest_.inputs[index].visible_if, names);
    }
    for (const auto& name : names) {
      const Input* input = manifest_.FindInput(name);
      if (input == nullptr) continue;
      if (!PlaceInOrder(static_cast<std::size_t>(input - manifest_.inputs.data()), marks)) {
        return false;
      }
    }
    marks[index] = 2;
    manifest_.evaluation_order.push_back(index);
    return true;
  }

  NodeReader& reader_;
  Manifest& manifest_;
  std::size_t comparisons_ = 0;
};

}  // namespace

Keys KnownInputKeys() {
  return {"name",        "type",  "label",      "description", "required",  "default",
          "placeholder", "group", "validation", "visible_if",  "sensitive", "generate"};
}

Keys KnownValidationKeys() {
  return {"pattern",   "pattern_error", "min_length",    "max_length",
          "min_value", "max_value",     "allowed_values"};
}

bool IsSnakeName(std::string_view text) {
  return !text.empty() && text.size() <= 63 && text.front() >= 'a' && text.front() <= 'z' &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

void ReadInputs(NodeReader& reader, const yaml::Node& node, Manifest& manifest) {
  InputsReader(reader, manifest).Read(node);
}

}  // namespace prov::contract
