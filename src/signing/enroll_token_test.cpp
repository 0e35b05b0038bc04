#include "signing/enroll_token.hpp"

#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "base/files.hpp"
#include "base/json.hpp"

namespace prov::signing {
namespace {

class Enrolment : public testing::Test {
 protected:
  std::string Text(const char* member) const { return std::string(vector_.at(member).as_string()); }
  const boost::json::value vector_ =
      json::ParseText(
          ReadFile(PROV_SOURCE_DIR "/tests/vectors/signing/enroll.json", 1 << 16).value())
          .value();
};

TEST_F(Enrolment, TokenAndKey_AreTheVectors) {
  const auto id = Uuid::Parse(Text("id")).value();
  EXPECT_EQ(FormatEnrollToken(MakeEnrollToken(Text("secret"), id).value()), Text("token"));
  const auto read = ParseEnrollToken(Text("token"));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->id, id);
  EXPECT_EQ(HexEncode(DeriveEnrollKey(*read, Text("agent")).value().view()), Text("key"));
}

TEST_F(Enrolment, TheKey_IsForOneAgentOnly) {
  const auto read = ParseEnrollToken(Text("token")).value();
  EXPECT_NE(HexEncode(DeriveEnrollKey(read, "agent-web2").value().view()), Text("key"));
  EXPECT_FALSE(DeriveEnrollKey(read, "a\nb"));
}

TEST_F(Enrolment, AnyOtherSpelling_IsRefused) {
  const auto token = Text("token");
  auto upper = token;
  upper[upper.find("01935a3c") + 5] = 'A';
  for (const auto& wrong : {std::string(), token + "x", token.substr(1), "pe2" + token.substr(3),
                            token.substr(0, token.size() - 1) + "=", upper}) {
    EXPECT_FALSE(ParseEnrollToken(wrong)) << wrong;
  }
  EXPECT_FALSE(MakeEnrollToken(std::string(31, 's'), Uuid()));
}

}  // namespace
}  // namespace prov::signing
