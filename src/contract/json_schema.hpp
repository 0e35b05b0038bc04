// An installer's inputs as a JSON Schema (draft 2020-12), for clients that build or check forms.
// Pure.
#pragma once

#include <boost/json.hpp>

#include "contract/manifest.hpp"

namespace prov::contract {

// For an install or upgrade, where `required` binds, and for JSON types only (8080, not "8080"). Of
// what ValidateInputs accepts in these, it refuses nothing. Conditions are `$defs/visible_<input>`:
// an input whose condition does not hold must be absent, and a required one must be present where
// it does. A `pattern` is ECMA's; one that only RE2 can say stands in `description`. Byte limits,
// control characters and the grammars beyond `format` are left to ValidateInputs, which stays the
// judge.
boost::json::object InputsSchema(const Manifest& manifest);

}  // namespace prov::contract
