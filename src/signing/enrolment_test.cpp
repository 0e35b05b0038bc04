#include "signing/enrolment.hpp"

#include <gtest/gtest.h>

#include "base/encoding.hpp"

namespace prov::signing {
namespace {

class EnrolmentMessages : public ::testing::Test {
 public:
  SecretBytes KeyFor(const std::string& agent) { return *DeriveEnrollKey(token_, agent); }

  FakeClock clock_;
  FakeRandom random_;
  EnrollToken token_ = *MakeEnrollToken(std::string(32, 's'), Uuid::MakeV7(clock_, random_));
  SealingKeys sealing_ = MakeSealingKeys();
  SecretBytes key_ = KeyFor("agent-1");
  EnrolmentRequest request_{token_.id,
                            "agent-1",
                            Uuid::MakeV7(clock_, random_),
                            Base64Encode(sealing_.public_key),
                            {{"cpus", 2}},
                            std::string(32, 'a'),
                            clock_.Now()};
  AgentKeys keys_{3, SecretBytes(std::string(32, 'j')), SecretBytes(std::string(32, 'e')),
                  SecretBytes(std::string(32, 'h'))};
};

TEST_F(EnrolmentMessages, RequestAndAnswer_ComeThrough) {
  const auto sent = SignEnrolment(request_, key_.view());
  ASSERT_TRUE(sent) << sent.error().ToString();
  const auto read = VerifyEnrolment(*sent, key_.view(), clock_.Now());
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(read->agent, "agent-1");
  EXPECT_EQ(read->facts, request_.facts);
  const auto answer = AnswerEnrolment(*read, keys_, key_.view());
  ASSERT_TRUE(answer);
  const auto opened = OpenEnrolmentAnswer(*answer, request_, sealing_, key_.view());
  ASSERT_TRUE(opened) << opened.error().ToString();
  EXPECT_EQ(opened->generation, 3U);
  EXPECT_EQ(opened->job.view(), keys_.job.view());
  EXPECT_EQ(opened->event.view(), keys_.event.view());
  EXPECT_EQ(opened->http.view(), keys_.http.view());
}

TEST_F(EnrolmentMessages, NeitherTokenNorKeys_AreInWhatTravels) {
  const auto sent = *SignEnrolment(request_, key_.view());
  const auto answer = *AnswerEnrolment(request_, keys_, key_.view());
  for (const auto& secret : {std::string(token_.secret.view()), std::string(32, 'j')}) {
    for (const auto& text : {sent, answer}) {
      EXPECT_EQ(text.find(secret), std::string::npos);
      EXPECT_EQ(text.find(Base64Encode(secret)), std::string::npos);
    }
  }
}

TEST_F(EnrolmentMessages, EveryFlippedByteOfTheRequest_IsRefused) {
  const auto sent = *SignEnrolment(request_, key_.view());
  for (std::size_t i = 0; i < sent.size(); ++i) {
    auto flipped = sent;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    EXPECT_FALSE(VerifyEnrolment(flipped, key_.view(), clock_.Now())) << i;
  }
}

TEST_F(EnrolmentMessages, AnotherKeyAgentOrTime_IsRefused) {
  const auto sent = *SignEnrolment(request_, key_.view());
  const auto other = KeyFor("agent-2");
  EXPECT_EQ(VerifyEnrolment(sent, other.view(), clock_.Now()).error().code,
            ErrorCode::kPermissionDenied);
  EXPECT_FALSE(VerifyEnrolment(sent, key_.view(), clock_.Now() + Seconds{301}));
  EXPECT_FALSE(VerifyEnrolment(sent, key_.view(), clock_.Now() - Seconds{301}));
  request_.agent = "-";
  EXPECT_FALSE(SignEnrolment(request_, key_.view()));
}

TEST_F(EnrolmentMessages, AnAnswerToAnotherRequestOrSealedToAnother_IsRefused) {
  const auto answer = *AnswerEnrolment(request_, keys_, key_.view());
  auto other = request_;
  other.nonce = std::string(32, 'b');
  EXPECT_FALSE(OpenEnrolmentAnswer(answer, other, sealing_, key_.view()));
  EXPECT_FALSE(OpenEnrolmentAnswer(answer, request_, MakeSealingKeys(), key_.view()));
  EXPECT_FALSE(OpenEnrolmentAnswer(answer, request_, sealing_, KeyFor("agent-2").view()));
}

}  // namespace
}  // namespace prov::signing
