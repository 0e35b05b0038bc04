#include "redis/client.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <fmt/format.h>

#include "redis/redis_fixture_test.hpp"
#include "redis/reply_error.hpp"

namespace prov::redis {
namespace {

namespace asio = boost::asio;

class ClientTest : public RedisTest {
 protected:
  std::unique_ptr<Client> To(const test::RedisServer& server) {
    return MakeClient({.connection = RedisTest::To(server.url())});
  }
};

ErrorCode CodeOf(const Result<Value>& value) {
  return value ? ErrorCode::kInternal : value.error().code;
}

TEST_F(ClientTest, Client_CallAndCallAll_GiveTheRepliesInOrder) {
  const test::RedisServer server;
  const auto client = To(server);
  EXPECT_EQ(TextOf(Call(*client, {"SET", "a", "1"})), "OK");
  Run([](Client& with) -> asio::awaitable<void> {
    const auto all = co_await with.CallAll(
        {{"INCR", "a"}, {"LPUSH", "a", "x"}, {"GET", "a"}, {"GET", "none"}}, Seconds{5});
    EXPECT_TRUE(all && all->size() == 4);
    if (!all || all->size() != 4) co_return;
    EXPECT_EQ((*all)[0].integer, 2);
    EXPECT_TRUE((*all)[1].is_error()) << "WRONGTYPE stands where it belongs";
    EXPECT_EQ((*all)[2].text, "2");
    EXPECT_TRUE((*all)[3].is_null());
    const auto nothing = co_await with.CallAll({}, Seconds{5});
    EXPECT_TRUE(nothing && nothing->empty());
  }(*client));
}

TEST_F(ClientTest, Client_TwentyThousandPipelinedCalls_EachGetTheirOwnReply) {
  const test::RedisServer server;
  constexpr std::size_t kCalls = 20'000;
  ClientOptions options{.connection = RedisTest::To(server.url()), .most_calls = kCalls};
  // To begin so many takes this thread seconds, in which it hears nobody.
  options.silence = options.connection.connect = Seconds{50};
  const auto client = MakeClient(options);
  std::size_t right = 0;
  const auto begun = std::chrono::steady_clock::now();
  Run([](ClientTest& test, Client& with, std::size_t& good) -> asio::awaitable<void> {
    net::TaskGroup tasks(test.io_.get_executor());
    for (std::size_t i = 0; i < kCalls; ++i) {
      tasks.Spawn(
          [](Client& client, std::size_t number, std::size_t& count) -> asio::awaitable<void> {
            const auto text = std::to_string(number);
            const auto reply = co_await client.Call({"ECHO", text}, Seconds{50});
            if (reply && reply->text == text) ++count;
          }(with, i, good));
    }
    co_await tasks.Wait();
  }(*this, *client, right));
  EXPECT_EQ(right, kCalls);
  EXPECT_EQ(client->calls_under_way(), 0U);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  RecordProperty("calls_per_second", std::to_string(static_cast<int>(kCalls / took.count())));
}

TEST_F(ClientTest, Client_LargeBinaryValues_ComeBackAsTheyWere) {
  const test::RedisServer server;
  const auto client = To(server);
  std::string bytes = random_.Bytes(4 << 20);
  ASSERT_EQ(TextOf(Call(*client, {"SET", std::string("\0\r\n", 3), bytes})), "OK");
  const auto found = Call(*client, {"GET", std::string("\0\r\n", 3)});
  ASSERT_TRUE(found) << found.error().ToString();
  EXPECT_TRUE(found->text == bytes);
}

TEST_F(ClientTest, Client_ReplyOverTheLimit_EndsTheConnectionAndTheCall) {
  const test::RedisServer server;
  auto options = RedisTest::To(server.url());
  options.limits.bulk_bytes = 1000;
  const auto client = MakeClient({.connection = options});
  EXPECT_EQ(TextOf(Call(*client, {"SET", "large", std::string(2000, 'x')})), "OK");
  const auto refused = Call(*client, {"GET", "large"});
  EXPECT_EQ(CodeOf(refused), ErrorCode::kTooLarge);
  EXPECT_NE(TextOf(refused).find("1000 bytes in a string"), std::string::npos) << TextOf(refused);
  EXPECT_EQ(TextOf(Call(*client, {"PING"})), "PONG") << "a new connection";
}

TEST_F(ClientTest, Client_CanceledCallers_NeverShiftReplies) {
  test::RedisServer server;
  const auto client = To(server);
  ASSERT_EQ(TextOf(Call(*client, {"PING"})), "PONG");
  Run([](ClientTest& test, Client& with, test::RedisServer& redis) -> asio::awaitable<void> {
    net::TaskGroup tasks(test.io_.get_executor());
    int right = 0;
    std::vector<net::TaskGroup::Id> ids;
    redis.Pause();
    for (int i = 0; i < 100; ++i) {
      ids.push_back(
          tasks.Spawn([](Client& client, int number, int& count) -> asio::awaitable<void> {
            const auto text = std::to_string(number);
            const auto reply = co_await client.Call({"ECHO", text}, Seconds{20});
            EXPECT_EQ(TextOf(reply), text);
            ++count;
          }(with, i, right)));
    }
    co_await test.Pause(Millis{20});
    for (int i = 0; i < 100; i += 2) tasks.Cancel(ids[static_cast<std::size_t>(i)]);
    co_await test.Pause(Millis{20});
    EXPECT_EQ(tasks.size(), 50U);
    EXPECT_EQ(with.calls_under_way(), 100U) << "their replies are still due";
    redis.Resume();
    co_await tasks.Wait();
    EXPECT_EQ(right, 50);
    EXPECT_EQ(with.calls_under_way(), 0U);
  }(*this, *client, server));
}

TEST_F(ClientTest, Client_PausedServer_TimesOutAndLaterRepliesAreNobodys) {
  test::RedisServer server;
  const auto client = To(server);
  ASSERT_EQ(TextOf(Call(*client, {"PING"})), "PONG");
  server.Pause();
  const auto late = Call(*client, {"ECHO", "late"}, Millis{50});
  EXPECT_EQ(CodeOf(late), ErrorCode::kTimeout);
  EXPECT_NE(TextOf(late).find("may have been"), std::string::npos);
  server.Resume();
  EXPECT_EQ(TextOf(Call(*client, {"ECHO", "next"})), "next");
}

TEST_F(ClientTest, Client_SilentServer_IsGivenUpAndConnectedToAnew) {
  test::RedisServer server;
  int connected = 0;
  const auto client =
      MakeClient({.connection = RedisTest::To(server.url()),
                  .silence = Millis{100},
                  .on_change = [&](const Status& now) { connected += now.has_value(); }});
  ASSERT_EQ(TextOf(Call(*client, {"PING"})), "PONG");
  server.Pause();
  EXPECT_EQ(CodeOf(Call(*client, {"PING"}, Millis{150})), ErrorCode::kTimeout);
  server.Resume();
  Run([](ClientTest& test, int& count) -> asio::awaitable<void> {
    co_await test.Until([&] { return count == 2; });
  }(*this, connected));
  EXPECT_EQ(TextOf(Call(*client, {"PING"})), "PONG");
}

TEST_F(ClientTest, Client_IdleForLong_IsNotTakenForSilence) {
  test::RedisServer server;
  int connected = 0;
  const auto client =
      MakeClient({.connection = RedisTest::To(server.url()),
                  .silence = Millis{300},
                  .on_change = [&](const Status& now) { connected += now.has_value(); }});
  ASSERT_EQ(TextOf(Call(*client, {"PING"})), "PONG");
  Run(Pause(Millis{350}));
  server.Pause();
  EXPECT_EQ(CodeOf(Call(*client, {"PING"}, Millis{50})), ErrorCode::kTimeout);
  server.Resume();
  EXPECT_EQ(TextOf(Call(*client, {"PING"})), "PONG");
  EXPECT_EQ(connected, 1);
}

TEST_F(ClientTest, Client_ServerKilledInMidCall_FailsItOnceAndConnectsAgain) {
  test::RedisServer server({.configuration = {"appendonly yes", "appendfsync always"}});
  std::vector<std::string> changes;
  const auto client =
      MakeClient({.connection = RedisTest::To(server.url()), .on_change = [&](const Status& now) {
                    changes.push_back(now ? "connected" : now.error().ToString());
                  }});
  ASSERT_EQ(Call(*client, {"INCR", "n"})->integer, 1);
  Run([](ClientTest& test, Client& with, test::RedisServer& redis) -> asio::awaitable<void> {
    net::TaskGroup tasks(test.io_.get_executor());
    redis.Pause();
    for (int i = 0; i < 3; ++i) {
      tasks.Spawn([](Client& client) -> asio::awaitable<void> {
        const auto lost = co_await client.Call({"INCR", "n"}, Seconds{10});
        EXPECT_EQ(CodeOf(lost), ErrorCode::kUnavailable) << TextOf(lost);
        EXPECT_NE(TextOf(lost).find("may or may not"), std::string::npos) << TextOf(lost);
      }(with));
    }
    co_await test.Pause(Millis{50});
    redis.Kill();
    co_await tasks.Wait();
    // While it is away: at once, with the reason.
    co_await test.Until([&] { return !with.connected(); });
    co_await test.Pause(Millis{50});
    const auto away = co_await with.Call({"PING"}, Seconds{10});
    EXPECT_EQ(CodeOf(away), ErrorCode::kUnavailable);
    EXPECT_NE(TextOf(away).find("refused"), std::string::npos) << TextOf(away);
    redis.Start();
    co_await test.Until([&] { return with.connected(); });
  }(*this, *client, server));
  EXPECT_EQ(TextOf(Call(*client, {"GET", "n"})), "1") << "nothing was sent again";
  EXPECT_EQ(changes.front(), "connected");
  EXPECT_EQ(changes.back(), "connected");
}

TEST_F(ClientTest, Client_ConnectionEndsAfterACommand_ItIsNotSentAgain) {
  int pushes = 0;
  FakeServer server(io_, [&](const Command& command) -> std::string {
    if (command[0] == "RPUSH") ++pushes;
    return command[0] == "RPUSH" ? "!" : FakeServer::Greeting(command);
  });
  const auto client = MakeClient({.connection = RedisTest::To(server.url())});
  EXPECT_EQ(CodeOf(Call(*client, {"RPUSH", "a", "1"})), ErrorCode::kUnavailable);
  EXPECT_EQ(TextOf(Call(*client, {"PING"})), "OK");
  EXPECT_EQ(pushes, 1);
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(ClientTest, Client_ReplyNobodyAskedFor_EndsTheConnection) {
  FakeServer server(io_, [&](const Command& command) -> std::string {
    return command[0] == "PING" ? "+PONG\r\n+MORE\r\n" : FakeServer::Greeting(command);
  });
  std::string why;
  const auto client =
      MakeClient({.connection = RedisTest::To(server.url()), .on_change = [&](const Status& now) {
                    if (!now && why.empty()) why = now.error().ToString();
                  }});
  EXPECT_EQ(TextOf(Call(*client, {"PING"})), "PONG");
  Run([](ClientTest& test, std::string& said) -> asio::awaitable<void> {
    co_await test.Until([&] { return !said.empty(); });
  }(*this, why));
  EXPECT_NE(why.find("nobody asked for"), std::string::npos) << why;
}

TEST_F(ClientTest, Client_WrongPassword_IsToldToEveryCallAsSuch) {
  const test::RedisServer server({.configuration = {"requirepass correct"}});
  const auto client = MakeClient(
      {.connection = RedisTest::To("redis://:hunter2@127.0.0.1:" + std::to_string(server.port()))});
  for (int i = 0; i < 2; ++i) {
    const auto refused = Call(*client, {"PING"});
    EXPECT_EQ(CodeOf(refused), ErrorCode::kUnauthenticated) << TextOf(refused);
    EXPECT_EQ(TextOf(refused).find("hunter2"), std::string::npos) << TextOf(refused);
  }
}

TEST_F(ClientTest, Client_NoPermission_IsOfThatCallAlone) {
  const test::RedisServer server(
      {.acl = {"user default off", "user a on >pw ~a:* +get +set +multi +exec"}});
  const auto client = MakeClient(
      {.connection = RedisTest::To("redis://a:pw@127.0.0.1:" + std::to_string(server.port()))});
  EXPECT_EQ(TextOf(Call(*client, {"SET", "a:1", "x"})), "OK");
  EXPECT_EQ(CodeOf(Call(*client, {"SET", "b:1", "x"})), ErrorCode::kPermissionDenied);
  EXPECT_EQ(TextOf(Call(*client, {"GET", "a:1"})), "x");
}

TEST_F(ClientTest, Client_FullServer_IsExhausted) {
  const test::RedisServer server(
      {.configuration = {"maxmemory 1mb", "maxmemory-policy noeviction"}});
  const auto client = To(server);
  const auto full = Call(*client, {"SET", "a", std::string(2 << 20, 'x')});
  const auto then = Call(*client, {"SET", "b", "x"});
  EXPECT_TRUE(CodeOf(full) == ErrorCode::kExhausted || CodeOf(then) == ErrorCode::kExhausted)
      << TextOf(full) << TextOf(then);
  EXPECT_NE((full ? TextOf(then) : TextOf(full)).find("maxmemory"), std::string::npos);
}

TEST_F(ClientTest, Client_Replica_IsReadOnly) {
  const test::RedisServer master;
  const test::RedisServer replica(
      {.configuration = {"replicaof 127.0.0.1 " + std::to_string(master.port())}});
  const auto client = To(replica);
  const auto refused = Call(*client, {"SET", "a", "1"});
  EXPECT_EQ(CodeOf(refused), ErrorCode::kUnavailable);
  EXPECT_NE(TextOf(refused).find("is a replica; name the master"), std::string::npos)
      << TextOf(refused);
}

TEST_F(ClientTest, Client_CannotSaveToDisk_SaysSo) {
  const test::RedisServer server({.configuration = {"save 1 1"}});
  const auto client = To(server);
  ASSERT_EQ(TextOf(Call(*client, {"SET", "a", "1"})), "OK");
  // Its directory is gone, so saving fails; from then on it takes no writes.
  std::filesystem::remove_all(server.directory());
  Result<Value> refused = Error{};
  for (int i = 0; i < 400; ++i) {
    refused = Call(*client, {"SET", "a", "1"});
    if (!refused) break;
    Run(Pause(Millis{20}));
  }
  EXPECT_EQ(CodeOf(refused), ErrorCode::kUnavailable);
  EXPECT_NE(TextOf(refused).find("cannot save to its disk"), std::string::npos) << TextOf(refused);
}

TEST_F(ClientTest, Client_LoadingServer_IsUnavailableUntilItHasLoaded) {
  test::RedisServer server(
      {.configuration = {"key-load-delay 1000", "loading-process-events-interval-bytes 1024"}});
  const auto client = To(server);
  std::vector<Command> fill;
  for (int i = 0; i < 2000; ++i)
    fill.push_back({"SET", "key" + std::to_string(i), std::string(100, 'x')});
  Run([](Client& with, std::vector<Command> commands) -> asio::awaitable<void> {
    EXPECT_TRUE(co_await with.CallAll(std::move(commands), Seconds{20}));
  }(*client, std::move(fill)));
  EXPECT_EQ(server.Cli("SAVE"), "OK");
  server.Kill();
  server.Start();
  Run([](ClientTest& test, Client& with) -> asio::awaitable<void> {
    // That the connection is lost, it does not know yet.
    auto loading = co_await with.Call({"PING"}, Seconds{10});
    EXPECT_EQ(CodeOf(loading), ErrorCode::kUnavailable) << TextOf(loading);
    loading = co_await with.Call({"GET", "key1"}, Seconds{10});
    EXPECT_EQ(CodeOf(loading), ErrorCode::kUnavailable) << TextOf(loading);
    EXPECT_NE(TextOf(loading).find("still loading"), std::string::npos) << TextOf(loading);
    const auto until = std::chrono::steady_clock::now() + Seconds{20};
    auto found = loading;
    while (!found && std::chrono::steady_clock::now() < until) {
      co_await test.Pause(Millis{20});
      found = co_await with.Call({"GET", "key1"}, Seconds{10});
    }
    EXPECT_EQ(TextOf(found), std::string(100, 'x'));
  }(*this, *client));
}

TEST_F(ClientTest, Client_Transaction_IsCarriedOutWholeOrNotAtAll) {
  const test::RedisServer server;
  const auto client = To(server);
  Run([](Client& with) -> asio::awaitable<void> {
    const auto done = co_await with.Transaction({{"SET", "a", "1"}, {"INCR", "a"}}, Seconds{5});
    EXPECT_TRUE(done && done->size() == 2 && (*done)[1].integer == 2);
    const auto refused = co_await with.Transaction({{"SET", "a", "9"}, {"INCR"}}, Seconds{5});
    EXPECT_FALSE(refused);
    if (!refused) {
      EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument) << refused.error().ToString();
      EXPECT_NE(refused.error().message.find("wrong number of arguments"), std::string::npos);
    }
    EXPECT_EQ(TextOf(co_await with.Call({"GET", "a"})), "2");
  }(*client));
}

TEST_F(ClientTest, Client_TooManyUnderWay_AreRefusedAndNotSent) {
  test::RedisServer server;
  const auto client = MakeClient(
      {.connection = RedisTest::To(server.url()), .most_calls = 3, .most_unsent_bytes = 1000});
  ASSERT_EQ(TextOf(Call(*client, {"PING"})), "PONG");
  Run([](ClientTest& test, Client& with, test::RedisServer& redis) -> asio::awaitable<void> {
    redis.Pause();
    EXPECT_EQ(CodeOf(co_await with.Call({"INCR", "n"}, Millis{20})), ErrorCode::kTimeout);
    EXPECT_EQ(CodeOf(co_await with.Call({"INCR", "n"}, Millis{20})), ErrorCode::kTimeout);
    const auto many = co_await with.CallAll({{"INCR", "n"}, {"INCR", "n"}}, Millis{20});
    EXPECT_EQ(many ? ErrorCode::kInternal : many.error().code, ErrorCode::kExhausted);
    redis.Resume();
    co_await test.Until([&] { return with.calls_under_way() == 0; });
    EXPECT_EQ(CodeOf(co_await with.Call({"SET", "n", std::string(2000, 'x')})),
              ErrorCode::kExhausted);
    EXPECT_EQ(TextOf(co_await with.Call({"GET", "n"})), "2");
  }(*this, *client, server));
}

TEST_F(ClientTest, Client_CommandsThatAreNotForASharedConnection_AreRefused) {
  const test::RedisServer server;
  const auto client = To(server);
  const Command table[] = {{},
                           {"blmove", "a", "b", "LEFT", "RIGHT", "0"},
                           {"BLPOP", "a", "0"},
                           {"WAIT", "1", "0"},
                           {"XREADGROUP", "GROUP", "g", "c", "block", "0", "STREAMS", "s", ">"},
                           {"XREAD", "BLOCK", "0", "STREAMS", "s", "$"},
                           {"SUBSCRIBE", "a"},
                           {"MULTI"},
                           {"WATCH", "a"},
                           {"SELECT", "1"},
                           {"AUTH", "x"},
                           {"HELLO", "2"},
                           {"QUIT"},
                           {"MONITOR"},
                           {"CLIENT", "REPLY", "OFF"}};
  for (const auto& command : table)
    EXPECT_EQ(CodeOf(Call(*client, command)), ErrorCode::kInvalidArgument)
        << (command.empty() ? "" : command[0]);
  EXPECT_TRUE(CheckShareable({"XREAD", "COUNT", "1", "STREAMS", "BLOCK", "0"}))
      << "a stream's name";
  EXPECT_TRUE(CheckShareable({"CLIENT", "ID"}));
  EXPECT_EQ(TextOf(Call(*client, {"PING"})), "PONG");
}

TEST_F(ClientTest, Client_WithChannels_GivesTheirMessagesOnEachConnection_AndRepliesAsEver) {
  test::RedisServer server;
  std::vector<std::string> messages;
  auto options = ClientOptions{.connection = RedisTest::To(server.url())};
  options.channels = {"a", "b"};
  options.on_message = [&](std::string_view channel, std::string_view payload) {
    messages.push_back(std::string(channel) + ": " + std::string(payload));
  };
  const auto client = MakeClient(std::move(options));
  const auto publish = [&](const char* channel, const char* payload) {
    EXPECT_EQ(Call(*client, {"PUBLISH", channel, payload}).value().integer, 1) << channel;
  };
  publish("a", "1");
  publish("b", "2");
  server.Kill();
  EXPECT_FALSE(Call(*client, {"PING"}));
  server.Start();
  Run([](ClientTest& test, Client& with) -> asio::awaitable<void> {
    co_await test.Until([&] { return with.connected(); });
  }(*this, *client));
  publish("a", "3");
  EXPECT_EQ(TextOf(Call(*client, {"PING"})), "PONG");
  EXPECT_EQ(messages, (std::vector<std::string>{"a: 1", "b: 2", "a: 3"}));
}

TEST_F(ClientTest, Client_WhoseChannelIsRefused_SaysSo) {
  const test::RedisServer server(
      {.acl = {"user default on nopass ~* &* +@all", "user a on >pw resetchannels &a ~* +@all"}});
  auto options = ClientOptions{.connection = RedisTest::To(server.url())};
  options.connection.url.user = "a";
  options.connection.url.password = "pw";
  options.channels = {"a", "b"};
  const auto client = MakeClient(std::move(options));
  EXPECT_EQ(CodeOf(Call(*client, {"PING"})), ErrorCode::kPermissionDenied);
}

TEST_F(ClientTest, Client_Stopped_EndsItsCallsAndLeavesNothing) {
  test::RedisServer server;
  auto client = To(server);
  ASSERT_EQ(TextOf(Call(*client, {"PING"})), "PONG");
  server.Pause();
  Run([](ClientTest& test, Client& with) -> asio::awaitable<void> {
    net::TaskGroup tasks(test.io_.get_executor());
    tasks.Spawn([](Client& client) -> asio::awaitable<void> {
      EXPECT_EQ(CodeOf(co_await client.Call({"PING"}, Seconds{20})), ErrorCode::kCanceled);
    }(with));
    co_await test.Pause(Millis{20});
    co_await with.Stop();
    co_await tasks.Wait();
    EXPECT_EQ(CodeOf(co_await with.Call({"PING"})), ErrorCode::kCanceled);
  }(*this, *client));
  server.Resume();
}

TEST_F(ClientTest, Client_DestroyedWhileACallWaits_EndsTheCall) {
  test::RedisServer server;
  auto client = To(server);
  ASSERT_EQ(TextOf(Call(*client, {"PING"})), "PONG");
  server.Pause();
  Run([](ClientTest& test, std::unique_ptr<Client> with) -> asio::awaitable<void> {
    net::TaskGroup tasks(test.io_.get_executor());
    tasks.Spawn([](Client& client) -> asio::awaitable<void> {
      EXPECT_EQ(CodeOf(co_await client.Call({"PING"}, Seconds{20})), ErrorCode::kCanceled);
    }(*with));
    co_await test.Pause(Millis{20});
    with.reset();
    co_await tasks.Wait();
  }(*this, std::move(client)));
  server.Resume();
}

}  // namespace
}  // namespace prov::redis
