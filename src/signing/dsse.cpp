#include "signing/dsse.hpp"

#include <boost/describe.hpp>
#include <fmt/format.h>
#include <openssl/evp.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "signing/keys.hpp"

namespace prov::signing {
namespace {

struct Signature {
  std::string keyid;
  std::string sig;
};
BOOST_DESCRIBE_STRUCT(Signature, (), (keyid, sig))

struct Envelope {
  std::string payloadType;  // DSSE's spelling
  std::string payload;
  std::vector<Signature> signatures;
};
BOOST_DESCRIBE_STRUCT(Envelope, (), (payloadType, payload, signatures))

constexpr std::size_t kMostSignatures = 4;

// EVP_EncodeBlock's time depends on the bytes, where Base64Encode's does not; what is signed is no
// secret, and large.
std::string EncodePayload(std::string_view payload) {
  std::string text((payload.size() + 2) / 3 * 4 + 1, '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                  reinterpret_cast<const unsigned char*>(payload.data()),
                  static_cast<int>(payload.size()));
  text.pop_back();  // the terminating NUL
  return text;
}

bool Signed(const Envelope& envelope, std::string_view encoded, const VerificationKey& key) {
  const std::string expected = Mac(key.key, encoded);
  for (const auto& signature : envelope.signatures) {
    const auto given = Base64Decode(signature.sig);
    if (signature.keyid == key.keyid && given && EqualInConstantTime(*given, expected)) return true;
  }
  return false;
}

}  // namespace

std::string PreAuthenticationEncoding(std::string_view payload_type, std::string_view payload) {
  return fmt::format("DSSEv1 {} {} {} {}", payload_type.size(), payload_type, payload.size(),
                     payload);
}

std::string Sign(std::string_view payload_type, std::string_view payload, std::string_view keyid,
                 std::string_view key) {
  const std::string mac = Mac(key, PreAuthenticationEncoding(payload_type, payload));
  return json::Write(Envelope{std::string(payload_type),
                              EncodePayload(payload),
                              {Signature{std::string(keyid), Base64Encode(mac)}}});
}

Result<std::string> Verify(std::string_view envelope, std::string_view payload_type,
                           std::span<const VerificationKey> keys, std::size_t limit) {
  PROV_TRY(const auto parsed, json::Parse<Envelope>(envelope, {.bytes = limit, .depth = 4}));
  if (parsed.payloadType != payload_type) {
    return Error{
        ErrorCode::kInvalidArgument, fmt::format("/payloadType: must be `{}`", payload_type), {}};
  }
  if (parsed.signatures.empty() || parsed.signatures.size() > kMostSignatures) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("/signatures: there must be 1 to {}", kMostSignatures),
                 {}};
  }
  auto payload = Base64Decode(parsed.payload);
  if (!payload)
    return Error{ErrorCode::kInvalidArgument, "/payload: " + payload.error().message, {}};
  const std::string encoded = PreAuthenticationEncoding(parsed.payloadType, *payload);
  for (const auto& key : keys) {
    if (Signed(parsed, encoded, key)) return payload;
  }
  return Error{
      ErrorCode::kPermissionDenied, "no key that is valid here has signed this envelope", {}};
}

Result<std::string> ClaimedPayload(std::string_view envelope, std::size_t limit) {
  PROV_TRY(const auto parsed, json::Parse<Envelope>(envelope, {.bytes = limit, .depth = 4}));
  return Base64Decode(parsed.payload);
}

}  // namespace prov::signing
