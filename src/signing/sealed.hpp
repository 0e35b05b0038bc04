// Sealed inputs: a libsodium sealed box to the agent's X25519 key, over length-prefixed version,
// job, name and value, so that a box opens only for the job and input it was made for
// (docs/formats/envelope.md). Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/random.hpp"
#include "base/result.hpp"
#include "base/uuid.hpp"
#include "signing/keys.hpp"

namespace prov::signing {

struct SealingKeyPair {
  std::string public_key;  // 32 bytes
  SecretKey private_key;
};

SealingKeyPair MakeSealingKeyPair(Random& random);

// What is sealed: for each of "provisioning/sealed/v1", the job's id, the name and the value a
// 32-bit big-endian length and the bytes.
std::string SealedText(const Uuid& job, std::string_view name, std::string_view value);

// The box's bytes. kInvalidArgument for a public key that is none.
Result<std::string> Seal(std::string_view public_key, const Uuid& job, std::string_view name,
                         std::string_view value);
// kPermissionDenied when the box is not for this key, this job and this name, or was altered.
Result<std::string> Unseal(const SealingKeyPair& keys, const Uuid& job, std::string_view name,
                           std::string_view box);

}  // namespace prov::signing
