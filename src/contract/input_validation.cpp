#include "contract/input_validation.hpp"

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "contract/number.hpp"

namespace prov::contract {
namespace {

class ValueCheck {
 public:
  ValueCheck(const Input& input, std::vector<InputError>& errors)
      : input_(input), rules_(input.validation), errors_(errors) {}

  void Run(boost::json::value& value) {
    auto coerced = Coerce(input_.type, value);
    if (!coerced) return Refuse("type", std::string(TypeSentence(input_.type)));
    value = std::move(*coerced);
    if (value.is_string() && value.get_string().empty() && !input_.required)
      return;  // stands as given
    if (value.is_string()) {
      CheckText(value.get_string());
    } else if (value.is_array()) {
      CheckList(value.get_array());
    } else if (value.is_number()) {
      CheckNumber(value);
    }
    if (!value.is_array() && !rules_.allowed_values.empty() && !IsAllowed(value)) RefuseChoice();
  }

 private:
  void Refuse(std::string_view rule, std::string message) {
    errors_.push_back({input_.name, std::string(rule), std::move(message)});
  }

  bool IsAllowed(const boost::json::value& value) const {
    return std::ranges::any_of(rules_.allowed_values, [&](const auto& allowed) {
      return SameValue(allowed.value, value);
    });
  }

  void RefuseChoice() {
    std::string choices;
    for (const auto& allowed : rules_.allowed_values) {
      choices += (choices.empty() ? "" : ", ") + EnvironmentText(allowed.value);
    }
    Refuse("allowed_values", "must be one of: " + choices);
  }

  void CheckText(std::string_view text) {
    if (text.size() > kMaxValueBytes) {
      return Refuse("size", fmt::format("must not be longer than {} bytes", kMaxValueBytes));
    }
    if (!HasOnlyAllowedCharacters(input_.type, text)) {
      return Refuse("characters",
                    input_.type == InputType::kText
                        ? "must not hold control characters other than tab and newline"
                        : "must be one line without control characters other than tab");
    }
    if (IsTextual(input_.type)) CheckLength(static_cast<std::int64_t>(CountCodePoints(text)));
    if (!FitsGrammar(input_.type, text)) {
      Refuse("format", std::string(GrammarSentence(input_.type)));
    }
    if (rules_.pattern && !rules_.pattern->MatchesWhole(text)) {
      Refuse("pattern", rules_.pattern_error.empty()
                            ? "must match the pattern " + rules_.pattern->text()
                            : rules_.pattern_error);
    }
  }

  void CheckLength(std::int64_t length) {
    std::int64_t least = rules_.min_length.value_or(0);
    if (input_.sensitive) least = std::max<std::int64_t>(least, kMinSensitiveLength);
    const std::int64_t most =
        rules_.max_length.value_or(input_.type == InputType::kText ? 65'536 : 4'096);
    if (length < least) {
      Refuse("min_length", fmt::format("must have at least {} characters", least));
    }
    if (length > most) Refuse("max_length", fmt::format("must have at most {} characters", most));
  }

  void CheckNumber(const boost::json::value& value) {
    if (input_.type == InputType::kPort &&
        (CompareNumbers(value, 1) < 0 || CompareNumbers(value, 65535) > 0)) {
      return Refuse("type", std::string(TypeSentence(input_.type)));
    }
    if (rules_.min_value && CompareNumbers(value, *rules_.min_value) < 0) {
      Refuse("min_value", "must be at least " + EnvironmentText(*rules_.min_value));
    }
    if (rules_.max_value && CompareNumbers(value, *rules_.max_value) > 0) {
      Refuse("max_value", "must be at most " + EnvironmentText(*rules_.max_value));
    }
  }

  void CheckList(const boost::json::array& items) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (!IsAllowed(items[i])) return RefuseChoice();
      if (std::find(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(i), items[i]) !=
          items.begin() + static_cast<std::ptrdiff_t>(i)) {
        return Refuse("allowed_values", "must not name a value twice");
      }
    }
  }

  const Input& input_;
  const Validation& rules_;
  std::vector<InputError>& errors_;
};

bool IsEmpty(const boost::json::value& value) {
  return (value.is_string() && value.get_string().empty()) ||
         (value.is_array() && value.get_array().empty());
}

