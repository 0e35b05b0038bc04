#include "amqp/url.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prov::amqp {
namespace {

TEST(AmqpUrl, IsReadWithItsDefaults) {
  const auto url = ParseUrl("amqp://127.0.0.1");
  ASSERT_TRUE(url) << url.error().ToString();
  EXPECT_FALSE(url->tls);
  EXPECT_EQ(url->addresses, (std::vector<net::Address>{{"127.0.0.1", 5672}}));
  EXPECT_EQ(url->user, "guest");
  EXPECT_FALSE(url->names_user);
  EXPECT_EQ(url->vhost, "/");
  EXPECT_EQ(ToString(*url), "amqp://127.0.0.1:5672");
}

TEST(AmqpUrl, IsReadWithEverything) {
  const auto url = ParseUrl("amqps://panel:p%40ss%2F1@[::1]:5700/our%2Fown");
  ASSERT_TRUE(url) << url.error().ToString();
  EXPECT_TRUE(url->tls);
  EXPECT_EQ(url->user, "panel");
  EXPECT_TRUE(url->names_user);
  EXPECT_EQ(url->password, "p@ss/1");
  EXPECT_EQ(url->addresses, (std::vector<net::Address>{{"::1", 5700}}));
  EXPECT_EQ(url->vhost, "our/own");
  EXPECT_EQ(ToString(*url), "amqps://[::1]:5700/our/own");
  EXPECT_EQ(ParseUrl("amqps://rabbit.example")->addresses.front().port, 5671);
}

TEST(AmqpUrl, OfSeveralHosts_IsRead) {
  const auto url = ParseUrl("amqps://u:p%40@rabbit-1.example,rabbit-2.example:5700,[::1]/our");
  ASSERT_TRUE(url) << url.error().ToString();
  EXPECT_EQ(url->addresses,
            (std::vector<net::Address>{
                {"rabbit-1.example", 5671}, {"rabbit-2.example", 5700}, {"::1", 5671}}));
  EXPECT_EQ(url->password, "p@");
  EXPECT_EQ(url->vhost, "our");
  EXPECT_EQ(ToString(*url), "amqps://rabbit-1.example:5671,rabbit-2.example:5700,[::1]:5671/our");
  EXPECT_EQ(ParseUrl("amqp://a,b")->addresses,
            (std::vector<net::Address>{{"a", 5672}, {"b", 5672}}));
}

TEST(AmqpUrl, ThatIsNone_IsRefused_AndNothingOfItIsSaid) {
  for (const auto* text :
       {"", "hunter2", "redis://:hunter2@h", "amqp://u:hunter2@", "amqp://:hunter2@h",
        "amqp://hunter2@h", "amqp://u:hunter2@h:0", "amqp://u:hunter2@h:99999",
        "amqp://u:hunter2@h/a/b", "amqp://u:hunter2@h/?heartbeat=1", "amqp://u:hun#ter2@h",
        "amqp://u:hunter2%@h", "amqp://u:hunter2 @h", "amqp://u:hunter2@a,", "amqp://u:hunter2@,b",
        "amqp://u:hunter2@a,b:0", "amqp://a,u:hunter2@b,c:x"}) {
    const auto url = ParseUrl(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(url.error().ToString(), testing::Not(testing::HasSubstr("hunter2"))) << text;
  }
}

}  // namespace
}  // namespace prov::amqp
