// DSSE envelopes (Dead Simple Signing Envelope, v1): {payloadType, payload, signatures: [{keyid,
// sig}]}, HMAC-SHA256 over the pre-authentication encoding of the exact payload bytes.
// docs/formats/envelope.md; vectors in tests/vectors/signing/dsse.json. Verify first, then parse
// the payload once. Thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "job/order.hpp"

namespace prov::signing {

// What an envelope is verified with. Two generations may be valid at once.
struct VerificationKey {
  std::string_view keyid;
  std::string_view key;
};

// "DSSEv1 " len(type) " " type " " len(payload) " " payload
std::string PreAuthenticationEncoding(std::string_view payload_type, std::string_view payload);

// The envelope as JSON. The same arguments always give the same bytes.
std::string Sign(std::string_view payload_type, std::string_view payload, std::string_view keyid,
                 std::string_view key);

// The payload's bytes. Refused: what is not strictly the envelope's form (kInvalidArgument), more
// than `limit` bytes (kTooLarge), another payload type than `payload_type` (kInvalidArgument), and
// what no key given here has signed (kPermissionDenied).
Result<std::string> Verify(std::string_view envelope, std::string_view payload_type,
                           std::span<const VerificationKey> keys,
                           std::size_t limit = job::kMaxEnvelopeBytes);

// The payload an envelope claims, whoever signed it: for what is trusted for where it was kept, and
// to find the key for what is verified next.
Result<std::string> ClaimedPayload(std::string_view envelope, std::size_t limit);

}  // namespace prov::signing
