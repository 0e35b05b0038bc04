// An installer's inputs as a JSON Schema (draft 2020-12), for clients that build or check forms.
// Pure.
#pragma once

#include <boost/json.hpp>

#include "contract/manifest.hpp"

namespace prov::contract {

// Describes the JSON types only (8080, not "8080"). Conditions are `$defs/visible_<input>`: an
// input whose condition does not hold must be absent, and a required one must be present where it
// does. Byte limits, control characters and the grammars are left to ValidateInputs, which stays
// the judge.
boost::json::object InputsSchema(const Manifest& manifest);

}  // namespace prov::contract
