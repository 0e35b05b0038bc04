// Sensitive inputs on their way: libsodium sealed boxes to the agent's X25519 key. What is sealed
// names the job and the input it is for, so that a box moved to another job or input does not open.
// docs/formats/envelope.md. Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/uuid.hpp"
#include "signing/keys.hpp"

namespace prov::signing {

struct SealingKeys {
  std::string public_key;   // 32 bytes
  SecretBytes private_key;  // 32 bytes
};

SealingKeys MakeSealingKeys();
// The keys of a stored private key; kInvalidArgument unless it has 32 bytes.
Result<SealingKeys> SealingKeysFrom(SecretBytes private_key);

// A sealed box over the length-prefixed fields: version "1", job id, input name, value (each a
// 32-bit big-endian length and the bytes). Different at every call. kInvalidArgument for a public
// key that is none.
Result<std::string> Seal(std::string_view public_key, const Uuid& job, std::string_view input,
                         std::string_view value);

// kPermissionDenied when it was sealed to another key, or for another job or input.
Result<SecretBytes> Unseal(const SealingKeys& keys, const Uuid& job, std::string_view input,
                           std::string_view sealed);

}  // namespace prov::signing
