// One-time enrolment tokens (docs/formats/keys.md): "pe1.<uuid>.<43 characters of base64url>".
// The secret follows from SECRET_KEY and the id, so that no store holds it: the panel keeps the
// id, the agent's name, the expiry, and whether it was used. Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/uuid.hpp"
#include "signing/keys.hpp"

namespace prov::signing {

struct EnrollToken {
  Uuid id;
  SecretBytes secret;  // 32 bytes
};

// kInvalidArgument for a SECRET_KEY under 32 bytes.
Result<EnrollToken> MakeEnrollToken(std::string_view secret_key, const Uuid& id);
std::string FormatEnrollToken(const EnrollToken& token);
// kInvalidArgument; the sentence never repeats the text.
Result<EnrollToken> ParseEnrollToken(std::string_view text);
// The key of the enrolment request's MAC: HKDF-SHA256 over the token's secret, salt
// "provisioning/v1", info = "enroll" "\n" agent id "\n" token id.
Result<SecretBytes> DeriveEnrollKey(const EnrollToken& token, std::string_view agent);

}  // namespace prov::signing
