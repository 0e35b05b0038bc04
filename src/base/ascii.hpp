// What a character of ASCII is, whatever the locale. Pure.
#pragma once

#include <string>
#include <string_view>

namespace prov {

constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool IsLetter(char c) { return IsLower(c) || IsUpper(c); }
constexpr bool IsAlphanumeric(char c) { return IsLetter(c) || IsDigit(c); }
// Of a shell's variables and functions.
constexpr bool IsNameCharacter(char c) { return IsAlphanumeric(c) || c == '_'; }

// Other bytes stay as they are.
inline std::string UpperCase(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) {
    if (IsLower(c)) c = static_cast<char>(c - 'a' + 'A');
  }
  return upper;
}

}  // namespace prov
