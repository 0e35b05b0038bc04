#include "transport/rabbitmq/configuration.hpp"

#include <algorithm>
#include <iterator>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "transport/redis/configuration.hpp"

namespace prov::transport::rabbitmq {
namespace {

using testing::HasSubstr;
using testing::Not;

using Environment = std::map<std::string, std::string>;

std::vector<Setting> Settings() {
  auto settings = RabbitmqSettings();
  std::ranges::move(redis::RedisSettings(), std::back_inserter(settings));
  return settings;
}

Result<RabbitmqConfiguration> Read(const Environment& environment) {
  PROV_TRY(const auto loaded, Configuration::Load(Settings(), {}, environment, {}));
  return ReadRabbitmqConfiguration(loaded);
}

TEST(RabbitmqConfiguration, WithoutAUrl_IsNotUsed) {
  const auto read = Read({{"REDIS_URL", "redis://localhost"}});
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_FALSE(read->used());
}

TEST(RabbitmqConfiguration, WhatIsSaid_IsTaken) {
  const auto read = Read({{"RABBITMQ_URL", "amqps://panel:pw@rabbit.example.test/our"},
                          {"RABBITMQ_CA_FILE", "/ca.pem"},
                          {"RABBITMQ_CLIENT_CERT", "/c.pem"},
                          {"RABBITMQ_CLIENT_KEY", "/k.pem"}});
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_TRUE(read->used());
  const auto connection = ConnectionOf(*read);
  ASSERT_TRUE(connection);
  EXPECT_TRUE(connection->url.tls);
  EXPECT_EQ(connection->url.password, "pw");
  EXPECT_EQ(connection->url.vhost, "our");
  EXPECT_EQ(connection->ca_file, "/ca.pem");
  EXPECT_EQ(connection->client_certificate, "/c.pem");
  EXPECT_EQ(connection->client_key, "/k.pem");
  for (const auto* here : {"amqp://localhost:5672/x", "amqp://127.0.0.1", "amqp://[::1]:7",
                           "amqp://localhost,127.0.0.1:5673/x"})
    EXPECT_TRUE(Read({{"RABBITMQ_URL", here}})) << here;
}

TEST(RabbitmqConfiguration, WhatIsWrong_IsNamedWithWhatWouldBeRight_AndWithoutThePassword) {
  struct Refused {
    Environment environment;
    const char* setting;
    const char* right;
  };
  const Refused table[] = {
      {{{"RABBITMQ_URL", "amqp://u:hunter2@rabbit.example.test"}}, "rabbitmq_url", "use amqps://"},
      {{{"RABBITMQ_URL", "amqp://u:hunter2@localhost,rabbit.example.test"}},
       "rabbitmq_url",
       "use amqps://"},
      {{{"RABBITMQ_URL", "http://u:hunter2@localhost"}}, "rabbitmq_url", "amqp://"},
      {{{"RABBITMQ_URL", "amqp://u:hunter2@localhost"}, {"REDIS_URL", "redis://localhost"}},
       "rabbitmq_url",
       "one of them"},
      {{{"RABBITMQ_CLIENT_CERT", "/c.pem"}}, "rabbitmq_client_cert", "go together"},
      {{{"RABBITMQ_CLIENT_KEY", "/k.pem"}}, "rabbitmq_client_key", "go together"}};
  for (const auto& [environment, setting, right] : table) {
    const auto read = Read(environment);
    ASSERT_FALSE(read) << setting;
    EXPECT_EQ(read.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(read.error().ToString(), HasSubstr(setting));
    EXPECT_THAT(read.error().ToString(), HasSubstr(right));
    EXPECT_THAT(read.error().ToString(), Not(HasSubstr("hunter2")));
  }
}

TEST(RabbitmqConfiguration, TheUrl_IsNeverAFlagAndNeverShown) {
  const std::string url = "amqps://u:hunter2@rabbit.example.test";
  EXPECT_FALSE(Configuration::Load(Settings(), {}, {}, {{"rabbitmq_url", url}}));
  const auto loaded = Configuration::Load(Settings(), {}, {{"RABBITMQ_URL", url}}, {});
  ASSERT_TRUE(loaded);
  EXPECT_THAT(loaded->Describe(), Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace prov::transport::rabbitmq
