// An agent's user at a real server: it can do its work, and nothing else (docs/faults.md, row 33).
#include "transport/rabbitmq/user.hpp"

#include <gmock/gmock.h>

#include "transport/rabbitmq/names.hpp"
#include "transport/rabbitmq/rabbitmq_transport_test.hpp"

namespace prov::transport::rabbitmq {
namespace {

constexpr std::string_view kHttpKey = "an http key of an agent";

TEST(RabbitmqUserDefinitions, HaveThePasswordAsAHash_AndOnlyItsOwnNames) {
  FakeRandom random;
  const auto password = PasswordOf(kHttpKey, "web-1.x");
  const auto definitions = UserDefinitions("web-1.x", "/", password, random);
  EXPECT_THAT(definitions, testing::HasSubstr(R"("name":"agent.web-1.x")"));
  EXPECT_THAT(definitions, testing::HasSubstr(R"("read":"^agent\\.web-1\\.x\\.jobs$")"));
  EXPECT_THAT(definitions, testing::HasSubstr(R"("write":"^(presence\\.web-1\\.x|events\\.)"));
  EXPECT_THAT(definitions, testing::Not(testing::HasSubstr(password)));
  EXPECT_EQ(password.size(), 64U);
  EXPECT_NE(password, PasswordOf(kHttpKey, "web-2"));
  EXPECT_NE(password, PasswordOf("another key", "web-1.x"));
}

TEST(RabbitmqNames, AnAgentIsReadFromItsKeys_AndNothingElseIs) {
  for (const auto* agent : {"a", "web-1", "a.b.c", "3"}) {
    EXPECT_EQ(AgentOfPresence(PresenceKey(agent)), agent);
    EXPECT_EQ(AgentOfEvents(EventsKey(agent)), agent);
  }
  for (const auto* key : {"", "presence", "presence.", "presence.-", "presence..", "events.1.a",
                          "presence.a b", "presence.#"})
    EXPECT_EQ(AgentOfPresence(key), "") << key;
  const auto own = EventsKey("a");
  for (std::size_t shard = 0; shard < kEventShards; ++shard) {
    const auto key = "events." + std::to_string(shard) + ".a";
    EXPECT_EQ(AgentOfEvents(key), key == own ? "a" : "") << key;
  }
  for (const auto* key : {"", "events", "events.", "events.1", "events.1.", "events.x.a",
                          "presence.a", "events.01.a"})
    EXPECT_EQ(AgentOfEvents(key), "") << key;
}

class RabbitmqUser : public TransportTest {
 protected:
  void SetUp() override {
    auto transport = std::make_unique<RabbitmqTransport>(io_);
    rabbitmq_ = transport.get();
    transport_ = std::move(transport);
    StartPanel();
    for (const auto* agent : {"a", "b"}) {
      EXPECT_EQ(rabbitmq_->server().Api("POST", "definitions",
                                        UserDefinitions(agent, rabbitmq_->vhost(),
                                                        PasswordOf(kHttpKey, agent), random_)),
                "");
    }
    rabbitmq_->sign_in = [](amqp::Url& url, const std::string& agent) {
      url.user = UserOf(agent);
      url.password = PasswordOf(kHttpKey, agent);
    };
  }

  // A channel of whoever stole the credentials of the agent "a".
  Result<std::unique_ptr<amqp::Channel>> Steal() {
    amqp::ClientOptions options;
    options.connection = rabbitmq_->Connection();
    rabbitmq_->sign_in(options.connection.url, "a");
    PROV_TRY(auto client, amqp::Client::Create(io_.get_executor(), std::move(options), random_));
    auto channel = Await(client->OpenChannel());
    if (channel) PROV_CHECK(Await((*channel)->UseConfirms()));
    clients_.push_back(std::move(client));
    return channel;
  }
  Status Publish(const std::string& exchange, const std::string& key, const std::string& body = "x",
                 const std::string& reply_to = "") {
    PROV_TRY(const auto channel, Steal());
    std::vector<amqp::Message> messages{{.exchange = exchange,
                                         .routing_key = key,
                                         .body = body,
                                         .type = "",
                                         .message_id = "",
                                         .reply_to = reply_to}};
    return Await(channel->Publish(std::move(messages)));
  }

  SystemRandom random_;
  RabbitmqTransport* rabbitmq_ = nullptr;
  std::vector<std::unique_ptr<amqp::Client>> clients_;
};

TEST_F(RabbitmqUser, CanDoItsWork) {
  auto& agent = StartAgent("a");
  agent.Report();
  ASSERT_TRUE(Push("a", "1"));
  ASSERT_TRUE(Await(queue().Push("a", {ParcelKind::kCommand, "2", "command 2"})));
  RunUntil([&] { return agent.taken() == 2 && agent.acknowledged() == 1 && Depth("a") == 0; },
           "jobs, commands, events and the acknowledgement");
  EXPECT_GT(panel_.seen["a"], 0);
}

TEST_F(RabbitmqUser, CanTouchNothingElse) {
  ASSERT_TRUE(Push("a", "1"));
  ASSERT_TRUE(Push("b", "1"));
  const std::string exchange(kAgentsExchange);
  const std::pair<std::string, std::string> published[] = {
      {"", "agent.b.jobs"},       {"", "agent.a.jobs"},       {exchange, "presence.b"},
      {exchange, EventsKey("b")}, {exchange, "presence.a.b"}, {exchange, "presence.xa"},
      {"amq.topic", "presence.a"}};
  for (const auto& [to, key] : published) {
    const auto refused = Publish(to, key);
    ASSERT_FALSE(refused) << to << " " << key;
    EXPECT_EQ(refused.error().code, ErrorCode::kPermissionDenied) << refused.error().ToString();
  }
  for (const auto* queue : {"agent.b.jobs", "provisioning.events.0", "provisioning.dead"}) {
    const auto channel = Steal();
    ASSERT_TRUE(channel);
    const auto refused = Await((*channel)->Consume(queue, 1));
    ASSERT_FALSE(refused) << queue;
    EXPECT_EQ(refused.error().code, ErrorCode::kPermissionDenied) << refused.error().ToString();
  }
  auto channel = Steal();
  ASSERT_TRUE(channel);
  EXPECT_EQ(Await((*channel)->DeclareQueue({.name = "mine"})).error().code,
            ErrorCode::kPermissionDenied);
  channel = Steal();
  ASSERT_TRUE(channel);
  EXPECT_EQ(Await((*channel)->DeclareExchange("mine", "topic")).error().code,
            ErrorCode::kPermissionDenied);
  channel = Steal();
  ASSERT_TRUE(channel);
  EXPECT_EQ(Await((*channel)->Bind("agent.a.jobs", exchange, "events.#")).error().code,
            ErrorCode::kPermissionDenied);
  EXPECT_TRUE(panel_.events_of.empty());
}

// The panel may publish to any queue; it answers nobody but who asked.
TEST_F(RabbitmqUser, CannotHaveThePanelAnswerIntoAQueue) {
  ASSERT_EQ(Depth("b"), 0U);
  // Once the panel has made the queue that takes it.
  const auto publish = [&] {
    return Publish(std::string(kAgentsExchange), EventsKey("a"), "event 1", "agent.b.jobs");
  };
  RunUntil([&] { return publish().has_value(); }, "the queue of events");
  RunUntil([&] { return panel_.events_of["a"].size() == 1; }, "the event");
  // Behind an answer, on the panel's one channel.
  ASSERT_TRUE(Push("b", "1"));
  EXPECT_EQ(Depth("b"), 1U);
}

TEST_F(RabbitmqUser, AnotherPassword_IsRefused) {
  rabbitmq_->sign_in = [](amqp::Url& url, const std::string& agent) {
    url.user = UserOf(agent);
    url.password = PasswordOf(kHttpKey, "b");
  };
  EXPECT_EQ(Steal().error().code, ErrorCode::kUnauthenticated);
}

}  // namespace
}  // namespace prov::transport::rabbitmq
