// An agent's user at a real server: it can do its work, and nothing else (docs/faults.md, row 33).
#include "transport/redis/acl.hpp"

#include <sstream>

#include <gmock/gmock.h>

#include "transport/redis/redis_transport_test.hpp"

namespace prov::transport::redis {
namespace {

constexpr std::string_view kHttpKey = "an http key of an agent";

TEST(RedisAclRule, HasThePasswordAsAHash_AndOnlyItsOwnKeys) {
  const std::vector<std::string> passwords{AclPassword(kHttpKey, "web-1")};
  const auto rule = AclRule("web-1", KeyStyle::kPlain, passwords);
  EXPECT_THAT(rule, testing::StartsWith("ACL SETUSER agent:web-1 reset on resetchannels #"));
  EXPECT_THAT(rule, testing::HasSubstr(" ~agent:web-1:* &agent:web-1:* -@all +ping "));
  EXPECT_THAT(rule, testing::Not(testing::HasSubstr(passwords[0])));
  EXPECT_THAT(AclRule("web-1", KeyStyle::kHashTag, passwords),
              testing::HasSubstr(" ~agent:{web-1}:* &agent:{web-1}:* "));
  EXPECT_EQ(passwords[0].size(), 64U);
  EXPECT_NE(passwords[0], AclPassword(kHttpKey, "web-2"));
  EXPECT_NE(passwords[0], AclPassword("another key", "web-1"));
}

class RedisAcl : public TransportTest {
 protected:
  void SetUp() override {
    auto transport = std::make_unique<RedisTransport>(io_, test::RedisOptions{});
    redis_ = transport.get();
    transport_ = std::move(transport);
    StartPanel();
    admin_ = MakeClient("", "");
    for (const auto* agent : {"a", "b"}) {
      const std::vector<std::string> passwords{AclPassword(kHttpKey, agent)};
      Command rule;
      std::istringstream words(AclRule(agent, KeyStyle::kPlain, passwords));
      for (std::string word; words >> word;) rule.push_back(word);
      ASSERT_TRUE(Call(*admin_, rule));
    }
    redis_->sign_in = [](prov::redis::Url& url, const std::string& agent) {
      url.user = AclUser(agent);
      url.password = AclPassword(kHttpKey, agent);
    };
  }

  using Command = prov::redis::Command;
  std::unique_ptr<prov::redis::Client> MakeClient(std::string user, std::string password) {
    prov::redis::ClientOptions options;
    options.connection = redis_->Connection();
    options.connection.url.user = std::move(user);
    options.connection.url.password = std::move(password);
    auto client = prov::redis::Client::Create(io_.get_executor(), std::move(options), random_);
    EXPECT_TRUE(client) << client.error().ToString();
    return std::move(*client);
  }
  Result<prov::redis::Value> Call(prov::redis::Client& client, Command command) {
    return Await(client.Call(std::move(command)));
  }