// So many are named; a body can hold a hundred thousand.
constexpr std::size_t kMostUnknown = 20;

class FormCheck {
 public:
  FormCheck(const Manifest& manifest, const boost::json::object& given, Action action,
            const boost::json::object& remembered)
      : manifest_(manifest),
        given_(given),
        remembered_(remembered),
        binds_required_(action == Action::kInstall || action == Action::kUpgrade),
        states_(manifest.inputs.size()) {}

  InputOutcome Run() {
    for (const auto index : manifest_.evaluation_order) Take(index);
    for (std::size_t i = 0; i < manifest_.inputs.size(); ++i) Report(i);
    std::size_t unknown = 0;
    for (const auto& member : given_) {
      if (unknown == kMostUnknown) break;
      if (manifest_.FindInput(member.key()) != nullptr) continue;
      ++unknown;
      outcome_.errors.push_back(
          {std::string(member.key()), "unknown", "is not an input of this installer"});
    }
    return std::move(outcome_);
  }

 private:
  struct State {
    bool visible = false;
    std::optional<boost::json::value> value;  // valid
    std::vector<InputError> errors;
  };

  const boost::json::value* ValueOf(std::string_view name) const {
    const auto* input = manifest_.FindInput(name);
    if (input == nullptr) return nullptr;
    const auto& state = states_[static_cast<std::size_t>(input - manifest_.inputs.data())];
    return state.visible && state.value ? &*state.value : nullptr;
  }

  void Take(std::size_t index) {
    const Input& input = manifest_.inputs[index];
    State& state = states_[index];
    state.visible = !input.visible_if ||
                    Holds(*input.visible_if, [&](std::string_view name) { return ValueOf(name); });
    const auto* given = given_.if_contains(input.name);
    if (!state.visible) {
      if (given != nullptr) {
        state.errors.push_back({input.name, "hidden",
                                "must not be given: its condition does not hold, so it is hidden"});
      }
      return;
    }
    if (given != nullptr && !(input.sensitive && !input.required && IsEmpty(*given))) {
      return TakeGiven(input, *given, state);
    }
    // An optional secret given as "" is unset on purpose, so nothing else fills it in.
    if (given == nullptr && TakeRemembered(input, state)) return;
    if (given == nullptr && input.default_value) {
      state.value = *input.default_value;
    } else if (input.required && binds_required_) {
      state.errors.push_back({input.name, "required", "is required"});
    }
  }

  void TakeGiven(const Input& input, const boost::json::value& given, State& state) {
    if (input.required && IsEmpty(given)) {
      if (binds_required_) state.errors.push_back({input.name, "required", "is required"});
      return;
    }
    boost::json::value value = given;
    CheckValue(input, value, state.errors);
    if (state.errors.empty()) state.value = std::move(value);
  }

  bool TakeRemembered(const Input& input, State& state) const {
    if (binds_required_ || input.sensitive) return false;
    const auto* found = remembered_.if_contains(input.name);
    if (found == nullptr) return false;
    boost::json::value value = *found;
    std::vector<InputError> errors;
    CheckValue(input, value, errors);
    if (!errors.empty()) return false;
    state.value = std::move(value);
    return true;
  }

  void Report(std::size_t index) {
    const Input& input = manifest_.inputs[index];
    State& state = states_[index];
    std::ranges::move(state.errors, std::back_inserter(outcome_.errors));
    if (!state.visible) return;
    outcome_.inputs.visible.push_back(input.name);
    if (!state.value) return;
    outcome_.inputs.values.emplace(input.name, std::move(*state.value));
    if (input.sensitive) outcome_.inputs.sensitive.push_back(input.name);
  }

  const Manifest& manifest_;
  const boost::json::object& given_;
  const boost::json::object& remembered_;
  const bool binds_required_;
  std::vector<State> states_;
  InputOutcome outcome_;
};

}  // namespace

void CheckValue(const Input& input, boost::json::value& value, std::vector<InputError>& errors) {
  ValueCheck(input, errors).Run(value);
}

InputOutcome ValidateInputs(const Manifest& manifest, const boost::json::object& given,
                            Action action, const boost::json::object& remembered) {
  return FormCheck(manifest, given, action, remembered).Run();
}

}  // namespace prov::contract
