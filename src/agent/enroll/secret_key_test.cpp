#include "agent/enroll/secret_key.hpp"

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temporary_directory.hpp"

namespace prov::agent {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SecretKey : public ::testing::Test {
 protected:
  std::vector<std::string> Forget(const std::string& text,
                                  const std::map<std::string, std::string>& environment = {}) {
    EXPECT_TRUE(WriteFileAtomically(file_, text, 0600));
    return ForgetSecretKey(file_, environment);
  }
  std::string Text() const { return *ReadFile(file_, 4096); }

  test::TemporaryDirectory directory_;
  Path file_ = directory_.path() / "agent.yml";
};

TEST_F(SecretKey, IsTakenOutOfTheConfigurationFileAndNothingElseIs) {
  const auto said =
      Forget("# mine\nagent_id: a\nsecret_key: \"0123\"\n\nsecret_keys: no\nlog_level: debug");
  EXPECT_EQ(Text(), "# mine\nagent_id: a\n\nsecret_keys: no\nlog_level: debug");
  EXPECT_THAT(said, Contains(HasSubstr("taken out of " + file_.string())));
  EXPECT_THAT(said, Contains(HasSubstr("enrol all again")));
  struct stat status{};
  ASSERT_EQ(stat(file_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(SecretKey, ThatIsNowhere_IsNotSpokenOf) {
  EXPECT_THAT(Forget("agent_id: a\n"), IsEmpty());
  EXPECT_THAT(ForgetSecretKey("", {}), IsEmpty());
}

TEST_F(SecretKey, OfSeveralLines_IsLeftAndSaidWhere) {
  const std::string text = "secret_key: |\n  0123\nagent_id: a\n";
  EXPECT_THAT(Forget(text), Contains(HasSubstr("still stands in " + file_.string())));
  EXPECT_EQ(Text(), text);
}

TEST_F(SecretKey, InTheEnvironment_IsSaidWhere) {
  const auto said = Forget("", {{"SECRET_KEY", "0123"}, {"SECRET_KEY_FILE", "/etc/secret"}});
  EXPECT_THAT(said, Contains(HasSubstr("variable SECRET_KEY;")));
  EXPECT_THAT(said, Contains(HasSubstr("/etc/secret")));
}

}  // namespace
}  // namespace prov::agent
