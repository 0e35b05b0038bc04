#include "agent/configuration.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prov::agent {
namespace {

using ::testing::HasSubstr;

Result<AgentConfiguration> Read(const std::map<std::string, std::string>& environment) {
  PROV_TRY(const auto loaded, Configuration::Load(AgentSettings(), {}, environment, {}));
  return ReadConfiguration(loaded);
}

TEST(AgentConfiguration, DefaultsAreTheInstalledPlaces) {
  const auto read = Read({});
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_TRUE(read->agent_id.starts_with("agent-"));
  EXPECT_EQ(read->state_dir, "/var/lib/provisioning/agent");
  EXPECT_EQ(read->installers_dir, "/opt/provisioning/installers");
  EXPECT_EQ(read->max_parallel_jobs, 1U);
  EXPECT_FALSE(read->allow_subreaper);
  EXPECT_FALSE(read->allow_unsafe_installers_dir);
  EXPECT_TRUE(read->secret_key.empty());
}

TEST(AgentConfiguration, ListsActionsAndProxies) {
  const auto read = Read({{"ALLOW_APPS", "nginx,redis"},
                          {"ALLOW_ACTIONS", "install,check"},
                          {"PROXIES", "http_proxy=http://proxy:3128"},
                          {"CONTAINMENT", "subreaper"}});
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(read->allow_apps.size(), 2U);
  EXPECT_TRUE(read->allow_actions.contains(contract::Action::kCheck));
  EXPECT_FALSE(read->allow_actions.contains(contract::Action::kUninstall));
  EXPECT_EQ(read->proxies.at("http_proxy"), "http://proxy:3128");
  EXPECT_TRUE(read->allow_subreaper);
}

struct Refusal {
  const char* name;
  const char* variable;
  const char* value;
  const char* sentence;
};

class AgentConfigurationRefusals : public ::testing::TestWithParam<Refusal> {};

TEST_P(AgentConfigurationRefusals, SayWhatWouldBeRight) {
  const auto read = Read({{GetParam().variable, GetParam().value}});
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr(GetParam().variable));
  EXPECT_THAT(read.error().message, HasSubstr(GetParam().sentence));
}

INSTANTIATE_TEST_SUITE_P(
    All, AgentConfigurationRefusals,
    ::testing::Values(Refusal{"AgentId", "AGENT_ID", "-x/y", "a letter or digit first"},
                      Refusal{"PlainHttp", "PANEL_URL", "http://panel.example:5000", "use https"},
                      Refusal{"NoUrl", "PANEL_URL", "panel", "panel_url"},
                      Refusal{"RelativeState", "STATE_DIR", "var/agent", "absolute path"},
                      Refusal{"ShortSecret", "SECRET_KEY", "short", "at least 32 bytes"},
                      Refusal{"Level", "LOG_LEVEL", "loud", "debug, info, warning or error"},
                      Refusal{"Containment", "CONTAINMENT", "none", "cgroup or subreaper"},
                      Refusal{"Action", "ALLOW_ACTIONS", "destroy", "none of install"},
                      Refusal{"Parallel", "MAX_PARALLEL_JOBS", "0", "from 1 to 64"},
                      Refusal{"Proxy", "PROXIES", "PATH=/x", "http_proxy"}),
    [](const auto& parameter) { return parameter.param.name; });

}  // namespace
}  // namespace prov::agent
