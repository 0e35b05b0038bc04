#include "contract/environment.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.hpp"
#include "base/json.hpp"
#include "contract/input_validation.hpp"
#include "contract/manifest_fixture_test.hpp"

namespace prov::contract {
namespace {

constexpr const char* kInputs =
    "inputs:\n"
    "- {name: http_port, type: port, label: P}\n"
    "- {name: ratio, type: number, label: R}\n"
    "- {name: tls, type: boolean, label: T}\n"
    "- {name: mods, type: multiselect, label: M, validation: {allowed_values: [a, b]}}\n"
    "- {name: token, type: password, label: S}\n"
    "- {name: unset, type: string, label: U}\n";

Environment Build(const Manifest& manifest) {
  const auto outcome = ValidateInputs(
      manifest,
      boost::json::parse(
          R"({"http_port":"8080","ratio":0.5,"tls":true,"mods":["a","b"],"token":"s3cret-value"})")
          .as_object());
  EXPECT_TRUE(outcome.ok());
  EnvironmentFacts facts;
  facts.job_id = "j";
  facts.secret_dir = "/run/secrets";
  facts.proxies = {{"http_proxy", "http://p:3128"}, {"LD_PRELOAD", "/evil.so"}};
  return BuildEnvironment(manifest, outcome.inputs.values, facts);
}

TEST(Environment, UnknownInputs_AreNamedUpToTwenty) {
  boost::json::object given;
  for (int i = 0; i < 1000; ++i) given["no_such_" + std::to_string(i)] = 0;
  const auto outcome = ValidateInputs(ManifestWith(kInputs), given);
  EXPECT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.errors.size(), 20u);
}

TEST(Environment, InputsOfEveryKind_AreUppercaseAndPlain) {
  const auto variables = Build(ManifestWith(kInputs)).variables;
  EXPECT_EQ(variables.at("HTTP_PORT"), "8080");
  EXPECT_EQ(variables.at("RATIO"), "0.5");
  EXPECT_EQ(variables.at("TLS"), "true");
  EXPECT_EQ(variables.at("MODS"), "a,b");
  EXPECT_EQ(variables.at("TOKEN"), "s3cret-value");
  EXPECT_EQ(variables.at("PROVISIONING_APP_VERSION"), "1.10");
  EXPECT_EQ(variables.at("DEBIAN_FRONTEND"), "noninteractive");
  EXPECT_EQ(variables.at("http_proxy"), "http://p:3128");
  EXPECT_FALSE(variables.contains("UNSET"));
}

TEST(Environment, ProxiesOfAnotherName_AreNotPassedOn) {
  EXPECT_FALSE(Build(ManifestWith(kInputs)).variables.contains("LD_PRELOAD"));
}

TEST(Environment, SecretDeliveredAsFile_IsNotInTheEnvironment) {
  const auto environment = Build(ManifestWith(std::string(kInputs) + "secret_delivery: file\n"));
  EXPECT_FALSE(environment.variables.contains("TOKEN"));
  EXPECT_EQ(environment.variables.at("TOKEN_FILE"), "/run/secrets/token");
  ASSERT_EQ(environment.secret_files.size(), 1U);
  EXPECT_EQ(environment.secret_files[0].content, "s3cret-value");
}

TEST(Loader, InstallersOfThisRepository_Load) {
  std::size_t seen = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(Path(PROV_SOURCE_DIR) / "installers")) {
    if (!std::filesystem::exists(entry.path() / "manifest.yml")) continue;
    ++seen;
    DirectoryFacts facts{entry.path().filename().string(), {}};
    for (const auto& file : std::filesystem::directory_iterator(entry.path())) {
      facts.files.insert(file.path().filename().string());
    }
    const auto text = ReadFile(entry.path() / "manifest.yml", kMaxManifestBytes).value();
    for (const auto& fault : ParseManifest(entry.path().string(), text, &facts).faults) {
      ADD_FAILURE() << fault.ToString();
    }
  }
  EXPECT_GT(seen, 0U);
}

TEST(Loader, TruncatedAtEveryByte_NeverThrowsAndNeverLoadsWithFaults) {
  const std::string text = std::string(kManifestHead) + kInputs;
  for (std::size_t size = 0; size <= text.size(); ++size) {
    const auto outcome = ParseManifest("manifest.yml", std::string_view(text).substr(0, size));
    EXPECT_EQ(outcome.manifest.has_value(), outcome.faults.empty()) << size;
  }
}

}  // namespace
}  // namespace prov::contract
