#include "redis/connection.hpp"

#include "redis/blocking_client.hpp"
#include "redis/redis_fixture_test.hpp"

namespace prov::redis {
namespace {

namespace asio = boost::asio;

class ConnectionTest : public RedisTest {
 protected:
  Result<Value> Ask(Connection& connection, Command command, Millis within = Seconds{10}) {
    Result<Value> result = Error{};
    Run([](Connection& with, Command send, Millis time,
           Result<Value>& into) -> asio::awaitable<void> {
      into = co_await with.Call(std::move(send), time);
    }(connection, std::move(command), within, result));
    return result;
  }

  // Connecting with these options fails with this code, and says this.
  void Refuses(ConnectionOptions options, ErrorCode code, std::string_view says) {
    const auto password = options.url.password;
    const auto connection = Connect(std::move(options));
    ASSERT_FALSE(connection);
    const auto said = connection.error().ToString();
    EXPECT_EQ(connection.error().code, code) << said;
    EXPECT_NE(said.find(says), std::string::npos) << said;
    if (!password.empty()) EXPECT_EQ(said.find(password), std::string::npos) << said;
  }
};

TEST_F(ConnectionTest, Connection_ARealServer_SpeaksResp3WithItsNameAndDatabase) {
  const test::RedisServer server({.configuration = {"requirepass hunter2"}});
  auto options = To("redis://:hunter2@127.0.0.1:" + std::to_string(server.port()) + "/2");
  options.name = "tester";
  const auto connection = Connect(options);
  ASSERT_TRUE(connection) << connection.error().ToString();
  EXPECT_TRUE((*connection)->resp3());
  EXPECT_EQ((*connection)->role(), "master");
  EXPECT_FALSE((*connection)->server_version().empty());
  const auto information = Ask(**connection, {"CLIENT", "INFO"});
  EXPECT_NE(TextOf(information).find("name=tester"), std::string::npos) << TextOf(information);
  EXPECT_NE(TextOf(information).find("db=2"), std::string::npos) << TextOf(information);
}

TEST_F(ConnectionTest, Connection_WrongOrMissingPassword_IsUnauthenticated) {
  const test::RedisServer server({.configuration = {"requirepass correct"}});
  const auto port = std::to_string(server.port());
  Refuses(To("redis://:hunter2@127.0.0.1:" + port), ErrorCode::kUnauthenticated,
          "password is wrong");
  Refuses(To("redis://bob:hunter2@127.0.0.1:" + port), ErrorCode::kUnauthenticated,
          "password is wrong");
  Refuses(To("redis://127.0.0.1:" + port), ErrorCode::kUnauthenticated, "wants a password");
}

TEST_F(ConnectionTest, Connection_AUserOfTheAcl_MayDoWhatItAllows) {
  const test::RedisServer server(
      {.acl = {"user default off", "user agent on >hunter2 ~agent:7:* &job:* +@read +@write"}});
  const auto connection =
      Connect(To("redis://agent:hunter2@127.0.0.1:" + std::to_string(server.port())));
  ASSERT_TRUE(connection) << connection.error().ToString();
  EXPECT_EQ(TextOf(Ask(**connection, {"SET", "agent:7:x", "1"})), "OK");
  for (const Command& command :
       {Command{"SET", "agent:8:x", "1"}, Command{"CONFIG", "GET", "maxmemory"}}) {
    const auto refused = Ask(**connection, command);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kPermissionDenied) << refused.error().ToString();
  }
  EXPECT_FALSE((*connection)->broken()) << "an answer is no failure of the connection";
}

TEST_F(ConnectionTest, Connection_OlderThanHello_GoesOnWithResp2OrIsRefused) {
  std::string version;
  std::vector<Command> seen;
  FakeServer server(io_, [&](const Command& command) -> std::string {
    seen.push_back(command);
    if (command[0] == "HELLO")
      return "-ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `hunter2`\r\n";
    std::string bytes;
    if (command[0] == "INFO")
      AppendCommand(bytes, {"# Server\r\nredis_version:" + version + "\r\nos:Linux\r\n"});
    return bytes.empty() ? "+OK\r\n" : bytes.substr(4);  // the string alone
  });
  auto options = To("redis://u:hunter2@" + server.url().substr(8));
  version = "5.0.7";
  Refuses(options, ErrorCode::kUnsupported, "Redis 5.0.7, and 6.2 is the oldest");
  version = "6.0.16";
  Refuses(options, ErrorCode::kUnsupported, "upgrade it");
  version = "6.2.14";  // behind a proxy that knows no HELLO
  seen.clear();
  const auto connection = Connect(options);
  ASSERT_TRUE(connection) << connection.error().ToString();
  EXPECT_FALSE((*connection)->resp3());
  ASSERT_GE(seen.size(), 2U);
  EXPECT_EQ(seen[1], (Command{"AUTH", "u", "hunter2"}));
}

TEST_F(ConnectionTest, Connection_OldServerThatKnowsHello_IsRefused) {
  FakeServer server(io_,
                    [](const Command& command) { return FakeServer::Greeting(command, "6.0.9"); });
  Refuses(To(server.url()), ErrorCode::kUnsupported, "6.2 is the oldest");
}

TEST_F(ConnectionTest, Connection_NotRedis_IsCorrupt) {
  FakeServer http(io_, [](const Command&) { return "HTTP/1.1 400 Bad Request\r\n\r\n"; });
  Refuses(To(http.url()), ErrorCode::kCorrupt, "is it a Redis server?");
  FakeServer odd(io_, [](const Command&) { return "+hello\r\n"; });
  Refuses(To(odd.url()), ErrorCode::kCorrupt, "is it Redis?");
}

TEST_F(ConnectionTest, Connection_NobodyAnswers_SaysWhy) {
  asio::ip::tcp::acceptor silent(io_, {asio::ip::make_address("127.0.0.1"), 0});
  const auto url = "redis://127.0.0.1:" + std::to_string(silent.local_endpoint().port());
  auto options = To(url);
  options.connect = Millis{100};
  Refuses(options, ErrorCode::kTimeout, "did not answer in time");
  silent.close();
  Refuses(To(url), ErrorCode::kUnavailable, "refused");
}

TEST_F(ConnectionTest, Connection_PlainBeyondLoopback_IsRefused) {
  auto options = To("redis://:hunter2@192.0.2.1");
  options.connect = Millis{50};
  Refuses(options, ErrorCode::kPermissionDenied, "use TLS");
  options.plain_beyond_loopback = true;
  const auto connection = Connect(options);
  ASSERT_FALSE(connection);
  EXPECT_NE(connection.error().code, ErrorCode::kPermissionDenied);
}

TEST_F(ConnectionTest, Connection_Tls_WantsTheRightCaAndAClientCertificate) {
  const test::RedisServer server({.tls = true});
  const auto& files = server.certificates();
  for (const auto* host : {"127.0.0.1", "localhost"}) {
    auto options = To("rediss://" + std::string(host) + ":" + std::to_string(server.tls_port()));
    options.ca_file = files.ca;
    options.client_certificate = files.client_certificate;
    options.client_key = files.client_key;
    const auto connection = Connect(options);
    ASSERT_TRUE(connection) << connection.error().ToString();
    EXPECT_EQ(TextOf(Ask(**connection, {"PING"})), "PONG");
    auto wrong_ca = options;
    wrong_ca.ca_file = files.other_ca;
    Refuses(wrong_ca, ErrorCode::kPermissionDenied, "not trusted");
    auto nobody = options;
    nobody.client_certificate.clear();
    Refuses(nobody, ErrorCode::kUnauthenticated, "wants a client certificate");
    auto no_key = options;
    no_key.client_key = files.key;
    Refuses(no_key, ErrorCode::kInvalidArgument, "cannot use the TLS key");
  }
}

TEST_F(ConnectionTest, Connection_CallOutOfTime_IsBrokenSoThatNoReplyIsTakenForAnother) {
  test::RedisServer server;
  const auto connection = Connect(To(server.url()));
  ASSERT_TRUE(connection) << connection.error().ToString();
  server.Pause();
  const auto late = Ask(**connection, {"ECHO", "first"}, Millis{50});
  server.Resume();
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kTimeout);
  EXPECT_NE(late.error().message.find("may have been carried out"), std::string::npos);
  EXPECT_TRUE((*connection)->broken());
  EXPECT_FALSE(Ask(**connection, {"ECHO", "second"}));
}

