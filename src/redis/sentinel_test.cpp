// The client over Sentinels: a master, a replica and one Sentinel, and what fakes say.
#include "redis/redis_fixture_test.hpp"

namespace prov::redis {
namespace {

namespace asio = boost::asio;

class SentinelTest : public RedisTest {
 protected:
  static std::vector<std::string> Watch(const test::RedisServer& master) {
    return {"sentinel monitor mymaster 127.0.0.1 " + std::to_string(master.port()) + " 1",
            "sentinel down-after-milliseconds mymaster 300",
            "sentinel failover-timeout mymaster 2000"};
  }
  static std::string Url(const std::vector<std::string>& sentinels) {
    std::string url = "redis+sentinel://";
    for (const auto& each : sentinels) url += (url.ends_with('/') ? "" : ",") + each;
    return url + "/mymaster";
  }
  static std::string HostOf(const std::string& url) { return url.substr(8); }
};

TEST_F(SentinelTest, Sentinel_MasterDies_TheClientFollowsTheFailover) {
  test::RedisServer master;
  test::RedisServer replica(
      {.configuration = {"replicaof 127.0.0.1 " + std::to_string(master.port())}});
  const auto is_replica = [&] {
    return replica.Cli("INFO replication").find("master_link_status:up") != std::string::npos;
  };
  Run(Until(is_replica));  // so that the Sentinel finds it at once
  test::RedisServer sentinel({.configuration = Watch(master), .sentinel = true});
  const auto client = MakeClient({.connection = To(Url({HostOf(sentinel.url())}))});
  ASSERT_EQ(TextOf(Call(*client, {"SET", "a", "1"})), "OK");
  Run([](SentinelTest& test, Client& with, test::RedisServer& one, test::RedisServer& other,
         test::RedisServer& watching) -> asio::awaitable<void> {
    // The Sentinel has found the replica, and the replica the data.
    co_await test.Until([&] { return other.Cli("GET a") == "1"; });
    co_await test.Until([&] {
      return watching.Cli("SENTINEL REPLICAS mymaster").find(std::to_string(other.port())) !=
             std::string::npos;
    });
    one.Kill();
    const auto until = std::chrono::steady_clock::now() + Seconds{30};
    Result<Value> written = Error{};
    while (!written && std::chrono::steady_clock::now() < until) {
      written = co_await with.Call({"SET", "a", "2"}, Seconds{5});
      if (!written) co_await test.Pause(Millis{50});
    }
    EXPECT_EQ(TextOf(written), "OK");
    EXPECT_EQ(other.Cli("GET a"), "2");
  }(*this, *client, master, replica, sentinel));
}

// A Sentinel that names what it is told to.
std::string Answer(const Command& command, std::uint16_t port) {
  if (command[0] != "SENTINEL") return FakeServer::Greeting(command);
  if (port == 0) return "*-1\r\n";
  std::string bytes;
  AppendCommand(bytes, {"127.0.0.1", std::to_string(port)});
  return bytes;
}

TEST_F(SentinelTest, Sentinel_NamesAReplica_ItIsNotTakenForTheMaster) {
  test::RedisServer master;
  test::RedisServer replica(
      {.configuration = {"replicaof 127.0.0.1 " + std::to_string(master.port())}});
  std::uint16_t named = replica.port();
  FakeServer sentinel(io_, [&](const Command& command) { return Answer(command, named); });
  const auto url = Url({HostOf(sentinel.url())});
  const auto refused = Connect(To(url));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(refused.error().message.find("failover"), std::string::npos)
      << refused.error().ToString();
  named = master.port();
  const auto connected = Connect(To(url));
  ASSERT_TRUE(connected) << connected.error().ToString();
}

TEST_F(SentinelTest, Sentinel_FirstIsAwayOrKnowsNothing_TheNextIsAsked) {
  const test::RedisServer master;
  FakeServer ignorant(io_, [&](const Command& command) { return Answer(command, 0); });
  FakeServer knowing(io_, [&](const Command& command) { return Answer(command, master.port()); });
  const auto found =
      Connect(To(Url({"127.0.0.1:1", HostOf(ignorant.url()), HostOf(knowing.url())})));
  ASSERT_TRUE(found) << found.error().ToString();
  const auto none = Connect(To(Url({"127.0.0.1:1", HostOf(ignorant.url())})));
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("no master \"mymaster\""), std::string::npos)
      << none.error().ToString();
}

TEST_F(SentinelTest, Sentinel_MasterBecomesAReplica_TheClientLooksForTheNewOne) {
  test::RedisServer one;
  test::RedisServer other;
  std::uint16_t named = one.port();
  FakeServer sentinel(io_, [&](const Command& command) { return Answer(command, named); });
  const auto client = MakeClient({.connection = To(Url({HostOf(sentinel.url())}))});
  ASSERT_EQ(TextOf(Call(*client, {"SET", "a", "1"})), "OK");
  EXPECT_EQ(one.Cli("REPLICAOF 127.0.0.1 " + std::to_string(other.port())), "OK");
  named = other.port();
  const auto refused = Call(*client, {"SET", "a", "2"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable) << refused.error().ToString();
  EXPECT_EQ(TextOf(Call(*client, {"SET", "a", "3"})), "OK");
  EXPECT_EQ(other.Cli("GET a"), "3");
}

}  // namespace
}  // namespace prov::redis
