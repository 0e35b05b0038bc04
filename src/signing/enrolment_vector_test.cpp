// Enrolment and new keys over tests/vectors/signing/enrolment.json and rotation.json, made by
// another implementation.
#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "signing/dsse.hpp"
#include "signing/enrolment.hpp"
#include "support/vectors.hpp"

namespace prov::signing {
namespace {

using boost::json::value;
using test::ExpectRefused;
using test::RowsAt;
using test::TextAt;

SealingKeys SealingOf(const value& vectors) {
  const auto bytes = HexDecode(TextAt(vectors, "sealing_private_key_hex"));
  return SealingKeysFrom(SecretBytes(bytes.value())).value();
}

void ExpectKeysOf(const value& vectors, std::uint32_t generation, const Result<AgentKeys>& keys) {
  ASSERT_TRUE(keys) << keys.error().ToString();
  EXPECT_EQ(keys->generation, generation);
  const std::pair<Purpose, std::string_view> each[] = {{Purpose::kJob, keys->job.view()},
                                                       {Purpose::kEvent, keys->event.view()},
                                                       {Purpose::kHttp, keys->http.view()}};
  for (const auto& [purpose, key] : each) {
    const auto derived =
        DeriveAgentKey(TextAt(vectors, "secret"), purpose, TextAt(vectors, "agent"), generation);
    EXPECT_EQ(HexEncode(key), HexEncode(derived.value().view()));
  }
}

// JSON may end in blanks, so that one envelope shows the limit from both sides.
std::string EnvelopeOf(const value& row) {
  auto envelope = TextAt(row, "envelope");
  const auto* size = row.as_object().if_contains("pad_to");
  if (size != nullptr) envelope.resize(size->to_number<std::size_t>(), ' ');
  return envelope;
}

class EnrolmentVectors : public testing::Test {
 protected:
  SecretBytes Key(const std::string& token) const {
    const auto made = MakeEnrollToken(TextAt(vectors_, "secret"), Uuid::Parse(token).value());
    return DeriveEnrollKey(made.value(), TextAt(vectors_, "agent")).value();
  }
  Result<EnrolmentRequest> Verified(const value& row) const {
    return VerifyEnrolment(EnvelopeOf(row), key_.view(), ParseTime(TextAt(row, "now")).value());
  }
  // The one that the answers are to.
  EnrolmentRequest Request() const {
    return Verified(RowsAt(vectors_, "requests").front()).value();
  }

  const value vectors_ = test::Vectors("signing/enrolment.json");
  const SecretBytes key_ = Key(TextAt(vectors_, "token"));
  const SealingKeys sealing_ = SealingOf(vectors_);
};

TEST_F(EnrolmentVectors, Requests_AreTheVectorsByteForByte) {
  for (const auto& row : RowsAt(vectors_, "requests")) {
    SCOPED_TRACE(TextAt(row, "name"));
    const auto key = Key(TextAt(row, "token"));
    const auto request =
        VerifyEnrolment(EnvelopeOf(row), key.view(), ParseTime(TextAt(row, "now")).value());
    ASSERT_TRUE(request) << request.error().ToString();
    EXPECT_EQ(json::Write(*request), TextAt(row, "payload"));
    EXPECT_EQ(SignEnrolment(*request, key.view()).value(), TextAt(row, "envelope"));
    EXPECT_EQ(json::Write(ClaimedEnrolment(EnvelopeOf(row)).value()), TextAt(row, "payload"));
  }
}

TEST_F(EnrolmentVectors, EveryOtherRequest_IsRefused) {
  for (const auto& row : RowsAt(vectors_, "refused_requests")) {
    SCOPED_TRACE(TextAt(row, "name"));
    ExpectRefused(Verified(row), row);
  }
}

TEST_F(EnrolmentVectors, TheAnswer_HoldsTheKeys_AndIsTheVectorButForTheBox) {
  const auto& answer = vectors_.at("answer");
  const auto keys =
      OpenEnrolmentAnswer(TextAt(answer, "envelope"), Request(), sealing_, key_.view());
  ExpectKeysOf(vectors_, 2, keys);
  // No two boxes are the same, so what is in it is compared.
  const auto written = AnswerEnrolment(Request(), keys.value(), key_.view()).value();
  auto payload = json::ParseText(ClaimedPayload(written, written.size()).value()).value();
  const auto box = Base64Decode(TextAt(payload, "keys")).value();
  const auto opened = Unseal(sealing_, Request().token, "enrolment", box);
  EXPECT_EQ(opened.value().view(), TextAt(answer, "sealed_text"));
  const auto expected = json::ParseText(TextAt(answer, "payload")).value();
  payload.as_object()["keys"] = expected.at("keys");
  EXPECT_EQ(json::Serialize(payload), TextAt(answer, "payload"));
  EXPECT_EQ(Sign(kEnrolmentAnswerPayloadType, json::Serialize(payload),
                 "enroll/" + TextAt(vectors_, "token"), key_.view()),
            TextAt(answer, "envelope"));
}

TEST_F(EnrolmentVectors, EveryOtherAnswer_IsRefused) {
  for (const auto& row : RowsAt(vectors_, "refused_answers")) {
    SCOPED_TRACE(TextAt(row, "name"));
    ExpectRefused(OpenEnrolmentAnswer(EnvelopeOf(row), Request(), sealing_, key_.view()), row);
  }
}

TEST(RotationVectors, TheBox_HoldsTheKeys_AndWhatIsSealedHereIsTheSame) {
  const auto vectors = test::Vectors("signing/rotation.json");
  const auto sealing = SealingOf(vectors);
  const auto agent = TextAt(vectors, "agent");
  const auto keys = OpenRotatedKeys(TextAt(vectors, "sealed"), agent, sealing);
  ExpectKeysOf(vectors, vectors.at("generation").to_number<std::uint32_t>(), keys);
  const auto box = Base64Decode(SealRotatedKeys(keys.value(), agent, sealing.public_key).value());
  EXPECT_EQ(Unseal(sealing, Uuid(), "keys", box.value()).value().view(),
            TextAt(vectors, "sealed_text"));
}

TEST(RotationVectors, EveryOtherBox_IsRefused) {
  const auto vectors = test::Vectors("signing/rotation.json");
  for (const auto& row : RowsAt(vectors, "refused")) {
    SCOPED_TRACE(TextAt(row, "name"));
    const auto keys =
        OpenRotatedKeys(TextAt(row, "sealed"), TextAt(vectors, "agent"), SealingOf(vectors));
    ExpectRefused(keys, row);
  }
}

}  // namespace
}  // namespace prov::signing
