// The spellings that envelopes, events and commands share (docs/formats/envelope.md). Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace prov::job {

bool IsAgentId(std::string_view text);          // [A-Za-z0-9][A-Za-z0-9._-]{0,127}
bool IsAppId(std::string_view text);            // [a-z0-9][a-z0-9-]{0,62}
bool IsInputName(std::string_view text);        // [a-z][a-z0-9_]{0,62}
bool IsSha256Hex(std::string_view text);        // 64 lower-case hex digits
bool IsInstallerDigest(std::string_view text);  // "sha256:" and the same
bool IsNonce(std::string_view text);            // 16 bytes as 32 lower-case hex digits
// 1 to `most` bytes, none of them a control character of ASCII.
bool IsShortText(std::string_view text, std::size_t most);

}  // namespace prov::job
