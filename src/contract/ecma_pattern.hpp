// RE2's patterns for those who match with ECMA-262's, as JSON Schema does. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace prov::contract {

// An ECMA-262 pattern (with or without the u flag) that matches exactly the whole values which
// `pattern` matches; nothing where the syntax has no counterpart: flags, POSIX and Unicode classes,
// named groups, \z, \Q, octal and hexadecimal escapes. `pattern` is one that RE2 takes.
std::optional<std::string> EcmaPattern(std::string_view pattern);

}  // namespace prov::contract
