#include "redis/subscriber.hpp"

#include "redis/redis_fixture_test.hpp"

namespace prov::redis {
namespace {

namespace asio = boost::asio;
using Kind = Notice::Kind;

class SubscriberTest : public RedisTest {
 protected:
  std::unique_ptr<Subscriber> Make(const std::string& url, SubscriberOptions options = {}) {
    options.connection = To(url);
    options.first_pause = Millis{10};
    options.longest_pause = Millis{100};
    auto made = Subscriber::Create(io_.get_executor(), std::move(options), random_);
    EXPECT_TRUE(made) << made.error().ToString();
    return std::move(*made);
  }
};

// The next notice that is no error.
asio::awaitable<Notice> NextNotice(Subscriber& subscriber) {
  while (true) {
    auto notice = co_await subscriber.Next();
    if (notice) co_return std::move(*notice);
    EXPECT_NE(notice.error().code, ErrorCode::kCanceled);
  }
}

TEST_F(SubscriberTest, Subscriber_ChannelsAndPatterns_GiveTheirMessages) {
  const test::RedisServer server;
  const auto subscriber = Make(server.url());
  Run([](Subscriber& with, const test::RedisServer& redis) -> asio::awaitable<void> {
    with.Subscribe("job:1:updates");
    with.SubscribePattern("agent:*");
    EXPECT_EQ((co_await NextNotice(with)).kind, Kind::kSubscribed);
    EXPECT_EQ(redis.Cli("PUBLISH job:1:updates '\"a\\x00b\"'"), "1");
    EXPECT_EQ(redis.Cli("PUBLISH job:2:updates other"), "0");
    EXPECT_EQ(redis.Cli("PUBLISH agent:7 hello"), "1");
    const auto first = co_await NextNotice(with);
    EXPECT_EQ(first.kind, Kind::kMessage);
    EXPECT_EQ(first.channel, "job:1:updates");
    EXPECT_EQ(first.pattern, "");
    const auto second = co_await NextNotice(with);
    EXPECT_EQ(second.channel, "agent:7");
    EXPECT_EQ(second.pattern, "agent:*");
    EXPECT_EQ(second.payload, "hello");
    with.Unsubscribe("job:1:updates");
    EXPECT_EQ((co_await NextNotice(with)).kind, Kind::kSubscribed) << "a change";
    EXPECT_EQ(redis.Cli("PUBLISH job:1:updates gone"), "0");
  }(*subscriber, server));
}

TEST_F(SubscriberTest, Subscriber_ServerRestarts_SubscribesAgainAndSaysThatMessagesMayBeMissing) {
  test::RedisServer server;
  const auto subscriber = Make(server.url());
  Run([](Subscriber& with, test::RedisServer& redis) -> asio::awaitable<void> {
    with.Subscribe("a");
    EXPECT_EQ((co_await NextNotice(with)).kind, Kind::kSubscribed);
    redis.Kill();
    const auto why = co_await with.Next();
    EXPECT_EQ(why ? ErrorCode::kInternal : why.error().code, ErrorCode::kUnavailable);
    redis.Start();
    EXPECT_EQ((co_await NextNotice(with)).kind, Kind::kSubscribed);
    EXPECT_EQ(redis.Cli("PUBLISH a again"), "1");
    EXPECT_EQ((co_await NextNotice(with)).payload, "again");
  }(*subscriber, server));
}

TEST_F(SubscriberTest, Subscriber_NobodyReads_KeepsABoundedNumberAndSaysHowManyAreMissing) {
  const test::RedisServer server;
  const auto subscriber = Make(server.url(), {.most_messages = 10, .most_bytes = 300});
  Run([](SubscriberTest& test, Subscriber& with,
         const test::RedisServer& redis) -> asio::awaitable<void> {
    with.Subscribe("a");
    EXPECT_EQ((co_await NextNotice(with)).kind, Kind::kSubscribed);
    EXPECT_EQ(redis.Cli("EVAL 'for i = 1, 25 do redis.call(\"PUBLISH\", \"a\", i) end' 0"), "");
    co_await test.Pause(Millis{200});
    for (int i = 1; i <= 10; ++i) EXPECT_EQ((co_await NextNotice(with)).payload, std::to_string(i));
    const auto dropped = co_await NextNotice(with);
    EXPECT_EQ(dropped.kind, Kind::kDropped);
    EXPECT_EQ(dropped.dropped, 15U);
    EXPECT_EQ(redis.Cli("PUBLISH a " + std::string(400, 'x')), "1");
    EXPECT_EQ((co_await NextNotice(with)).kind, Kind::kDropped) << "too large for what is kept";
    EXPECT_EQ(redis.Cli("PUBLISH a on"), "1");
    EXPECT_EQ((co_await NextNotice(with)).payload, "on");
  }(*this, *subscriber, server));
}

TEST_F(SubscriberTest, Subscriber_ChannelThatTheAclForbids_IsToldAndTheOthersGoOn) {
  const test::RedisServer server({.acl = {"user default on nopass ~* resetchannels &job:* +@all"}});
  const auto subscriber = Make(server.url());
  Run([](Subscriber& with, const test::RedisServer& redis) -> asio::awaitable<void> {
    with.Subscribe("secret");
    with.Subscribe("job:1");
    const auto refused = co_await with.Next();
    EXPECT_EQ(refused ? ErrorCode::kInternal : refused.error().code, ErrorCode::kPermissionDenied);
    if (!refused)
      EXPECT_NE(refused.error().ToString().find("subscribing to secret"), std::string::npos);
    EXPECT_EQ((co_await NextNotice(with)).kind, Kind::kSubscribed);
    EXPECT_EQ(redis.Cli("PUBLISH job:1 x"), "1");
    EXPECT_EQ((co_await NextNotice(with)).payload, "x");
  }(*subscriber, server));
}

TEST_F(SubscriberTest, Subscriber_AclThatIsMended_IsSubscribed_AndWasComplainedOfOnce) {
  const test::RedisServer server({.acl = {"user default on nopass ~* resetchannels +@all"}});
  const auto subscriber = Make(server.url());
  Run([](SubscriberTest& test, Subscriber& with,
         const test::RedisServer& redis) -> asio::awaitable<void> {
    const auto refusals = [&] {
      const auto said = redis.Cli("INFO errorstats");
      const auto at = said.find("NOPERM:count=");
      return at == said.npos ? 0 : std::stoi(said.substr(at + 13));
    };
    with.SubscribePattern("agent:*:events");
    const auto refused = co_await with.Next();
    EXPECT_EQ(refused ? ErrorCode::kInternal : refused.error().code, ErrorCode::kPermissionDenied);
    if (!refused)
      EXPECT_NE(refused.error().ToString().find("&agent:*:events, word for word"),
                std::string::npos);
    co_await test.Until([&] { return refusals() >= 5; });
    EXPECT_EQ(redis.Cli("ACL SETUSER default '&agent:*:events'"), "OK");
    const auto next = co_await with.Next();
    EXPECT_TRUE(next && next->kind == Kind::kSubscribed)
        << (next ? "another notice" : next.error().ToString());
    EXPECT_EQ(redis.Cli("PUBLISH agent:7:events x"), "1");
    EXPECT_EQ((co_await NextNotice(with)).payload, "x");
    const auto asked = refusals();
    co_await test.Pause(Millis{300});
    EXPECT_EQ(refusals(), asked) << "nothing is left to be asked for";
  }(*this, *subscriber, server));
}

TEST_F(SubscriberTest, Subscriber_RefusedAndNoLongerWanted_IsNotAskedForAgain) {
  const test::RedisServer server({.acl = {"user default on nopass ~* resetchannels +@all"}});
  const auto subscriber = Make(server.url());
  Run([](SubscriberTest& test, Subscriber& with,
         const test::RedisServer& redis) -> asio::awaitable<void> {
    with.Subscribe("secret");
    EXPECT_FALSE(co_await with.Next());
    with.Unsubscribe("secret");
    EXPECT_EQ((co_await NextNotice(with)).kind, Kind::kSubscribed);
    EXPECT_EQ(redis.Cli("ACL SETUSER default allchannels"), "OK");
    co_await test.Pause(Millis{300});
    EXPECT_EQ(redis.Cli("PUBLISH secret x"), "0");
  }(*this, *subscriber, server));
}

TEST_F(SubscriberTest, Subscriber_SilentServer_IsGivenUp) {
  test::RedisServer server;
  const auto subscriber = Make(server.url(), {.ping = Millis{60}});
  Run([](SubscriberTest& test, Subscriber& with,
         test::RedisServer& redis) -> asio::awaitable<void> {
    with.Subscribe("a");
    EXPECT_EQ((co_await NextNotice(with)).kind, Kind::kSubscribed);
    co_await test.Pause(Millis{400});
    EXPECT_EQ(redis.Cli("PUBLISH a alive"), "1") << "its pings are answered";
    EXPECT_EQ((co_await NextNotice(with)).payload, "alive");
    redis.Pause();
    const auto why = co_await with.Next();
    EXPECT_EQ(why ? ErrorCode::kInternal : why.error().code, ErrorCode::kTimeout);
    redis.Resume();
    EXPECT_EQ((co_await NextNotice(with)).kind, Kind::kSubscribed);
  }(*this, *subscriber, server));
}

TEST_F(SubscriberTest, Subscriber_Resp2_IsUnderstoodToo) {
  FakeServer server(io_, [](const Command& command) -> std::string {
    if (command[0] == "HELLO") return "-ERR unknown command\r\n";
    if (command[0] == "INFO") return "$19\r\nredis_version:6.2.0\r\n";
    if (command[0] != "SUBSCRIBE") return "+OK\r\n";
    return "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$"
           "2\r\nhi\r\n";
  });
  const auto subscriber = Make(server.url());
  Run([](Subscriber& with) -> asio::awaitable<void> {
    with.Subscribe("a");
    EXPECT_EQ((co_await NextNotice(with)).kind, Kind::kSubscribed);
    EXPECT_EQ((co_await NextNotice(with)).payload, "hi");
  }(*subscriber));
}

TEST_F(SubscriberTest, Subscriber_Stopped_EndsTheOneWhoWaits) {
  const test::RedisServer server;
  const auto subscriber = Make(server.url());
  Run([](SubscriberTest& test, Subscriber& with) -> asio::awaitable<void> {
    net::TaskGroup tasks(test.io_.get_executor());
    tasks.Spawn([](Subscriber& waiting) -> asio::awaitable<void> {
      const auto ended = co_await waiting.Next();
      EXPECT_EQ(ended ? ErrorCode::kInternal : ended.error().code, ErrorCode::kCanceled);
    }(with));
    co_await test.Pause(Millis{20});
    co_await with.Stop();
    co_await tasks.Wait();
  }(*this, *subscriber));
}

}  // namespace
}  // namespace prov::redis
