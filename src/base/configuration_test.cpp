#include "base/configuration.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temporary_directory.hpp"

namespace prov {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::vector<Setting> kSettings = {
    {"panel_listen", "where to listen", "127.0.0.1:5000"},
    {"secret_key", "the secret", std::nullopt, true},
    {"allow_apps", "which apps", "", false, true},
    {"max_jobs", "how many", "1"},
    {"verbose", "", "false"},
};

class ConfigurationTest : public ::testing::Test {
 public:
  Path Write(std::string_view name, std::string_view text, mode_t mode = 0644) {
    const auto path = directory_.path() / name;
    EXPECT_TRUE(WriteFileAtomically(path, text, mode));
    return path;
  }
  static Result<Configuration> Load(const Path& file,
                                    const std::map<std::string, std::string>& environment = {},
                                    const std::map<std::string, std::string>& flags = {}) {
    return Configuration::Load(kSettings, file, environment, flags);
  }

 private:
  test::TemporaryDirectory directory_;
};

TEST_F(ConfigurationTest, FileThenEnvironmentThenFlags_TheLaterWins) {
  const auto file = Write("c.yml", "panel_listen: 0.0.0.0:1\nmax_jobs: 2\nverbose: true\n");
  const auto loaded = Load(file, {{"MAX_JOBS", "3"}, {"VERBOSE", "false"}}, {{"max_jobs", "4"}});
  ASSERT_TRUE(loaded) << loaded.error().ToString();
  EXPECT_EQ(loaded->Text("panel_listen"), "0.0.0.0:1");
  EXPECT_EQ(*loaded->Number("max_jobs", 1, 64), 4U);
  EXPECT_FALSE(*loaded->Boolean("verbose"));
  EXPECT_EQ(loaded->Find("secret_key"), std::nullopt);
}

TEST_F(ConfigurationTest, AFileWithASecret_IsItsOwnersOrRootsAndOneGroups) {
  for (const mode_t mode : {0600, 0400, 0640, 0440, 0660, 0644, 0604, 0620}) {
    const auto file = Write("c.yml", "secret_key: abc\n", mode);
    const bool safe = (mode & 0077) == 0 || (geteuid() == 0 && (mode & 0037) == 0);
    EXPECT_EQ(Load(file).has_value(), safe) << std::oct << mode;
  }
}

TEST_F(ConfigurationTest, SecretFromAFile_LosesItsLastNewlineAndIsHidden) {
  const auto secret = Write("secret", "s3cret-value\n", 0600);
  const auto loaded = Load({}, {{"SECRET_KEY_FILE", secret.string()}});
  ASSERT_TRUE(loaded) << loaded.error().ToString();
  EXPECT_EQ(loaded->Text("secret_key"), "s3cret-value");
  EXPECT_THAT(loaded->Describe(), Not(HasSubstr("s3cret-value")));
  EXPECT_THAT(loaded->Describe(), HasSubstr("secret_key: \"(hidden)\""));
  EXPECT_THAT(loaded->Describe(), HasSubstr("panel_listen: \"127.0.0.1:5000\"  # default"));
}

TEST_F(ConfigurationTest, ListsAreSequencesInTheFileAndCommasElsewhere) {
  const auto file = Write("c.yml", "allow_apps:\n  - nginx\n  - redis\n");
  EXPECT_THAT(Load(file)->List("allow_apps"), ElementsAre("nginx", "redis"));
  EXPECT_THAT(Load(file, {{"ALLOW_APPS", "hello, nginx"}})->List("allow_apps"),
              ElementsAre("hello", "nginx"));
  EXPECT_THAT(Load({})->List("allow_apps"), ElementsAre());
}

struct Refusal {
  std::string name;
  std::string file;
  std::map<std::string, std::string> environment;
  std::map<std::string, std::string> flags;
  std::string sentence;
};

class ConfigurationRefusals : public ConfigurationTest,
                              public ::testing::WithParamInterface<Refusal> {};

TEST_P(ConfigurationRefusals, NameThePlaceAndWhatIsRight) {
  const auto& refusal = GetParam();
  const auto path = refusal.file.empty() ? Path() : Write("c.yml", refusal.file);
  const auto loaded = Load(path, refusal.environment, refusal.flags);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(loaded.error().message, HasSubstr(refusal.sentence));
}

INSTANTIATE_TEST_SUITE_P(
    Configuration, ConfigurationRefusals,
    ::testing::Values(
        Refusal{"UnknownKey",
                "max_jobs: 1\npanel_lisen: x\n",
                {},
                {},
                "c.yml:2:1: unknown setting `panel_lisen`"},
        Refusal{"NotAMapping", "- a\n", {}, {}, "c.yml:1:1: must be a mapping"},
        Refusal{"ListForAText", "max_jobs: [1]\n", {}, {}, "max_jobs: must be a single value"},
        Refusal{"CommaInAnItem", "allow_apps: ['a,b']\n", {}, {}, "without a comma"},
        Refusal{"ReadableSecret", "secret_key: abc\n", {}, {}, "chmod 600"},
        Refusal{"BothForms", "", {{"SECRET_KEY", "a"}, {"SECRET_KEY_FILE", "/b"}}, {}, "both set"},
        Refusal{
            "NoSecretFile", "", {{"SECRET_KEY_FILE", "/nowhere/at/all"}}, {}, "SECRET_KEY_FILE: "},
        Refusal{"UnknownFlag", "", {}, {{"no_such", "1"}}, "unknown flag --no-such"},
        Refusal{"SecretFlag", "", {}, {{"secret_key", "1"}}, "SECRET_KEY_FILE"}),
    [](const auto& parameter) { return parameter.param.name; });

TEST_F(ConfigurationTest, EveryFaultIsToldAtOnce) {
  const auto loaded = Load(Write("c.yml", "a: 1\nb: 2\n"), {}, {{"c", "3"}});
  ASSERT_FALSE(loaded);
  for (const auto* name : {"`a`", "`b`", "--c"})
    EXPECT_THAT(loaded.error().message, HasSubstr(name));
}

TEST_F(ConfigurationTest, AMissingFileIsAnError) { EXPECT_FALSE(Load("/nowhere/config.yml")); }

TEST_F(ConfigurationTest, NumbersAndBooleansNameTheirSource) {
  const auto loaded = Load({}, {{"MAX_JOBS", "2x"}, {"VERBOSE", "yes"}});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->Number("max_jobs", 1, 64).error().message,
            "the environment variable MAX_JOBS: max_jobs: must be a whole number from 1 to 64");
  EXPECT_THAT(loaded->Boolean("verbose").error().message, HasSubstr("must be true or false"));
}

}  // namespace
}  // namespace prov