  SystemRandom random_;
  RedisTransport* redis_ = nullptr;
  std::unique_ptr<prov::redis::Client> admin_;
};

TEST_F(RedisAcl, TheUser_CanDoItsWork) {
  auto& agent = StartAgent("a");
  agent.Report();
  ASSERT_TRUE(Push("a", "1"));
  ASSERT_TRUE(Await(queue().Push("a", {ParcelKind::kCommand, "2", "command 2"})));
  RunUntil([&] { return agent.taken() == 2 && agent.acknowledged() == 1 && Depth("a") == 0; },
           "jobs, commands, events and the acknowledgement");
  // What is used when something went wrong.
  redis_->server().Cli("RPUSH agent:a:processing 'order 3'");
  StopAgent("a");
  StartAgent("a");
  RunUntil([&] { return agent.journal.contains("order 3") && Depth("a") == 0; }, "what was left");
  EXPECT_EQ(redis_->server().Cli("ACL LOG"), "") << "it asks for nothing that it may not";
}

class ClusterAcl : public TransportTest {
 protected:
  void SetUp() override {
    auto transport = std::make_unique<RedisTransport>(io_, cluster_);
    const std::vector<std::string> passwords{AclPassword(kHttpKey, "a")};
    std::string rule;
    std::istringstream words(AclRule("a", KeyStyle::kHashTag, passwords));
    for (std::string word; words >> word;) rule += "'" + word + "' ";
    for (std::size_t i = 0; i < test::RedisCluster::kMasters; ++i) {
      ASSERT_EQ(cluster_.node(i).Cli(rule), "OK");
      cluster_.node(i).Cli("ACL LOG RESET");
    }
    transport->sign_in = [](prov::redis::Url& url, const std::string& agent) {
      url.user = AclUser(agent);
      url.password = AclPassword(kHttpKey, agent);
    };
    transport_ = std::move(transport);
    StartPanel();
  }
  test::RedisCluster& cluster_ = test::RedisCluster::Shared();
};

TEST_F(ClusterAcl, TheUser_CanDoItsWork) {
  auto& agent = StartAgent("a");
  agent.Report();
  ASSERT_TRUE(Push("a", "1"));
  RunUntil([&] { return agent.taken() == 1 && agent.acknowledged() == 1 && Depth("a") == 0; },
           "jobs, events and the acknowledgement");
  for (std::size_t i = 0; i < test::RedisCluster::kMasters; ++i)
    EXPECT_EQ(cluster_.node(i).Cli("ACL LOG"), "") << "it asks for nothing that it may not";
}

TEST_F(RedisAcl, TheUser_CanTouchNothingElse) {
  ASSERT_TRUE(Push("b", "1"));
  const auto stolen = MakeClient(AclUser("a"), AclPassword(kHttpKey, "a"));
  ASSERT_TRUE(Call(*stolen, {"PING"}));
  const Command refused[] = {{"RPUSH", "agent:a:jobs", "x"},
                             {"RPUSH", "agent:b:jobs", "x"},
                             {"LINDEX", "agent:b:jobs", "0"},
                             {"LREM", "agent:b:jobs", "1", "order 1"},
                             {"DEL", "agent:b:jobs"},
                             {"DEL", "agent:ab:jobs"},
                             {"SET", "agent:b:heartbeat", "now"},
                             {"SET", "job:1", "x"},
                             {"GETDEL", "agent:b:ack"},
                             {"XADD", "agent:b:events", "*", "event", "x"},
                             {"XRANGE", "agent:b:events", "-", "+"},
                             {"PUBLISH", "agent:b:events", "events"},
                             {"PUBLISH", "agent:b:wake", "x"},
                             {"PUBLISH", "job:01900000-0000-7000-8000-000000000000:updates", "{}"},
                             {"EVAL", "return redis.call('FLUSHALL')", "0"},
                             {"EVALSHA", "0", "0"},
                             {"KEYS", "*"},
                             {"SCAN", "0"},
                             {"FLUSHALL"},
                             {"FLUSHDB"},
                             {"CONFIG", "GET", "*"},
                             {"ACL", "LIST"},
                             {"CLIENT", "LIST"},
                             {"INFO"},
                             {"RENAME", "agent:a:ack", "agent:b:ack"},
                             {"COPY", "agent:a:ack", "agent:b:ack"},
                             {"REPLICAOF", "NO", "ONE"},
                             {"SAVE"}};
  for (const auto& command : refused) {
    const auto answer = Call(*stolen, command);
    ASSERT_FALSE(answer) << command[0] << " " << command[1];
    EXPECT_EQ(answer.error().code, ErrorCode::kPermissionDenied) << answer.error().ToString();
  }
  EXPECT_EQ(redis_->server().Cli("LRANGE agent:b:jobs 0 -1"), "order 1");
  prov::redis::SubscriberOptions options;
  options.connection = redis_->Connection();
  options.connection.url.user = AclUser("a");
  options.connection.url.password = AclPassword(kHttpKey, "a");
  const auto listener =
      *prov::redis::Subscriber::Create(io_.get_executor(), std::move(options), random_);
  listener->SubscribePattern("agent:*:events");
  const auto heard = Await(listener->Next());
  ASSERT_FALSE(heard);
  EXPECT_EQ(heard.error().code, ErrorCode::kPermissionDenied);
}

TEST_F(RedisAcl, AnotherPassword_IsRefused) {
  const auto stranger = MakeClient(AclUser("a"), AclPassword(kHttpKey, "b"));
  const auto answer = Call(*stranger, {"PING"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kUnauthenticated);
}

}  // namespace
}  // namespace prov::transport::redis
