// Bytes as text. Byte strings are std::string throughout the project.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace prov {

std::string HexEncode(std::string_view bytes);  // lower case
Result<std::string> HexDecode(
    std::string_view text);  // lower case only, so that a value has one spelling
std::string Base64Encode(std::string_view bytes);  // RFC 4648 section 4, padded
Result<std::string> Base64Decode(
    std::string_view text);                           // strict: canonical padding, no white space
std::string Base64UrlEncode(std::string_view bytes);  // RFC 4648 section 5, no padding
Result<std::string> Base64UrlDecode(std::string_view text);

// True for well-formed UTF-8: no overlong forms, surrogates or values above U+10FFFF.
bool IsUtf8(std::string_view bytes);
// Code points in well-formed UTF-8.
std::size_t CountCodePoints(std::string_view utf8);
// Well-formed UTF-8 with each malformed byte replaced by U+FFFD.
std::string ReplaceInvalidUtf8(std::string_view bytes);

}  // namespace prov
