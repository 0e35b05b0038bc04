#include "signing/sealed.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "base/files.hpp"
#include "base/json.hpp"

namespace prov::signing {
namespace {

using testing::HasSubstr;

Uuid JobId(std::uint64_t seed) {
  FakeClock clock;
  FakeRandom random(seed);
  return Uuid::MakeV7(clock, random);
}

TEST(Sealed, AValue_OpensForItsJobAndInputOnly) {
  const auto keys = MakeSealingKeys();
  const std::string value("s3cret\0 é", 10);
  const auto sealed = *Seal(keys.public_key, JobId(1), "password", value);
  EXPECT_EQ(Unseal(keys, JobId(1), "password", sealed)->view(), value);
  EXPECT_THAT(Unseal(keys, JobId(2), "password", sealed).error().message, HasSubstr("another job"));
  EXPECT_THAT(Unseal(keys, JobId(1), "passwor", sealed).error().message,
              HasSubstr("another input"));
  EXPECT_THAT(Unseal(MakeSealingKeys(), JobId(1), "password", sealed).error().message,
              HasSubstr("this server's key"));
}

TEST(Sealed, TheSameValue_IsSealedDifferentlyEachTime) {
  const auto keys = MakeSealingKeys();
  EXPECT_NE(*Seal(keys.public_key, JobId(1), "a", "same"),
            *Seal(keys.public_key, JobId(1), "a", "same"));
}

TEST(Sealed, EveryByteFlippedOrCutOff_DoesNotOpen) {
  const auto keys = MakeSealingKeys();
  const auto sealed = *Seal(keys.public_key, JobId(1), "a", "value");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    auto flipped = sealed;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    EXPECT_FALSE(Unseal(keys, JobId(1), "a", flipped)) << i;
    EXPECT_FALSE(Unseal(keys, JobId(1), "a", sealed.substr(0, i))) << i;
  }
}

TEST(Sealed, TheVector_SealedByAnotherImplementation_Opens) {
  const auto text = ReadFile(PROV_SOURCE_DIR "/tests/vectors/signing/sealed.json", 1 << 20);
  const auto vectors = json::ParseText(*text)->at("sealed").as_array();
  ASSERT_FALSE(vectors.empty());
  for (const auto& vector : vectors) {
    const auto keys =
        *SealingKeysFrom(SecretBytes(*HexDecode(vector.at("private_key_hex").as_string())));
    EXPECT_EQ(HexEncode(keys.public_key), vector.at("public_key_hex").as_string());
    const auto value =
        Unseal(keys, *Uuid::Parse(vector.at("job_id").as_string()), vector.at("input").as_string(),
               *Base64Decode(vector.at("sealed").as_string()));
    ASSERT_TRUE(value) << value.error().message;
    EXPECT_EQ(value->view(), vector.at("value").as_string());
  }
}

TEST(Sealed, KeysOfTheWrongSize_AreRefused) {
  EXPECT_FALSE(Seal("short", JobId(1), "a", "b"));
  EXPECT_FALSE(SealingKeysFrom(SecretBytes(std::string(31, 'x'))));
}

}  // namespace
}  // namespace prov::signing
