// Header fields that are lists: `Accept-Encoding: br, gzip`.
#pragma once

#include <string_view>
#include <vector>

#include "net/http_message.hpp"

namespace prov::net {

// Without the spaces and tabs around it.
std::string_view TrimSpace(std::string_view text);

// The elements of every line of that name, in order and trimmed, without empty ones (RFC 9110,
// 5.6.1). They point into `headers`. Commas within quoted strings are not looked for.
std::vector<std::string_view> ListElements(const Headers& headers, std::string_view name);

}  // namespace prov::net
