#include "signing/sealed.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "support/vectors.hpp"

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

class SealedVectors : public testing::Test {
 protected:
  Result<SecretBytes> Opened(const boost::json::value& row) const {
    return Unseal(keys_, *Uuid::Parse(test::TextAt(vectors_, "job_id")), test::TextAt(row, "input"),
                  *Base64Decode(test::TextAt(row, "sealed")));
  }
  const boost::json::value vectors_ = test::Vectors("signing/sealed.json");
  const SealingKeys keys_ =
      *SealingKeysFrom(SecretBytes(*HexDecode(test::TextAt(vectors_, "private_key_hex"))));
};

TEST_F(SealedVectors, ABoxOfAnotherImplementation_Opens) {
  EXPECT_EQ(HexEncode(keys_.public_key), test::TextAt(vectors_, "public_key_hex"));
  for (const auto& row : test::RowsAt(vectors_, "sealed")) {
    const auto value = Opened(row);
    ASSERT_TRUE(value) << value.error().message;
    EXPECT_EQ(value->view(), test::TextAt(row, "value"));
  }
}

TEST_F(SealedVectors, ABoxOfAnotherForm_DoesNotOpen) {
  for (const auto& row : test::RowsAt(vectors_, "refused")) {
    SCOPED_TRACE(test::TextAt(row, "name"));
    test::ExpectRefused(Opened(row), row);
  }
}

TEST(Sealed, KeysOfTheWrongSize_AreRefused) {
  EXPECT_FALSE(Seal("short", JobId(1), "a", "b"));
  EXPECT_FALSE(SealingKeysFrom(SecretBytes(std::string(31, 'x'))));
}

}  // namespace
}  // namespace prov::signing
