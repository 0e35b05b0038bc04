// manifest.yml, from any bytes (docs/contract.md): loaded whole, or refused with every fault at a
// place in the file.
#include <boost/json.hpp>

#include "base/encoding.hpp"
#include "contract/environment.hpp"
#include "contract/input_validation.hpp"
#include "contract/json_schema.hpp"
#include "contract/manifest_loader.hpp"
#include "fuzz/fuzz.hpp"

namespace prov::fuzz {
namespace {

using namespace contract;

void CheckFaults(const std::vector<ManifestFault>& faults, std::string_view text) {
  const auto lines = 1 + std::ranges::count_if(text, [](char c) { return c == '\n' || c == '\r'; });
  for (const auto& fault : faults) {
    Require(fault.line >= 1 && fault.line <= lines, "a fault is on a line of the file");
    Require(fault.column >= 1 && fault.column <= static_cast<int>(text.size()) + 1,
            "a fault is at a column of the file");
    Require(!fault.message.empty(), "a fault says what is wrong");
    Require(IsUtf8(fault.ToString()), "a fault can be printed");
  }
}

// What was normalized once stays as it is, and each visible value reaches the script.
void CheckDefaults(const Manifest& manifest) {
  const auto first = ValidateInputs(manifest, {}, Action::kCheck);
  Require(first.ok(), "the defaults are valid together");
  const auto second = ValidateInputs(manifest, first.inputs.values, Action::kCheck);
  Require(second.ok(), "normalized values are valid");
  Require(second.inputs.values == first.inputs.values, "normalized values are normal");
  Require(second.inputs.visible == first.inputs.visible, "the same inputs are visible");
  const auto environment = BuildEnvironment(manifest, first.inputs.values, {});
  for (const auto& [name, value] : environment.variables) {
    Require(name.find_first_of(std::string_view("=\0", 2)) == name.npos, "a variable has a name");
    Require(value.find('\0') == value.npos, "a variable can be passed");
  }
}

void CheckManifest(const Manifest& manifest) {
  auto order = manifest.evaluation_order;
  std::ranges::sort(order);
  for (std::size_t i = 0; i < order.size(); ++i)
    Require(order[i] == i, "every input is evaluated once");
  Require(order.size() == manifest.inputs.size(), "every input is evaluated");
  Require(manifest.timeout_seconds >= 1 && manifest.timeout_seconds <= 86'400,
          "the timeout is in its range");
  Require(IsUtf8(boost::json::serialize(InputsSchema(manifest))), "the schema is JSON");
  CheckDefaults(manifest);
}

}  // namespace

void FuzzManifest(std::string_view text) {
  const auto outcome = ParseManifest("manifest.yml", text);
  Require(outcome.manifest.has_value() == outcome.faults.empty(), "it is loaded or refused");
  CheckFaults(outcome.faults, text);
  if (!outcome.manifest) return;
  CheckManifest(*outcome.manifest);
  DirectoryFacts facts{outcome.manifest->id,
                       {outcome.manifest->install_script, outcome.manifest->icon, "check.sh"}};
  const auto found = ParseManifest("manifest.yml", text, &facts);
  Require(found.manifest && found.manifest->Supports(Action::kCheck),
          "it loads where its files are");
  facts.name += "x";
  const auto moved = ParseManifest("manifest.yml", text, &facts);
  Require(!moved.manifest, "its id is its directory's name");
  CheckFaults(moved.faults, text);
}

}  // namespace prov::fuzz
