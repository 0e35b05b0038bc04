// Which of the codings that a file is at hand in a client gets: RFC 9110, 12.5.3.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "net/http_message.hpp"

namespace prov::panel {

inline constexpr std::string_view kIdentity = "identity";

// Of `offered`, in the order of preference, the one that the request's Accept-Encoding weighs most;
// `identity` is always offered, last. Nothing where all of them are refused (406). An element that
// is not well formed is as if it were not there.
std::optional<std::string_view> ChooseCoding(const net::Headers& headers,
                                             std::span<const std::string_view> offered);

}  // namespace prov::panel
