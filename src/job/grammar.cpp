#include "job/grammar.hpp"

#include <algorithm>

#include "base/ascii.hpp"

namespace prov::job {
namespace {

bool IsHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f'); }

}  // namespace

bool IsAgentId(std::string_view text) {
  return !text.empty() && text.size() <= 128 && IsAlphanumeric(text.front()) &&
         std::ranges::all_of(
             text, [](char c) { return IsAlphanumeric(c) || c == '.' || c == '_' || c == '-'; });
}

bool IsAppId(std::string_view text) {
  return !text.empty() && text.size() <= 63 && text.front() != '-' &&
         std::ranges::all_of(text, [](char c) { return IsLower(c) || IsDigit(c) || c == '-'; });
}

bool IsInputName(std::string_view text) {
  return !text.empty() && text.size() <= 63 && IsLower(text.front()) &&
         std::ranges::all_of(text, [](char c) { return IsLower(c) || IsDigit(c) || c == '_'; });
}

bool IsSha256Hex(std::string_view text) {
  return text.size() == 64 && std::ranges::all_of(text, IsHex);
}

bool IsInstallerDigest(std::string_view text) {
  constexpr std::string_view kPrefix = "sha256:";
  return text.starts_with(kPrefix) && IsSha256Hex(text.substr(kPrefix.size()));
}

bool IsNonce(std::string_view text) {
  return text.size() == 32 && std::ranges::all_of(text, IsHex);
}

bool IsShortText(std::string_view text, std::size_t most) {
  return !text.empty() && text.size() <= most && std::ranges::none_of(text, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

}  // namespace prov::job
