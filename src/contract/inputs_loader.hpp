// Reads `inputs` of a manifest: types, rules, defaults, conditions and the order to evaluate them
// in. For the loader only.
#pragma once

#include "contract/manifest.hpp"
#include "contract/node_reader.hpp"

namespace prov::contract {

Keys KnownInputKeys();
Keys KnownValidationKeys();
bool IsSnakeName(std::string_view text);  // [a-z][a-z0-9_]{0,62}

// Fills inputs and evaluation_order from the list `node`.
void ReadInputs(NodeReader& reader, const yaml::Node& node, Manifest& manifest);

}  // namespace prov::contract
