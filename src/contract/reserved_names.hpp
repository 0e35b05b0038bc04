// Input names that would collide with what a shell or the platform uses: an input `path` would
// become PATH. ONE table, used by the manifest loader, the linter, the manifest's JSON Schema and
// the docs.
#pragma once

#include <string_view>
#include <vector>

namespace prov::contract {

// Every name of the table; one that ends in `*` stands for all that begin with what is before it.
const std::vector<std::string_view>& ReservedNames();

// True for an input name (snake_case) whose upper-case variable is taken.
bool IsReservedName(std::string_view name);

}  // namespace prov::contract
