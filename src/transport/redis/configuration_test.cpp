#include "transport/redis/configuration.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prov::transport::redis {
namespace {

using testing::HasSubstr;
using testing::Not;

using Environment = std::map<std::string, std::string>;

Result<RedisConfiguration> Read(const Environment& environment) {
  PROV_TRY(const auto loaded, Configuration::Load(RedisSettings(), {}, environment, {}));
  return ReadRedisConfiguration(loaded);
}

TEST(RedisConfiguration, WithoutAUrl_IsNotUsed) {
  const auto read = Read({});
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_FALSE(read->used());
}

TEST(RedisConfiguration, WhatIsSaid_IsTaken) {
  const auto read = Read({{"REDIS_URL", "rediss://panel:pw@redis.example.test"},
                          {"REDIS_CA_FILE", "/ca.pem"},
                          {"REDIS_CLIENT_CERT", "/c.pem"},
                          {"REDIS_CLIENT_KEY", "/k.pem"},
                          {"REDIS_HASH_TAGS", "true"}});
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_TRUE(read->used());
  EXPECT_EQ(read->keys(), KeyStyle::kHashTag);
  const auto connection = ConnectionOf(*read);
  ASSERT_TRUE(connection);
  EXPECT_TRUE(connection->url.tls);
  EXPECT_EQ(connection->url.password, "pw");
  EXPECT_EQ(connection->ca_file, "/ca.pem");
  EXPECT_EQ(connection->client_certificate, "/c.pem");
  EXPECT_EQ(connection->client_key, "/k.pem");
  for (const auto* here : {"redis://localhost:6379/0", "redis://127.0.0.1", "redis://[::1]:7"})
    EXPECT_TRUE(Read({{"REDIS_URL", here}})) << here;
}

struct Refused {
  Environment environment;
  const char* setting;
  const char* right;
};

TEST(RedisConfiguration, WhatIsWrong_IsNamedWithWhatWouldBeRight_AndWithoutThePassword) {
  const Refused table[] = {
      {{{"REDIS_URL", "redis://:hunter2@redis.example.test"}}, "redis_url", "use rediss://"},
      {{{"REDIS_URL", "redis+sentinel://:hunter2@localhost,10.0.0.1/mymaster"}},
       "redis_url",
       "use rediss://"},
      {{{"REDIS_URL", "http://:hunter2@localhost"}}, "redis_url", "redis://"},
      {{{"REDIS_CLIENT_CERT", "/c.pem"}}, "redis_client_cert", "go together"},
      {{{"REDIS_CLIENT_KEY", "/k.pem"}}, "redis_client_key", "go together"},
      {{{"REDIS_HASH_TAGS", "yes"}}, "redis_hash_tags", "true or false"}};
  for (const auto& [environment, setting, right] : table) {
    const auto read = Read(environment);
    ASSERT_FALSE(read) << setting;
    EXPECT_EQ(read.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(read.error().ToString(), HasSubstr(setting));
    EXPECT_THAT(read.error().ToString(), HasSubstr(right));
    EXPECT_THAT(read.error().ToString(), Not(HasSubstr("hunter2")));
  }
}

TEST(RedisConfiguration, TheUrl_IsNeverAFlagAndNeverShown) {
  const std::string url = "rediss://:hunter2@redis.example.test";
  EXPECT_FALSE(Configuration::Load(RedisSettings(), {}, {}, {{"redis_url", url}}));
  const auto loaded = Configuration::Load(RedisSettings(), {}, {{"REDIS_URL", url}}, {});
  ASSERT_TRUE(loaded);
  EXPECT_THAT(loaded->Describe(), Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace prov::transport::redis
