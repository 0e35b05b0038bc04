#include "signing/http_signature.hpp"

#include <gtest/gtest.h>

#include "base/files.hpp"
#include "base/json.hpp"
#include "signing/keys.hpp"

namespace prov::signing {
namespace {

struct Case {
  std::string method = "POST";
  std::string target;
  std::string body;
  HttpSignature signature;
  HttpRequestParts Parts() const { return {method, target, body}; }
};

std::vector<Case> Vectors() {
  const auto text = ReadFile(PROV_SOURCE_DIR "/tests/vectors/signing/http.json", 1 << 16);
  const auto rows = json::ParseText(text.value()).value();
  std::vector<Case> cases;
  for (const auto& row : rows.as_array()) {
    const auto at = [&](const char* member) { return std::string(row.at(member).as_string()); };
    cases.push_back({"POST",
                     at("target"),
                     at("body"),
                     {at("content_digest"), at("signature_input"), at("signature")}});
  }
  return cases;
}

SecretBytes Key(Purpose purpose, std::uint32_t generation = 1) {
  return DeriveAgentKey("correct horse battery staple, thirty-two bytes and more", purpose,
                        "agent-web1", generation)
      .value();
}

constexpr WallTime kSigned{Seconds{1'800'000'000}};

class Signature : public testing::Test {
 protected:
  bool Refused(const Case& given, std::string_view key, WallTime now = kSigned) const {
    const auto verified = VerifyHttp(given.Parts(), given.signature, key, now);
    return verified.has_error() && verified.error().code == ErrorCode::kUnauthenticated;
  }
  const Case good_ = Vectors().front();
  const SecretBytes key_ = Key(Purpose::kHttp);
};

TEST_F(Signature, Signatures_AreTheVectors) {
  ASSERT_EQ(Vectors().size(), 2U);
  for (const auto& given : Vectors()) {
    const auto parameters = ParseHttpSignature(given.signature.signature_input);
    ASSERT_TRUE(parameters);
    const auto made = SignHttp(given.Parts(), *parameters, key_.view());
    EXPECT_EQ(made.content_digest, given.signature.content_digest);
    EXPECT_EQ(made.signature_input, given.signature.signature_input);
    EXPECT_EQ(made.signature, given.signature.signature);
    EXPECT_TRUE(VerifyHttp(given.Parts(), given.signature, key_.view(), kSigned));
  }
}

TEST_F(Signature, IsValidFor60Seconds_OnEitherSide) {
  EXPECT_FALSE(Refused(good_, key_.view(), kSigned + Seconds{60}));
  EXPECT_TRUE(Refused(good_, key_.view(), kSigned + Seconds{61}));
  EXPECT_FALSE(Refused(good_, key_.view(), kSigned - Seconds{60}));
  EXPECT_TRUE(Refused(good_, key_.view(), kSigned - Seconds{61}));
}

TEST_F(Signature, AnotherKeyOrRequest_IsRefused) {
  EXPECT_TRUE(Refused(good_, Key(Purpose::kEvent).view()));
  EXPECT_TRUE(Refused(good_, Key(Purpose::kHttp, 2).view()));
  EXPECT_TRUE(Refused(good_, ""));
  auto other = good_;
  other.method = "GET";
  EXPECT_TRUE(Refused(other, key_.view()));
  (other = good_).target += "&y=1";
  EXPECT_TRUE(Refused(other, key_.view()));
  (other = good_).body += " ";
  EXPECT_TRUE(Refused(other, key_.view()));
}

TEST_F(Signature, EveryBitFlipped_OfEveryField_IsRefused) {
  for (auto member : {&HttpSignature::content_digest, &HttpSignature::signature_input,
                      &HttpSignature::signature}) {
    for (std::size_t i = 0; i < (good_.signature.*member).size() * 8; ++i) {
      auto other = good_;
      auto& byte = (other.signature.*member)[i / 8];
      byte = static_cast<char>(byte ^ (1 << (i % 8)));
      EXPECT_TRUE(Refused(other, key_.view())) << "bit " << i;
    }
  }
}

TEST_F(Signature, AKeyId_HasOneSpelling) {
  const auto name = ParseHttpKeyId("http/agent-web1/12");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->agent, "agent-web1");
  EXPECT_EQ(name->generation, 12U);
  for (const auto* wrong :
       {"", "http", "http/a", "http/a/", "http/a/01", "http/a/0", "http/a/+1", "http/a/1 ",
        "job/a/1", "http//1", "http/a/b/1", "http/a/99999999999999999999"}) {
    EXPECT_FALSE(ParseHttpKeyId(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace prov::signing
