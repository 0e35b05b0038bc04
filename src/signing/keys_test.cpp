#include "signing/keys.hpp"

#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "support/vectors.hpp"

namespace prov::signing {
namespace {

TEST(Keys, DerivedKeys_AreTheVectors) {
  const auto vectors = test::Vectors("signing/keys.json");
  ASSERT_FALSE(vectors.at("keys").as_array().empty());
  for (const auto& vector : vectors.at("keys").as_array()) {
    const auto key = DeriveAgentKey(vector.at("secret_key").as_string(),
                                    *json::EnumFromName<Purpose>(vector.at("purpose").as_string()),
                                    vector.at("agent_id").as_string(),
                                    vector.at("generation").to_number<std::uint32_t>());
    ASSERT_TRUE(key) << key.error().message;
    EXPECT_EQ(HexEncode(key->view()), vector.at("key_hex").as_string()) << json::Serialize(vector);
  }
}

TEST(Keys, AShortSecretOrAMalformedAgentId_IsRefused) {
  const auto vectors = test::Vectors("signing/keys.json");
  ASSERT_FALSE(vectors.at("refused").as_array().empty());
  for (const auto& vector : vectors.at("refused").as_array()) {
    const auto key = DeriveAgentKey(vector.at("secret_key").as_string(), Purpose::kJob,
                                    vector.at("agent_id").as_string(), 1);
    ASSERT_FALSE(key) << json::Serialize(vector);
    EXPECT_EQ(key.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(key.error().message.find("00000000"), std::string::npos)
        << "an error must not hold the secret";
  }
}

TEST(Keys, GenerationZero_IsRefused) {
  EXPECT_EQ(DeriveAgentKey(std::string(32, 's'), Purpose::kJob, "agent-1", 0).error().code,
            ErrorCode::kInvalidArgument);
}

TEST(Keys, Hkdf_Rfc5869FirstCase) {
  const auto key = Hkdf(std::string(22, '\x0b'), *HexDecode("000102030405060708090a0b0c"),
                        *HexDecode("f0f1f2f3f4f5f6f7f8f9"));
  EXPECT_EQ(HexEncode(key.view()),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
}

TEST(Keys, SecretBytes_MovedFrom_HoldNothing) {
  SecretBytes first(std::string("short"));
  SecretBytes second(std::move(first));
  EXPECT_EQ(first.view(), "");
  EXPECT_EQ(second.view(), "short");
  second.Wipe();
  EXPECT_EQ(second.view(), "");
}

}  // namespace
}  // namespace prov::signing
