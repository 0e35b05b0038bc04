// HMAC-SHA256, SHA-256 and HKDF-SHA256 (RFC 2104, FIPS 180-4, RFC 5869). Thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace prov::signing {

inline constexpr std::size_t kMacBytes = 32;

std::string Sha256(std::string_view bytes);  // 32 raw bytes
std::string HmacSha256(std::string_view key, std::string_view bytes);
// 32 bytes of output; one round of expansion.
std::string HkdfSha256(std::string_view ikm, std::string_view salt, std::string_view info);
// In constant time, for equal lengths; false for different ones.
bool EqualMacs(std::string_view a, std::string_view b);

}  // namespace prov::signing
