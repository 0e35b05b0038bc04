#include "contract/manifest.hpp"

#include "base/json.hpp"

namespace prov::contract {

const Input* Manifest::FindInput(std::string_view input_name) const {
  const auto found = std::ranges::find(inputs, input_name, &Input::name);
  return found == inputs.end() ? nullptr : &*found;
}

bool Manifest::Supports(Action action) const {
  return std::ranges::find(actions, action) != actions.end();
}

std::string Manifest::ScriptOf(Action action) const {
  return action == Action::kInstall ? install_script : json::EnumName(action) + ".sh";
}

}  // namespace prov::contract
