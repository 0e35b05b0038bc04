// DSSE v1: signed bytes with their type (docs/formats/envelope.md). HMAC-SHA256 over the
// pre-authentication encoding of the exact payload bytes. Verify first; parse the payload
// afterwards, once. Thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "signing/keys.hpp"

namespace prov::signing {

inline constexpr std::size_t kMaxSignatures = 4;  // two generations are valid at once

struct Signature {
  std::string keyid;
  std::string sig;  // raw bytes
};

struct Envelope {
  std::string payload_type;
  std::string payload;  // raw bytes
  std::vector<Signature> signatures;
};

// A key that may sign or verify; `key` must outlive its use.
struct NamedKey {
  std::string keyid;
  const SecretKey* key = nullptr;
};

// "DSSEv1 <len> <type> <len> <payload>"
std::string PreAuthenticationEncoding(std::string_view payload_type, std::string_view payload);

// One signature for each key. kInvalidArgument without keys or with a key of zeros.
Result<Envelope> Sign(std::string_view payload_type, std::string_view payload,
                      std::span<const NamedKey> keys);
// Succeeds when the type is `payload_type` and at least one signature is by one of `keys`, chosen
// by keyid. kPermissionDenied otherwise.
Status Verify(const Envelope& envelope, std::string_view payload_type,
              std::span<const NamedKey> keys);

std::string SerializeEnvelope(const Envelope& envelope);
// Strict: exactly the three members, canonical base64, 1..4 signatures, 256 KiB; kInvalidArgument
// or kTooLarge. Nothing in the result is to be believed before Verify.
Result<Envelope> ParseEnvelope(std::string_view text);

}  // namespace prov::signing
