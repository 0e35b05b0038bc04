#include "signing/dsse.hpp"

#include <boost/describe.hpp>
#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "job/order.hpp"
#include "signing/mac.hpp"

namespace prov::signing {
namespace {

struct WireSignature {
  std::string keyid;
  std::string sig;
};
BOOST_DESCRIBE_STRUCT(WireSignature, (), (keyid, sig))

struct WireEnvelope {
  std::string payloadType;  // NOLINT: DSSE's spelling
  std::string payload;
  std::vector<WireSignature> signatures;
};
BOOST_DESCRIBE_STRUCT(WireEnvelope, (), (payloadType, payload, signatures))

}  // namespace

std::string PreAuthenticationEncoding(std::string_view payload_type, std::string_view payload) {
  return fmt::format("DSSEv1 {} {} {} {}", payload_type.size(), payload_type, payload.size(),
                     payload);
}

Result<Envelope> Sign(std::string_view payload_type, std::string_view payload,
                      std::span<const NamedKey> keys) {
  if (keys.empty() || keys.size() > kMaxSignatures) {
    return Error{ErrorCode::kInvalidArgument, "an envelope is signed with 1 to 4 keys", {}};
  }
  Envelope envelope{std::string(payload_type), std::string(payload), {}};
  const auto encoding = PreAuthenticationEncoding(payload_type, payload);
  for (const auto& [keyid, key] : keys) {
    if (key == nullptr || key->IsZero()) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("the key {} is empty", keyid), {}};
    }
    envelope.signatures.push_back({keyid, HmacSha256(key->bytes(), encoding)});
  }
  return envelope;
}

Status Verify(const Envelope& envelope, std::string_view payload_type,
              std::span<const NamedKey> keys) {
  if (envelope.payload_type != payload_type) {
    return Error{
        ErrorCode::kPermissionDenied,
        fmt::format("the payload type is '{}', not '{}'", envelope.payload_type, payload_type),
        {}};
  }
  const auto encoding = PreAuthenticationEncoding(payload_type, envelope.payload);
  for (const auto& [keyid, key] : keys) {
    if (key == nullptr || key->IsZero()) continue;
    const auto expected = HmacSha256(key->bytes(), encoding);
    for (const auto& signature : envelope.signatures) {
      if (signature.keyid == keyid && EqualMacs(signature.sig, expected)) return {};
    }
  }
  return Error{ErrorCode::kPermissionDenied, "no signature is by a key that is valid here", {}};
}

std::string SerializeEnvelope(const Envelope& envelope) {
  WireEnvelope wire{envelope.payload_type, Base64Encode(envelope.payload), {}};
  for (const auto& [keyid, sig] : envelope.signatures) {
    wire.signatures.push_back({keyid, Base64Encode(sig)});
  }
  return json::Write(wire);
}

Result<Envelope> ParseEnvelope(std::string_view text) {
  PROV_TRY(auto wire,
           json::Parse<WireEnvelope>(text, {.bytes = job::kMaxEnvelopeBytes, .depth = 4}));
  if (wire.signatures.empty() || wire.signatures.size() > kMaxSignatures) {
    return json::FaultsError({{"/signatures", "must hold 1 to 4 signatures"}});
  }
  const auto payload = Base64Decode(wire.payload);
  if (!payload) return json::FaultsError({{"/payload", "must be base64"}});
  Envelope envelope{std::move(wire.payloadType), *payload, {}};
  for (std::size_t i = 0; i < wire.signatures.size(); ++i) {
    const auto sig = Base64Decode(wire.signatures[i].sig);
    if (!sig || sig->size() != kMacBytes) {
      return json::FaultsError(
          {{fmt::format("/signatures/{}/sig", i), "must be base64 of 32 bytes"}});
    }
    envelope.signatures.push_back({std::move(wire.signatures[i].keyid), *sig});
  }
  return envelope;
}

}  // namespace prov::signing