TEST_F(ConnectionTest, Connection_LargeBinaryValue_ComesBackAsItWas) {
  const test::RedisServer server;
  const auto connection = Connect(To(server.url()));
  ASSERT_TRUE(connection) << connection.error().ToString();
  const auto bytes = random_.Bytes(8 << 20);
  EXPECT_EQ(TextOf(Ask(**connection, {"SET", "k", bytes})), "OK");
  const auto found = Ask(**connection, {"GET", "k"});
  ASSERT_TRUE(found) << found.error().ToString();
  EXPECT_TRUE(found->text == bytes);
}

TEST_F(ConnectionTest, BlockingClient_CanceledOrOutOfTime_NeverGivesAnotherCallsReply) {
  test::RedisServer server;
  Run([](ConnectionTest& test, test::RedisServer& redis) -> asio::awaitable<void> {
    auto connector = Connector::Create(test.io_.get_executor(), To(redis.url()));
    BlockingClient blocking(**connector, Millis{500});
    // Waits, and gives what comes.
    const auto none =
        co_await blocking.Call({"BLMOVE", "a", "b", "LEFT", "RIGHT", "0.05"}, Millis{50});
    EXPECT_TRUE(none && none->is_null());
    redis.Cli("RPUSH a one");
    EXPECT_EQ(
        TextOf(co_await blocking.Call({"BLMOVE", "a", "b", "LEFT", "RIGHT", "1"}, Millis{1000})),
        "one");
    // Canceled while it waits.
    net::TaskGroup tasks(test.io_.get_executor());
    const auto id = tasks.Spawn([](BlockingClient& with) -> asio::awaitable<void> {
      const auto got = co_await with.Call({"BLMOVE", "a", "b", "LEFT", "RIGHT", "5"}, Millis{5000});
      EXPECT_FALSE(got) << "canceled";
    }(blocking));
    co_await test.Pause(Millis{50});
    const auto second = co_await blocking.Call({"PING"}, Millis{0});
    EXPECT_EQ(second ? ErrorCode::kInternal : second.error().code, ErrorCode::kConflict);
    tasks.Cancel(id);
    co_await tasks.Wait();
    EXPECT_EQ(TextOf(co_await blocking.Call({"ECHO", "mine"}, Millis{0})), "mine");
    // The server stands still, and later answers a call that nobody waits for.
    redis.Pause();
    const auto late = co_await blocking.Call({"ECHO", "late"}, Millis{0});
    EXPECT_EQ(late ? ErrorCode::kInternal : late.error().code, ErrorCode::kTimeout);
    redis.Resume();
    EXPECT_EQ(TextOf(co_await blocking.Call({"ECHO", "next"}, Millis{0})), "next");
    // Killed while a call waits; started again.
    tasks.Spawn([](BlockingClient& with) -> asio::awaitable<void> {
      const auto got = co_await with.Call({"BLMOVE", "a", "b", "LEFT", "RIGHT", "5"}, Millis{5000});
      EXPECT_EQ(got ? ErrorCode::kInternal : got.error().code, ErrorCode::kUnavailable);
    }(blocking));
    co_await test.Pause(Millis{50});
    redis.Kill();
    co_await tasks.Wait();
    redis.Start();
    EXPECT_EQ(TextOf(co_await blocking.Call({"PING"}, Millis{0})), "PONG");
  }(*this, server));
}

}  // namespace
}  // namespace prov::redis
