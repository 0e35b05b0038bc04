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

TEST(AgentConfiguration, RabbitmqWithItsOwnUser_NamesNoOther) {
  const auto own = Read({{"RABBITMQ_URL", "amqps://example.test"}, {"RABBITMQ_OWN_USER", "true"}});
  ASSERT_TRUE(own) << own.error().ToString();
  EXPECT_TRUE(own->rabbitmq_own_user);
  EXPECT_TRUE(Read({{"RABBITMQ_URL", "amqps://user:pw@example.test"}}));
  const auto both =
      Read({{"RABBITMQ_URL", "amqps://user:pw@example.test"}, {"RABBITMQ_OWN_USER", "true"}});
  ASSERT_FALSE(both);
  EXPECT_THAT(both.error().message, HasSubstr("leave one of them out"));
}

TEST(AgentConfiguration, RedisWithItsOwnUser_NamesNoOther) {
  const auto own = Read({{"REDIS_URL", "rediss://example.test"}, {"REDIS_ACL", "true"}});
  ASSERT_TRUE(own) << own.error().ToString();
  EXPECT_TRUE(own->redis_acl);
  EXPECT_TRUE(Read({{"REDIS_URL", "rediss://user:pw@example.test"}}));
  const auto both = Read({{"REDIS_URL", "rediss://user:pw@example.test"}, {"REDIS_ACL", "true"}});
  ASSERT_FALSE(both);
  EXPECT_THAT(both.error().ToString(), HasSubstr("leave one of them out"));
}

struct RefusedSetting {
  const char* name;
  const char* variable;
  const char* value;
  const char* sentence;
};

class AgentConfigurationRefusals : public ::testing::TestWithParam<RefusedSetting> {};

TEST_P(AgentConfigurationRefusals, SayWhatWouldBeRight) {
  const auto read = Read({{GetParam().variable, GetParam().value}});
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr(GetParam().variable));
  EXPECT_THAT(read.error().message, HasSubstr(GetParam().sentence));
}

INSTANTIATE_TEST_SUITE_P(
    All, AgentConfigurationRefusals,
    ::testing::Values(
        RefusedSetting{"AgentId", "AGENT_ID", "-x/y", "a letter or digit first"},
        RefusedSetting{"PlainHttp", "PANEL_URL", "http://panel.example:5000", "use https"},
        RefusedSetting{"NoUrl", "PANEL_URL", "panel", "panel_url"},
        RefusedSetting{"RelativeState", "STATE_DIR", "var/agent", "absolute path"},
        RefusedSetting{"ShortSecret", "SECRET_KEY", "short", "at least 32 bytes"},
        RefusedSetting{"Level", "LOG_LEVEL", "loud", "debug, info, warning or error"},
        RefusedSetting{"Containment", "CONTAINMENT", "none", "cgroup or subreaper"},
        RefusedSetting{"Action", "ALLOW_ACTIONS", "destroy", "none of install"},
        RefusedSetting{"Parallel", "MAX_PARALLEL_JOBS", "0", "from 1 to 64"},
        RefusedSetting{"Proxy", "PROXIES", "PATH=/x", "http_proxy"},
        RefusedSetting{"RedisAclAlone", "REDIS_ACL", "true", "REDIS_URL"},
        RefusedSetting{"PlainRedis", "REDIS_URL", "redis://example.test", "use rediss://"},
        RefusedSetting{"RabbitmqOwnUserAlone", "RABBITMQ_OWN_USER", "true", "RABBITMQ_URL"},
        RefusedSetting{"PlainRabbitmq", "RABBITMQ_URL", "amqp://example.test", "use amqps://"}),
    [](const auto& parameter) { return parameter.param.name; });

}  // namespace
}  // namespace prov::agent
