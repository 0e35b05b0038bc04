// The client over a Redis Cluster: three real masters, slots that move, and a failover.
#include <gmock/gmock.h>

#include "redis/blocking_client.hpp"
#include "redis/cluster_client.hpp"
#include "redis/cluster_map.hpp"
#include "redis/redis_fixture_test.hpp"
#include "redis/slot.hpp"
#include "support/redis_cluster.hpp"

namespace prov::redis {
namespace {

namespace asio = boost::asio;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// ---- the map

Value Text(std::string text) { return {Value::Type::kBulkString, std::move(text)}; }
Value Number(std::int64_t number) {
  Value value{Value::Type::kInteger};
  value.integer = number;
  return value;
}
Value List(std::vector<Value> elements) {
  Value value{Value::Type::kArray};
  value.elements = std::move(elements);
  return value;
}
Value Range(std::int64_t first, std::int64_t last, Value host, std::int64_t port) {
  return List({Number(first), Number(last), List({std::move(host), Number(port), Text("id")})});
}

TEST(ClusterMapTest, OfWholeRanges_FindsTheNodeOfEachKey) {
  const auto map = ClusterMap::Read(
      List({Range(0, 8191, Text("a"), 1), Range(8192, 16'383, Text("b"), 2)}), {"asked", 9});
  ASSERT_TRUE(map) << map.error().ToString();
  EXPECT_EQ(map->nodes(), (std::vector<Address>{{"a", 1}, {"b", 2}}));
  EXPECT_EQ(SlotOf("foo"), 12'182);
  EXPECT_EQ(*map->NodeOf("foo"), (Address{"b", 2}));
  EXPECT_EQ(SlotOf("hello"), 866);
  EXPECT_EQ(*map->NodeOf("hello"), (Address{"a", 1}));
}

TEST(ClusterMapTest, OfNodesWithoutAnAddress_HasTheOneThatWasAsked) {
  const auto map = ClusterMap::Read(
      List({Range(0, 1, Value{}, 1), Range(2, 3, Text(""), 2), Range(4, 16'383, Text("?"), 3)}),
      {"asked", 9});
  ASSERT_TRUE(map) << map.error().ToString();
  EXPECT_EQ(map->nodes(), (std::vector<Address>{{"asked", 1}, {"asked", 2}, {"asked", 3}}));
}

TEST(ClusterMapTest, WithAHole_NamesNobodyThere) {
  const auto map = ClusterMap::Read(List({Range(0, 100, Text("a"), 1)}), {"asked", 9});
  ASSERT_TRUE(map);
  EXPECT_EQ(map->NodeOf("foo"), nullptr);
}

TEST(ClusterMapTest, OfWhatIsNoAnswer_IsRefused) {
  const auto code = [](Value reply) {
    const auto map = ClusterMap::Read(std::move(reply), {"asked", 9});
    return map ? "read" : std::string(ToString(map.error().code));
  };
  const auto corrupt = std::string(ToString(ErrorCode::kCorrupt));
  EXPECT_EQ(code(List({})), ToString(ErrorCode::kUnavailable)) << "a node alone";
  EXPECT_EQ(code(List({Number(1)})), corrupt);
  EXPECT_EQ(code(List({List({Number(0), Number(1)})})), corrupt);
  EXPECT_EQ(code(List({Range(-1, 1, Text("a"), 1)})), corrupt);
  EXPECT_EQ(code(List({Range(2, 1, Text("a"), 1)})), corrupt);
  EXPECT_EQ(code(List({Range(0, 16'384, Text("a"), 1)})), corrupt);
  EXPECT_EQ(code(List({Range(0, 1, Text("a"), 0)})), corrupt);
  EXPECT_EQ(code(List({Range(0, 1, Text("a"), 65'536)})), corrupt);
  EXPECT_EQ(code(List({List({Number(0), Number(1), List({Text("a")})})})), corrupt);
}

// ---- real nodes

class ClusterTest : public RedisTest {
 protected:
  ClientOptions Options(const test::RedisCluster& cluster) {
    ClientOptions options;
    options.connection = To(cluster.url());
    options.first_pause = Millis{10};
    options.longest_pause = Millis{100};
    options.silence = Millis{500};
    options.on_change = [this](const Status& status) {
      states_.push_back(status ? "well" : status.error().ToString());
    };
    return options;
  }
  void Make(const test::RedisCluster& cluster) {
    auto made = MakePipeline(io_.get_executor(), Options(cluster), random_);
    ASSERT_TRUE(made) << made.error().ToString();
    client_ = std::move(*made);
  }
  Result<std::vector<Value>> CallAll(std::vector<Command> commands) {
    Result<std::vector<Value>> result = Error{};
    Run([](Pipeline& with, std::vector<Command> send,
           Result<std::vector<Value>>& into) -> asio::awaitable<void> {
      into = co_await with.CallAll(std::move(send), Seconds{5});
    }(*client_, std::move(commands), result));
    return result;
  }
  std::string Say(Command command) {
    const auto replies = CallAll({std::move(command)});
    return replies ? replies->front().text : replies.error().ToString();
  }
  void TearDown() override {
    if (!client_) return;
    Run([](Pipeline& with) -> asio::awaitable<void> { co_await with.Stop(); }(*client_));
  }

  std::unique_ptr<Pipeline> client_;
  std::vector<std::string> states_;  // as told
};

TEST_F(ClusterTest, Commands_GoToTheNodesOfTheirKeys_AndTheRepliesComeInOrder) {
  auto& cluster = test::RedisCluster::Shared();
  Make(cluster);
  std::vector<Command> sets;
  std::vector<Command> gets;
  for (int i = 0; i < 300; ++i) {
    sets.push_back({"SET", "key" + std::to_string(i), "value" + std::to_string(i)});
    gets.push_back({"GET", "key" + std::to_string(i)});
  }
  const auto set = CallAll(sets);
  ASSERT_TRUE(set) << set.error().ToString();
  const auto got = CallAll(gets);
  ASSERT_TRUE(got) << got.error().ToString();
  for (std::size_t i = 0; i < 300; ++i) {
    EXPECT_EQ((*set)[i].text, "OK");
    EXPECT_EQ((*got)[i].text, "value" + std::to_string(i));
  }
  for (std::size_t at = 0; at < 3; ++at)
    EXPECT_GT(std::stoi(cluster.node(at).Cli("DBSIZE")), 50) << "a node without its share";
  EXPECT_EQ(states_.back(), "well");
}

TEST_F(ClusterTest, SlotThatMoves_IsFollowed) {
  auto& cluster = test::RedisCluster::Shared();
  Make(cluster);
  ASSERT_EQ(Say({"SET", "a", "1"}), "OK");
  const auto from = cluster.NodeOf("a");
  const auto to = (from + 1) % 3;
  cluster.MoveSlot("a", from, to);
  ASSERT_THAT(cluster.node(from).Cli("GET a"), HasSubstr("MOVED"));
  EXPECT_EQ(Say({"GET", "a"}), "1");
  EXPECT_EQ(Say({"SET", "a", "2"}), "OK");
  EXPECT_EQ(cluster.node(to).Cli("GET a"), "2");
}

TEST_F(ClusterTest, MasterThatDies_IsFollowedToItsReplica_AndTheOthersAnswerMeanwhile) {
  test::RedisCluster cluster(true);
  Make(cluster);
  ASSERT_EQ(Say({"SET", "a", "1"}), "OK");
  const auto at = cluster.NodeOf("a");
  std::string other = "b";
  while (cluster.NodeOf(other) == at) other += "b";
  ASSERT_EQ(Say({"SET", other, "here"}), "OK");
  Run(Until([&] {
    return cluster.replica_of(at).Cli("INFO keyspace").find("keys=") != std::string::npos;
  }));
  cluster.node(at).Kill();
  const auto replies = CallAll({{"GET", "a"}, {"GET", other}});
  ASSERT_TRUE(replies) << replies.error().ToString();
  EXPECT_THAT((*replies)[0].text, StartsWith("CLUSTERDOWN"));
  EXPECT_EQ((*replies)[1].text, "here");
  Run(Until([&] { return states_.back() != "well"; }));
  EXPECT_THAT(states_.back(), HasSubstr(std::to_string(cluster.node(at).port())));
  const auto until = std::chrono::steady_clock::now() + Seconds{30};
  while (Say({"SET", "a", "2"}) != "OK" && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(Millis{50});
  EXPECT_EQ(cluster.replica_of(at).Cli("GET a"), "2");
  Run(Until([&] { return states_.back() == "well"; }));
}

TEST_F(ClusterTest, NodesOfTheUrlThatAreGone_AreNotMissed) {
  test::RedisCluster cluster(true);
  Make(cluster);
  ASSERT_EQ(Say({"SET", "a", "1"}), "OK");
  std::string other = "b";
  while (cluster.NodeOf(other) == 0) other += "b";
  ASSERT_EQ(Say({"SET", other, "1"}), "OK");
  cluster.node(0).Kill();  // which is all that the URL names
  const auto at = cluster.NodeOf(other);
  cluster.MoveSlot(other, at, 3 - at);
  EXPECT_EQ(Say({"GET", other}), "1");
}

TEST_F(ClusterTest, ConnectionForAKey_IsToItsNode_AndFollowsIt) {
  auto& cluster = test::RedisCluster::Shared();
  for (const auto* key : {"a", "b", "c"}) {
    auto options = To(cluster.url());
    options.cluster_key = key;
    auto connector = *Connector::Create(io_.get_executor(), options);
    BlockingClient client(*connector);
    const auto ask = [&](Command command) {
      Result<Value> result = Error{};
      Run([](BlockingClient& with, Command send, Result<Value>& into) -> asio::awaitable<void> {
        into = co_await with.Call(std::move(send), Millis{100});
      }(client, std::move(command), result));
      return TextOf(result);
    };
    EXPECT_EQ(ask({"SET", key, "1"}), "OK");
    const auto from = cluster.NodeOf(key);
    cluster.MoveSlot(key, from, (from + 1) % 3);
    EXPECT_THAT(ask({"GET", key}), HasSubstr("another node"));
    EXPECT_EQ(ask({"GET", key}), "1");
  }
}

TEST_F(ClusterTest, ClientForAKey_FollowsIt) {
  auto& cluster = test::RedisCluster::Shared();
  auto options = Options(cluster);
  options.connection.cluster_key = "a";
  options.channels = {"news"};
  std::vector<std::string> heard;
  options.on_message = [&](std::string_view, std::string_view text) { heard.emplace_back(text); };
  const auto client = MakeClient(std::move(options));
  EXPECT_EQ(TextOf(Call(*client, {"SET", "a", "1"})), "OK");
  const auto from = cluster.NodeOf("a");
  cluster.MoveSlot("a", from, (from + 1) % 3);
  EXPECT_THAT(TextOf(Call(*client, {"GET", "a"})), HasSubstr("another node"));
  Run(Until([&] { return states_.back() == "well" && states_.size() >= 3; }));
  EXPECT_EQ(TextOf(Call(*client, {"GET", "a"})), "1");
  cluster.node((from + 2) % 3).Cli("PUBLISH news passed-on");
  Run(Until([&] { return !heard.empty(); }));
  EXPECT_EQ(heard.front(), "passed-on");
}

// An operator takes a node out. It still answers, and to no purpose.
TEST_F(ClusterTest, NodeThatIsReset_IsLeftForThoseThatHaveItsSlots) {
  test::RedisCluster cluster;
  Make(cluster);
  ASSERT_EQ(Say({"SET", "a", "1"}), "OK");
  const auto at = cluster.NodeOf("a");
  const auto to = (at + 1) % 3;
  cluster.TakeOut(at, to);
  ASSERT_THAT(cluster.node(at).Cli("GET a"), StartsWith("CLUSTERDOWN"));
  Run([](ClusterTest& test, Pipeline& with) -> asio::awaitable<void> {
    const auto until = std::chrono::steady_clock::now() + Seconds{20};
    for (;;) {
      const auto said = co_await with.CallAll({{"SET", "a", "2"}}, Seconds{5});
      if (said && said->front().text == "OK") co_return;
      EXPECT_THAT(said ? said->front().text : said.error().ToString(), StartsWith("CLUSTERDOWN"));
      if (std::chrono::steady_clock::now() > until) break;
      co_await test.Pause(Millis{5});
    }
    ADD_FAILURE() << "the node is asked for ever";
  }(*this, *client_));
  EXPECT_EQ(cluster.node(to).Cli("GET a"), "2");
}

// ---- nodes that are made up: one has lost the others, and does not know it

class CutOffNode : public ClusterTest {
 protected:
  static std::uint16_t PortOf(const FakeServer& server) {
    return ParseUrl(server.url())->addresses.front().port;
  }
  static std::string Map(std::vector<Value> ranges) {
    std::string bytes;
    AppendValue(bytes, List(std::move(ranges)));
    return bytes;
  }
  std::string CutOff(const Command& command) {
    if (command[0] == "CLUSTER") {
      ++asked_;
      return Map({Range(0, 8191, Text("127.0.0.1"), PortOf(cut_off_)),
                  Range(8192, 16'383, Text("127.0.0.1"), PortOf(other_))});
    }
    if (command[0] == "GET" || command[0] == "BLPOP")
      return whole_ ? "$3\r\nold\r\n" : "-CLUSTERDOWN The cluster is down\r\n";
    return FakeServer::Greeting(command);
  }
  std::string Other(const Command& command) {
    if (command[0] == "CLUSTER") {
      if (!other_has_all_) return CutOff(command);
      ++asked_;
      return Map({Range(0, 16'383, Text("127.0.0.1"), PortOf(other_))});
    }
    if (command[0] == "GET" || command[0] == "BLPOP") return "$3\r\nnew\r\n";
    return FakeServer::Greeting(command);
  }
  std::string Url() const {
    return "redis+cluster://127.0.0.1:" + std::to_string(PortOf(cut_off_));
  }
  // Until it answers so, or for 5 s; what it answered last.
  template <class Ask>
  std::string AskUntil(std::string_view answer, Ask ask) {
    std::string said;
    const auto until = std::chrono::steady_clock::now() + Seconds{5};
    while (said != answer && std::chrono::steady_clock::now() < until) {
      said = ask();
      Run(Pause(Millis{2}));
    }
    return said;
  }

  bool whole_ = false;
  bool other_has_all_ = true;
  int asked_ = 0;  // who has what
  FakeServer other_{io_, [this](const Command& command) { return Other(command); }};
  FakeServer cut_off_{io_, [this](const Command& command) { return CutOff(command); }};
};

TEST_F(CutOffNode, IsLeft_ByTheClientOfACluster) {
  ClientOptions options;
  options.connection = To(Url());
  options.first_pause = Millis{5};
  options.longest_pause = Millis{50};
  client_ = *MakePipeline(io_.get_executor(), std::move(options), random_);
  EXPECT_EQ(AskUntil("new", [&] { return Say({"GET", "hello"}); }), "new");
}

TEST_F(CutOffNode, IsLeft_ByTheClientOfAKey) {
  ClientOptions options;
  options.connection = To(Url());
  options.connection.cluster_key = "hello";
  const auto client = MakeClient(std::move(options));
  EXPECT_EQ(AskUntil("new", [&] { return TextOf(Call(*client, {"GET", "hello"})); }), "new");
}

TEST_F(CutOffNode, IsLeft_ByWhoeverWaits) {
  auto options = To(Url());
  options.cluster_key = "hello";
  const auto connector = *Connector::Create(io_.get_executor(), options);
  BlockingClient client(*connector);
  const auto ask = [&] {
    Result<Value> result = Error{};
    Run([](BlockingClient& with, Result<Value>& into) -> asio::awaitable<void> {
      into = co_await with.Call({"BLPOP", "hello", "0.1"}, Millis{100});
    }(client, result));
    return TextOf(result);
  };
  EXPECT_THAT(ask(), HasSubstr("CLUSTERDOWN"));
  EXPECT_EQ(AskUntil("new", ask), "new");
}

TEST_F(CutOffNode, ThatIsWholeAgain_Answers_AndWasNotAskedForEachCall) {
  other_has_all_ = false;
  ClientOptions options;
  options.connection = To(Url());
  options.first_pause = Millis{20};
  options.longest_pause = Millis{1'000};
  client_ = *MakePipeline(io_.get_executor(), options, random_);
  options.connection.cluster_key = "hello";
  const auto of_a_key = *Client::Create(io_.get_executor(), std::move(options), random_);
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 200; ++i) {
    ASSERT_THAT(Say({"GET", "hello"}), HasSubstr("CLUSTERDOWN"));
    ASSERT_THAT(TextOf(Call(*of_a_key, {"GET", "hello"})), HasSubstr("CLUSTERDOWN"));
    Run(Pause(Millis{2}));
  }
  const auto took = std::chrono::steady_clock::now() - began;
  // Each of the two begins, and asks after 20 ms, 40, 80, .. to 1000, of which half is by chance.
  EXPECT_LE(asked_, 20 + 2 * (took / Millis{500}));
  const auto connections = cut_off_.connections();
  whole_ = true;
  EXPECT_EQ(Say({"GET", "hello"}), "old");
  EXPECT_EQ(TextOf(Call(*of_a_key, {"GET", "hello"})), "old");
  EXPECT_LE(cut_off_.connections() - connections, 2) << "the connections were not given up";
}

TEST_F(ClusterTest, ServerThatIsNoCluster_IsSaid) {
  test::RedisServer server;
  auto options = To("redis+cluster://127.0.0.1:" + std::to_string(server.port()));
  const auto refused = Connect(options);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().ToString(), HasSubstr("cluster support disabled"));
}

TEST_F(ClusterTest, CommandWithoutAKey_IsRefused) {
  auto& cluster = test::RedisCluster::Shared();
  Make(cluster);
  const auto refused = CallAll({{"PING"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace prov::redis
