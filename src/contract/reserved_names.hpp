// Input names that would collide with what a shell or the platform uses: an input `path` would
// become PATH. ONE table, used by the manifest loader, the linter and the docs.
#pragma once

#include <string_view>

namespace prov::contract {

// True for an input name (snake_case) whose upper-case variable is taken.
bool IsReservedName(std::string_view name);

}  // namespace prov::contract
