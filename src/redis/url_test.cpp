#include "redis/url.hpp"

#include <gtest/gtest.h>

namespace prov::redis {
namespace {

TEST(RedisUrlTest, Url_EveryPart_IsRead) {
  const auto url = ParseUrl("rediss://a%40b:p%3a%2F%25%00w@redis.example.test:7000/3");
  ASSERT_TRUE(url) << url.error().ToString();
  EXPECT_TRUE(url->tls);
  EXPECT_EQ(url->user, "a@b");
  EXPECT_EQ(url->password, std::string("p:/%\0w", 6));
  EXPECT_EQ(url->addresses, (std::vector<Address>{{"redis.example.test", 7000}}));
  EXPECT_EQ(url->database, 3);
  EXPECT_FALSE(url->sentinel());
  EXPECT_EQ(ToString(*url), "rediss://redis.example.test:7000/3");
}

TEST(RedisUrlTest, Url_WhatIsLeftOut_HasADefault) {
  const auto url = ParseUrl("redis://:secret@[::1]");
  ASSERT_TRUE(url) << url.error().ToString();
  EXPECT_FALSE(url->tls);
  EXPECT_EQ(url->user, "");
  EXPECT_EQ(url->password, "secret");
  EXPECT_EQ(url->addresses, (std::vector<Address>{{"::1", 6379}}));
  EXPECT_EQ(ToString(*url), "redis://[::1]:6379");
  EXPECT_TRUE(ParseUrl("redis://localhost/"));
}

TEST(RedisUrlTest, Url_Sentinels_AreSeveralHostsAndAName) {
  const auto url = ParseUrl("redis+sentinel://u:p@a,b:1,[::1]:2/my%20master/4");
  ASSERT_TRUE(url) << url.error().ToString();
  EXPECT_EQ(url->addresses, (std::vector<Address>{{"a", 26379}, {"b", 1}, {"::1", 2}}));
  EXPECT_EQ(url->master_name, "my master");
  EXPECT_EQ(url->database, 4);
  EXPECT_EQ(ToString(*url), "redis+sentinel://a:26379,b:1,[::1]:2/my master/4");
}

TEST(RedisUrlTest, Url_Cluster_IsSomeOfItsNodes) {
  const auto url = ParseUrl("rediss+cluster://u:p@a,b:1,[::1]:2");
  ASSERT_TRUE(url) << url.error().ToString();
  EXPECT_TRUE(url->cluster && url->tls && !url->sentinel());
  EXPECT_EQ(url->addresses, (std::vector<Address>{{"a", 6379}, {"b", 1}, {"::1", 2}}));
  EXPECT_EQ(ToString(*url), "rediss+cluster://a:6379,b:1,[::1]:2");
  EXPECT_FALSE(ParseUrl("redis://a")->cluster);
}

// Each has the password "hunter2" somewhere, as somebody may mistype it.
TEST(RedisUrlTest, Url_Refused_SaysWhyAndNeverThePassword) {
  const std::pair<const char*, const char*> table[] = {
      {"http://u:hunter2@a", "must begin with redis://"},
      {"redis:/u:hunter2@a", "must begin with redis://"},
      {"hunter2", "must begin with redis://"},
      {"redis://hunter2@a", "USER:PASSWORD"},
      {"redis://hunter2:@a", "without a password"},
      {"redis://u:hunter2", "port"},
      {"redis://u:hunter2@", "a host is missing"},
      {"redis://u:hunter2@a b", "no name"},
      {"redis://u:hunter2@/3", "a host is missing"},
      {"redis://u:/hunter2@a", "port"},
      {"redis://u:p#hunter2@a", "%23"},
      {"redis://u:hunter2@a?x=1", "%3F"},
      {"redis://u:hunter2%@a", "%25"},
      {"redis://u:hunter2%4@a", "%25"},
      {"redis://u:hunter2%zz@a", "%25"},
      {"redis://u:hunter2@a:0", "1 to 65535"},
      {"redis://u:hunter2@a:65536", "1 to 65535"},
      {"redis://u:hunter2@[::1", "\"]\""},
      {"redis://u:hunter2@[::1]x", "port"},
      {"redis://u:hunter2@a/x", "database"},
      {"redis://u:hunter2@a/-1", "database"},
      {"redis://u:hunter2@a,b", "Sentinels"},
      {"redis+cluster://u:hunter2@a,b/1", "database 0 alone"},
      {"redis+other://u:hunter2@a", "must begin with redis://"},
      {"redis+sentinel://u:hunter2@a,b", "master's name"},
      {"redis+sentinel://u:hunter2@a,,b/m", "a host is missing"},
  };
  for (const auto& [text, why] : table) {
    const auto url = ParseUrl(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, ErrorCode::kInvalidArgument);
    const auto said = url.error().ToString();
    EXPECT_NE(said.find(why), std::string::npos) << text << " -> " << said;
    EXPECT_EQ(said.find("hunter2"), std::string::npos) << said;
  }
}

}  // namespace
}  // namespace prov::redis
