#include "signing/dsse.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "base/files.hpp"
#include "base/json.hpp"

namespace prov::signing {
namespace {

using testing::HasSubstr;

const std::string kKey(32, 'k');
const std::string kPayload = R"({"job":"x"})";

Result<std::string> VerifyWith(std::string_view envelope, std::string_view key = kKey) {
  const VerificationKey keys[] = {{"job-1", key}};
  return Verify(envelope, job::kOrderPayloadType, keys);
}

TEST(Dsse, Envelopes_AreTheVectors) {
  const auto text = ReadFile(PROV_SOURCE_DIR "/tests/vectors/signing/dsse.json", 1 << 20);
  const auto vectors = json::ParseText(*text)->at("envelopes").as_array();
  ASSERT_FALSE(vectors.empty());
  for (const auto& vector : vectors) {
    const std::string_view type = vector.at("payload_type").as_string(),
                           payload = vector.at("payload").as_string();
    const auto key = *HexDecode(vector.at("key_hex").as_string());
    EXPECT_EQ(HexEncode(PreAuthenticationEncoding(type, payload)),
              vector.at("pae_hex").as_string());
    EXPECT_EQ(Sign(type, payload, vector.at("keyid").as_string(), key),
              vector.at("envelope").as_string());
    const VerificationKey keys[] = {{vector.at("keyid").as_string(), key}};
    EXPECT_EQ(*Verify(vector.at("envelope").as_string(), type, keys), payload);
  }
}

TEST(Dsse, EveryByteFlipped_NeverYieldsAnotherPayload) {
  const std::string envelope = Sign(job::kOrderPayloadType, kPayload, "job-1", kKey);
  int refused = 0;
  for (std::size_t i = 0; i < envelope.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = envelope;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
      const auto payload = VerifyWith(flipped);
      EXPECT_FALSE(payload) << flipped;
      refused += !payload;
    }
  }
  EXPECT_EQ(refused, static_cast<int>(envelope.size() * 8));
}

TEST(Dsse, HostileEnvelopes_AreRefusedWithTheReason) {
  const std::string good = Sign(job::kOrderPayloadType, kPayload, "job-1", kKey);
  const auto replaced = [&](std::string_view from, std::string_view to) {
    std::string text = good;
    return text.replace(text.find(from), from.size(), to);
  };
  const std::pair<std::string, std::string> refusals[] = {
      {"", "not valid JSON"},
      {"[]", "must be an object"},
      {"{}", "/payload: is missing"},
      {replaced("{\"payloadType\"", "{\"extra\":1,\"payloadType\""),
       "/extra: is not a known member"},
      {replaced("{\"payloadType\"", "{\"payload\":\"\",\"payloadType\""),
       "`payload` is given twice"},
      {replaced("job.v1", "cancel.v1"), "/payloadType: must be"},
      {replaced("job-1", "job-2"), "no key that is valid here"},
      {Sign(job::kOrderPayloadType, kPayload, "job-1", std::string(32, 'x')),
       "no key that is valid here"},
      {R"({"payloadType":"application/vnd.provisioning.job.v1+json","payload":"","signatures":[]})",
       "/signatures"},
      {good + " {}", "not valid JSON"}};
  for (const auto& [envelope, reason] : refusals) {
    const auto payload = VerifyWith(envelope);
    ASSERT_FALSE(payload) << envelope;
    EXPECT_THAT(payload.error().message, HasSubstr(reason)) << envelope;
  }
}

TEST(Dsse, AnEnvelopeOverTheLimit_IsTooLarge) {
  const auto envelope =
      Sign(job::kOrderPayloadType, std::string(job::kMaxEnvelopeBytes, 'x'), "job-1", kKey);
  EXPECT_EQ(VerifyWith(envelope).error().code, ErrorCode::kTooLarge);
}

TEST(Dsse, TwoGenerations_AreValidAtOnce) {
  const std::string older(32, 'o');
  const VerificationKey keys[] = {{"job-2", kKey}, {"job-1", older}};
  EXPECT_TRUE(
      Verify(Sign(job::kOrderPayloadType, kPayload, "job-1", older), job::kOrderPayloadType, keys));
  EXPECT_TRUE(
      Verify(Sign(job::kOrderPayloadType, kPayload, "job-2", kKey), job::kOrderPayloadType, keys));
  EXPECT_FALSE(
      Verify(Sign(job::kOrderPayloadType, kPayload, "job-2", older), job::kOrderPayloadType, keys));
}

}  // namespace
}  // namespace prov::signing
