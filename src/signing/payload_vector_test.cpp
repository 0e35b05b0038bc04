// Orders, events and commands as they are signed, over tests/vectors/job/signed.json: what travels,
// byte for byte, made by another implementation.
#include <gtest/gtest.h>

#include "job/command.hpp"
#include "job/event.hpp"
#include "job/order.hpp"
#include "signing/dsse.hpp"
#include "signing/keys.hpp"
#include "support/vectors.hpp"

namespace prov::signing {
namespace {

Result<std::string> ReadAndWrite(std::string_view type, std::string_view payload) {
  if (type == job::kOrderPayloadType) {
    PROV_TRY(const auto order, job::ParseOrder(payload));
    return job::SerializeOrder(order);
  }
  if (type == job::kEventPayloadType) {
    PROV_TRY(const auto event, job::ParseEvent(payload));
    return job::SerializeEvent(event);
  }
  const auto kind = job::CommandTypeOf(type);
  if (!kind) return Error{ErrorCode::kInvalidArgument, "no such payload type", {}};
  PROV_TRY(const auto command, job::ParseCommand(*kind, payload));
  return job::SerializeCommand(*kind, command);
}

class SignedPayloads : public ::testing::Test {
 protected:
  SecretBytes Key(Purpose purpose) const {
    const std::string secret(vectors_.at("secret").as_string());
    const std::string agent(vectors_.at("agent").as_string());
    return DeriveAgentKey(secret, purpose, agent,
                          vectors_.at("generation").to_number<std::uint32_t>())
        .value();
  }

  const boost::json::value vectors_ = test::Vectors("job/signed.json");
};

TEST_F(SignedPayloads, EachKind_IsTheVectorByteForByte_AndUnderItsKeyAndTypeOnly) {
  const auto& cases = test::RowsAt(vectors_, "signed");
  for (const auto& vector : cases) {
    SCOPED_TRACE(vector.at("kind").as_string());
    const std::string type(vector.at("payload_type").as_string());
    const std::string payload(vector.at("payload").as_string());
    const std::string keyid(vector.at("keyid").as_string());
    const std::string envelope(vector.at("envelope").as_string());
    const bool event = type == job::kEventPayloadType;
    const auto right = Key(event ? Purpose::kEvent : Purpose::kJob);
    const auto wrong = Key(event ? Purpose::kJob : Purpose::kEvent);

    const auto again = ReadAndWrite(type, payload);
    ASSERT_TRUE(again) << again.error().ToString();
    EXPECT_EQ(*again, payload);
    EXPECT_EQ(Sign(type, payload, keyid, right.view()), envelope);
    const VerificationKey keys[] = {{keyid, right.view()}};
    EXPECT_EQ(Verify(envelope, type, keys).value(), payload);
    const VerificationKey wrong_keys[] = {{keyid, wrong.view()}};
    EXPECT_EQ(Verify(envelope, type, wrong_keys).error().code, ErrorCode::kPermissionDenied);
    for (const auto& other : cases) {
      if (other.at("payload_type") == vector.at("payload_type")) continue;
      EXPECT_FALSE(Verify(envelope, other.at("payload_type").as_string(), keys));
    }
  }
}

TEST_F(SignedPayloads, TheKeysCommand_CarriesTheBoxOfTheNextGeneration) {
  const auto& cases = test::RowsAt(vectors_, "signed");
  const auto vector = std::ranges::find_if(
      cases, [](const auto& each) { return test::TextAt(each, "kind") == "keys"; });
  ASSERT_NE(vector, cases.end());
  const auto command = job::ParseCommand(job::CommandType::kKeys, test::TextAt(*vector, "payload"));
  EXPECT_EQ(command.value().keys->sealed,
            test::TextAt(test::Vectors("signing/rotation.json"), "sealed"));
}

}  // namespace
}  // namespace prov::signing
