// DSSE envelopes, from any bytes (docs/formats/envelope.md): only what a valid key signed is taken,
// and exactly that.
#include "base/encoding.hpp"
#include "fuzz/fuzz.hpp"
#include "signing/dsse.hpp"

namespace prov::fuzz {
namespace {

constexpr std::string_view kType = "application/vnd.provisioning.job.v1+json";
constexpr std::string_view kKeyId = "job-1";

const std::string& Key() {  // of tests/vectors/signing/dsse.json
  static const auto key =
      HexDecode("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f").value();
  return key;
}

Result<std::string> Verify(std::string_view envelope, std::string_view type = kType) {
  const signing::VerificationKey keys[] = {{"job-0", "another key of the agent's, of 32 bytes."},
                                           {kKeyId, Key()}};
  return signing::Verify(envelope, type, keys);
}

void CheckSigned(std::string_view payload) {
  const auto envelope = signing::Sign(kType, payload, kKeyId, Key());
  if (envelope.size() > job::kMaxEnvelopeBytes) return;
  const auto verified = Verify(envelope);
  Require(verified && *verified == payload, "what was signed is verified");
  Require(!Verify(envelope, "application/vnd.provisioning.event.v1+json"),
          "one type is not another");
  const signing::VerificationKey other[] = {{kKeyId, "another key under this name, of 32 bytes"}};
  Require(!signing::Verify(envelope, kType, other), "another key has not signed it");
}

}  // namespace

void FuzzEnvelope(std::string_view bytes) {
  const auto claimed = signing::ClaimedPayload(bytes, job::kMaxEnvelopeBytes);
  if (const auto verified = Verify(bytes)) {
    Require(claimed && *claimed == *verified, "what is verified is what is claimed");
    CheckSigned(*verified);
  } else if (verified.error().code == ErrorCode::kInvalidArgument) {
    Require(!verified.error().message.empty(), "a refusal says why");
  } else {
    Require(verified.error().code == ErrorCode::kPermissionDenied ||
                verified.error().code == ErrorCode::kTooLarge,
            "an envelope is malformed, too large, or signed by nobody");
  }
  CheckSigned(bytes);
}

}  // namespace prov::fuzz
