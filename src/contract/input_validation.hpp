// Checks the values a person or a program gives for an installer's inputs (docs/contract.md,
// "Values"). Pure and thread-safe. The panel, the CLI and the agent all call this one.
#pragma once

#include <string>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json.hpp>

#include "contract/action.hpp"
#include "contract/manifest.hpp"

namespace prov::contract {

// `rule` is one of: unknown, hidden, required, type, characters, size, format, pattern, min_length,
// max_length, min_value, max_value, allowed_values. Never quotes the value: it may be a secret.
struct InputError {
  std::string field;
  std::string rule;
  std::string message;
  bool operator==(const InputError&) const = default;
};
BOOST_DESCRIBE_STRUCT(InputError, (), (field, rule, message))

struct ValidatedInputs {
  std::vector<std::string> visible;    // in the manifest's order, with or without a value
  boost::json::object values;          // normalized; only visible inputs that have one
  std::vector<std::string> sensitive;  // the names in `values` that must be masked
};

struct InputOutcome {
  ValidatedInputs inputs;  // of use only when there are no errors
  std::vector<InputError> errors;
  bool ok() const { return errors.empty(); }
};

// `remembered` holds the plain values of the last successful install; kUninstall and kCheck take an
// input from it where `given` has none, and what no longer fits the manifest is passed over.
// `required` binds kInstall and kUpgrade only.
InputOutcome ValidateInputs(const Manifest& manifest, const boost::json::object& given,
                            Action action = Action::kInstall,
                            const boost::json::object& remembered = {});

// One value against its input's type and rules, visibility aside; normalizes `value` and appends
// what is wrong. The loader checks defaults with it.
void CheckValue(const Input& input, boost::json::value& value, std::vector<InputError>& errors);

}  // namespace prov::contract
