// What RabbitMQ itself may do to the queue in it (docs/faults.md, rows 31 and 32), and what others
// may write into it.
#include <set>

#include <gmock/gmock.h>

#include "transport/rabbitmq/names.hpp"
#include "transport/rabbitmq/rabbitmq_transport_test.hpp"

namespace prov::transport::rabbitmq {
namespace {

using testing::HasSubstr;

class RabbitmqQueue : public RabbitmqTest {
 protected:
  void SetUp() override {
    auto transport = std::make_unique<RabbitmqTransport>(io_);
    rabbitmq_ = transport.get();
    transport_ = std::move(transport);
    StartPanel();
  }
  void TearDown() override {
    if (alarm_) Alarm(false);
    Server().Resume();
    TransportTest::TearDown();
  }

  test::RabbitmqServer& Server() { return rabbitmq_->server(); }
  ErrorCode PushCode(const std::string& id) {
    const auto pushed = Push("a", id);
    return pushed ? ErrorCode::kInternal : pushed.error().code;
  }
  // A channel of another program.
  amqp::Channel& Foreign() {
    if (!foreign_) {
      foreign_ = *amqp::Client::Create(io_.get_executor(), {.connection = rabbitmq_->Connection()},
                                       random_);
    }
    if (!foreign_channel_ || !foreign_channel_->open()) {
      foreign_channel_ = *Await(foreign_->OpenChannel());
      EXPECT_TRUE(Await(foreign_channel_->UseConfirms()));
    }
    return *foreign_channel_;
  }
  Status Publish(const std::string& key, std::string body, const std::string& exchange = "",
                 const std::string& type = "") {
    std::vector<amqp::Message> messages{{.exchange = exchange,
                                         .routing_key = key,
                                         .body = std::move(body),
                                         .type = type,
                                         .message_id = ""}};
    return Await(Foreign().Publish(std::move(messages)));
  }
  // How many messages of a queue no consumer has.
  std::uint32_t Ready(const amqp::Queue& queue) {
    return Await(Foreign().DeclareQueue(queue)).value().ready;
  }
  // Of panels that declare the same queues at once RabbitMQ throws one off (541), and the other
  // reads what that one read.
  void UntilThePanelReadsEachShard() {
    std::set<std::string> shards;
    for (int i = 0; shards.size() < kEventShards; ++i) {
      const auto key = EventsKey("server-" + std::to_string(i));
      if (!shards.insert(key.substr(0, key.find('.', key.find('.') + 1))).second) continue;
      RunUntil([&] { return Publish(key, "no event", std::string(kAgentsExchange)).has_value(); },
               "the shard");
    }
    RunUntil([&] { return panel_.deliveries >= static_cast<int>(kEventShards); }, "the panel");
  }
  static amqp::Queue EventsOf(const std::string& agent) {
    const auto key = EventsKey(agent);
    return EventsQueueOf(std::stoul(key.substr(key.find('.') + 1)));
  }
  std::string Queues() { return Server().Api("GET", "queues/" + rabbitmq_->vhost()); }
  void Alarm(bool on) {
    alarm_ = on;
    Server().SetMemoryAlarm(on);
  }

  SystemRandom random_;
  RabbitmqTransport* rabbitmq_ = nullptr;
  bool alarm_ = false;
  std::unique_ptr<amqp::Client> foreign_;
  std::unique_ptr<amqp::Channel> foreign_channel_;
};

// Row 31. The broker keeps what it confirmed; what was on its way is sent again.
TEST_F(RabbitmqQueue, ServerKilledInMidTraffic_EveryOrderIsTakenAndEveryEventAppliedOnce) {
  constexpr int kOrders = 30;
  rabbitmq_->unreceipted = Millis{1'000};
  StopPanel();
  StartPanel();
  auto& agent = StartAgent("a");
  RunUntil([&] { return panel_.seen["a"] > 0; }, "the agent");
  // The queue that was made last has a test of its own.
  ASSERT_EQ(Depth("a"), 0U);
  ASSERT_EQ(Depth("b"), 0U);
  for (int i = 0; i < kOrders; ++i) {
    std::ignore = Push("a", std::to_string(i));
    agent.Report();
    agent.Report();
    if (i != 15) continue;
    Server().Kill();
    agent.Report();
    RunFor(Millis{20});
    EXPECT_EQ(PushCode("later"), ErrorCode::kUnavailable);
    Server().Start();
  }
  UntilAllArrived(kOrders, 2 * kOrders + 1, Seconds{60});
}

// RabbitMQ 3.10 writes down with a delay where it keeps a queue.
TEST_F(RabbitmqQueue, ServerKilledJustAfterAQueueWasMade_TheQueueIsMadeAnew) {
  rabbitmq_->unreceipted = Millis{1'000};
  rabbitmq_->leaderless = Millis{1'000};
  rabbitmq_->answer = Millis{3'000};
  StopPanel();
  StartPanel();
  UntilThePanelReadsEachShard();
  ASSERT_TRUE(Push("a", "0"));
  Server().Kill();
  Server().Start();
  StartAgent("a");
  UntilAllArrived(2, 0, Seconds{60});
}

TEST_F(RabbitmqQueue, ServerStartedAgainWithoutData_LosesNoOrderAndNoEvent) {
  rabbitmq_->unreceipted = Millis{1'000};
  StopPanel();
  StartPanel();
  ASSERT_TRUE(Push("a", "1"));
  auto& agent = Agent("a");
  panel_.away = true;
  agent.hold = true;
  StartAgent("a");
  for (int i = 0; i < 5; ++i) agent.Report();
  RunUntil([&] { return panel_.deliveries > 0; }, "the events to be in RabbitMQ");
  Server().Kill();
  Server().StartEmpty();
  rabbitmq_->RestoreVhost();
  agent.Report();
  panel_.away = false;
  agent.Release();
  UntilAllArrived(2, 6, Seconds{60});
}

TEST_F(RabbitmqQueue, ServerThatAnswersNothing_IsUnavailableInTime_AndNothingIsLost) {
  auto& agent = StartAgent("a");
  RunUntil([&] { return panel_.seen["a"] > 0; }, "the agent");
  Server().Pause();
  agent.Report();
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(PushCode("1"), ErrorCode::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - began, Seconds{10});
  RunUntil([&] { return !rabbitmq_->end().connection(); }, "the panel to notice");
  Server().Resume();
  RunUntil([&] { return rabbitmq_->end().connection().has_value(); }, "a connection");
  RunUntil([&] { return Push("a", "1").has_value(); }, "the push");
  RunUntil([&] { return agent.taken() == 1 && agent.acknowledged() == 1; }, "both");
}

// Row 32.
TEST_F(RabbitmqQueue, ServerOutOfMemory_SaysExhausted_AndNothingIsLost) {
  auto& agent = StartAgent("a");
  RunUntil([&] { return panel_.seen["a"] > 0; }, "the agent");
  Alarm(true);
  agent.Report();
  auto code = ErrorCode::kInternal;
  int orders = 0;
  // What was under way when the alarm came may be taken still.
  for (; orders < 50 && code == ErrorCode::kInternal; ++orders)
    code = PushCode(std::to_string(orders));
  EXPECT_EQ(code, ErrorCode::kExhausted);
  Alarm(false);
  UntilAllArrived(orders, 1, Seconds{30});
}

TEST_F(RabbitmqQueue, OfTwoPanels_TheOtherAppliesWhatOneHadReadAndNotCommitted) {
  Await(transport_->StopPanel());
  // Its store never answers.
  class Stuck final : public EventSink {
   public:
    explicit Stuck(boost::asio::any_io_executor executor) : never_(executor) {}
    boost::asio::awaitable<Result<std::string>> Deliver(std::string,
                                                        std::vector<std::string> events) override {
      read = events.size();
      while (true) co_await never_.Wait();
    }
    void Seen(const std::string&) override {}
    std::size_t read = 0;

   private:
    net::Event never_;
  } stuck(io_.get_executor());
  rabbitmq_->lease = Millis{500};
  auto dying = rabbitmq_->MakePanel(stuck);
  dying->Start();
  auto& agent = StartAgent("a");
  agent.Report();
  RunUntil([&] { return stuck.read == 1; }, "the one that dies to read it");
  rabbitmq_->StartPanel(panel_);
  RunUntil([&] { return agent.acknowledged() == 1; }, "the other's acknowledgement");
  EXPECT_EQ(panel_.events_of["a"], agent.outbox);
  Await(dying->Stop());
}

TEST_F(RabbitmqQueue, OfTwoPanels_OneReadsAnAgentsEvents_AndTheOtherWhenItIsGone) {
  UntilThePanelReadsEachShard();
  PanelModel other;
  auto second = rabbitmq_->MakePanel(other);
  second->Start();
  auto& agent = StartAgent("a");
  for (std::uint64_t i = 1; i <= 10; ++i) {
    agent.Report();
    RunUntil([&] { return agent.acknowledged() == i; }, "the acknowledgement");
  }
  EXPECT_EQ(other.deliveries, 0);
  // A store is both panels': the one that goes on knows what the other applied.
  other.events_of = panel_.events_of;
  StopPanel();
  agent.Report();
  RunUntil([&] { return agent.acknowledged() == 11; }, "the other panel");
  EXPECT_EQ(other.events_of["a"], agent.outbox);
  Await(second->Stop());
}

TEST_F(RabbitmqQueue, ATakenParcel_IsKnownToEachPanelAtOnce) {
  PanelModel other;
  auto second = rabbitmq_->MakePanel(other);
  second->Start();
  Agent("a").hold = true;
  ASSERT_TRUE(Await(second->Push("a", Order("1"))));
  ASSERT_TRUE(Push("a", "1"));
  auto& agent = StartAgent("a");
  RunUntil([&] { return agent.begun.contains("order 1"); }, "Take to be called");
  EXPECT_TRUE(Holds("a", "1"));
  EXPECT_TRUE(Await(second->Holds("a", Order("1"))).value());
  agent.Release();
  RunUntil([&] { return !Holds("a", "1") && !*Await(second->Holds("a", Order("1"))); }, "both");
  Await(second->Stop());
}

TEST_F(RabbitmqQueue, WhatIsTooLargeOrJunk_IsDropped_AndWhatStandsBehindItComes) {
  ASSERT_EQ(Depth("a"), 0U);
  const auto parcels = QueueOf("a");
  ASSERT_TRUE(Publish(parcels, std::string(3'000'000, 'x')));
  ASSERT_TRUE(Publish(parcels, ""));
  ASSERT_TRUE(Publish(parcels, "junk"));
  ASSERT_TRUE(Push("a", "1"));
  ASSERT_TRUE(Await(queue().Push("a", {ParcelKind::kCommand, "2", "command 2"})));
  auto& agent = StartAgent("a");
  RunUntil([&] { return agent.taken() == 4 && Depth("a") == 0; }, "what is small enough");
  EXPECT_TRUE(agent.journal.contains("order 1"));
  EXPECT_TRUE(agent.journal.contains("command 2"));
  EXPECT_TRUE(agent.journal.contains("junk")) << "whether it is an order is the executor's to say";
}

TEST_F(RabbitmqQueue, WhatIsNoEvent_IsDropped_AndAgentsAreHeard) {
  auto& agent = StartAgent("a");
  RunUntil([&] { return panel_.seen["a"] > 0; }, "the agent");
  const std::string exchange(kAgentsExchange);
  const auto key = EventsKey("a");
  const auto shard = key.substr(0, key.find('.', 7) + 1);
  RunUntil([&] { return Publish(key, std::string(6'000'000, 'x'), exchange).has_value(); },
           "the panel to have made the queue");
  ASSERT_TRUE(Publish(shard + "..", "event 1 forged", exchange));
  ASSERT_TRUE(Publish(shard + "b", "event 1 in another's shard", exchange));
  ASSERT_TRUE(Publish("presence...", "", exchange, "heartbeat"));
  ASSERT_TRUE(Publish("presence.nobody", "", exchange, std::string(kNoQueue)));
  agent.Report();
  RunUntil([&] { return agent.acknowledged() == 1; }, "the event behind them");
  EXPECT_EQ(panel_.events_of.size(), 1U);
  EXPECT_EQ(panel_.seen.size(), 1U);
  EXPECT_THAT(Server().Api("GET", "queues/" + rabbitmq_->vhost() + "/agent.nobody.jobs"),
              HasSubstr("Not Found"))
      << "whoever is not registered makes no queues";
}

TEST_F(RabbitmqQueue, AQueueWithOtherArguments_IsSaid_AndOtherAgentsAreServed) {
  EXPECT_THAT(Server().Api("PUT", "queues/" + rabbitmq_->vhost() + "/agent.a.jobs",
                           R"({"durable": true, "arguments": {"x-queue-type": "quorum"}})"),
              "");
  const auto pushed = Push("a", "1");
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(pushed.error().ToString(), HasSubstr("other arguments"));
  EXPECT_TRUE(Push("b", "1"));
}

// Row 20 is before it: the executor's own quarantine.
TEST_F(RabbitmqQueue, AParcelThatEndsItsAgentAgainAndAgain_GoesToTheDeadLetters) {
  ASSERT_TRUE(Push("a", "poison"));
  ASSERT_TRUE(Push("a", "good"));
  auto& agent = Agent("a");
  agent.hold = true;
  for (int i = 0; i <= kMostDeliveries; ++i) {
    agent.begun.clear();
    StartAgent("a");
    RunUntil([&] { return !agent.begun.empty(); }, "a parcel");
    if (agent.begun.contains("order good")) break;
    StopAgent("a");
  }
  if (!links_.contains("a")) StartAgent("a");
  agent.Release();
  RunUntil([&] { return agent.taken() == 1; }, "the parcel behind it");
  EXPECT_TRUE(agent.journal.contains("order good"));
  EXPECT_EQ(Ready(DeadQueue()), 1U);
}

TEST_F(RabbitmqQueue, AStore_ThatIsAway_LeavesEventsInRabbitmq) {
  auto& agent = StartAgent("a");
  panel_.away = true;
  agent.Report();
  RunUntil([&] { return panel_.deliveries > 3; }, "some tries");
  StopPanel();
  StopAgent("a");
  panel_.away = false;
  StartPanel();
  RunUntil([&] { return panel_.events_of["a"].size() == 1; }, "the event, from the queue");
}

TEST_F(RabbitmqQueue, WithoutAPanel_WhatAnAgentAddsIsBounded) {
  rabbitmq_->heartbeat = Millis{50};
  auto& agent = StartAgent("a");
  agent.Report();
  RunUntil([&] { return agent.acknowledged() == 1; }, "a panel that made the queue");
  ASSERT_EQ(Depth("a"), 0U);  // one that is being made may end the agent's connection
  StopAgent("a");
  StopPanel();
  RunUntil([&] { return Queues().find("provisioning.panel.") == std::string::npos; },
           "the panel to be gone");
  for (int i = 0; i < 20; ++i) agent.Report(std::string(1'000'000, 'x'));
  StartAgent("a");
  RunUntil([&] { return Ready(EventsOf("a")) >= 4; }, "events in RabbitMQ");
  RunFor(Seconds{2});  // many times the time after which it sends again
  EXPECT_LE(Ready(EventsOf("a")) * std::size_t{1'000'000},
            kMostUnacknowledgedBytes + kMostUnacknowledgedBytes / 4);
  StartPanel();
  UntilAllArrived(0, 21, Seconds{60});
}

// Nothing is made there by agents; a message that no queue takes counts as not sent.
TEST_F(RabbitmqQueue, WhereNoPanelEverWas_EventsWaitWithTheirAgent) {
  rabbitmq_->resend = Seconds{120};  // longer than this test waits
  StopPanel();
  auto& agent = StartAgent("a");
  for (int i = 0; i < 20; ++i) agent.Report();
  RunUntil(
      [&] {
        return Server()
                   .Api("GET", "vhosts/" + rabbitmq_->vhost() + "/connections")
                   .find("provisioning-agent a") != std::string::npos;
      },
      "the agent");
  RunFor(Millis{500});
  EXPECT_THAT(Queues(), testing::Not(HasSubstr("provisioning.events")));
  StartPanel();
  UntilAllArrived(0, 20, Seconds{60});
}

TEST_F(RabbitmqQueue, HeartbeatsAreHeardAgainAndAgain) {
  rabbitmq_->heartbeat = Millis{50};
  StartAgent("a");
  RunUntil([&] { return panel_.seen["a"] > 5; }, "heartbeats");
}

TEST_F(RabbitmqQueue, AStrangersHeartbeats_AreNoReasonToAskAgainAndAgain_AndANewAgentIsHeard) {
  StartAgent("a");
  RunUntil([&] { return panel_.seen["a"] > 0; }, "the panel to listen");
  const auto beat = [&] {
    return Publish(PresenceKey("nobody"), "", std::string(kAgentsExchange), std::string(kNoQueue));
  };
  const auto before = rabbitmq_->agents().asked;
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(beat());
    RunFor(Millis{25});  // longer than the panel waits between two rounds
  }
  EXPECT_LE(rabbitmq_->agents().asked - before, 5) << "more than the rounds of its beginning";
  EXPECT_EQ(panel_.seen.count("nobody"), 0U);
  auto& agent = StartAgent("b");
  ASSERT_TRUE(Push("b", "1"));
  RunUntil([&] { return panel_.seen["b"] > 0 && agent.taken() == 1; }, "the new agent");
}

// It does not listen again and again to find out.
TEST_F(RabbitmqQueue, AnAgentThatHasNoQueueYet_IsToldWhenItIsMade) {
  rabbitmq_->ask_again = Seconds{600};  // longer than this test waits
  auto& agent = StartAgent("a");
  RunUntil([&] { return panel_.seen["a"] > 0; }, "the agent");
  ASSERT_TRUE(Push("a", "1"));
  RunUntil([&] { return agent.taken() == 1; }, "the parcel");
}

TEST_F(RabbitmqQueue, OfSeveralBrokers_OneThatIsThereIsUsed) {
  StopPanel();
  rabbitmq_->others = {{"127.0.0.1", 1}, {"127.0.0.1", 2}, {"127.0.0.1", 3}};
  StartPanel();
  auto& agent = StartAgent("a");
  ASSERT_TRUE(Push("a", "1"));
  agent.Report();
  RunUntil([&] { return agent.taken() == 1 && agent.acknowledged() == 1; }, "both");
  EXPECT_TRUE(rabbitmq_->end().connection());
}

TEST_F(RabbitmqQueue, AWrongPassword_IsSaidAsThat) {
  StopPanel();
  PanelEndOptions options;
  options.connection = rabbitmq_->Connection();
  options.connection.url.password = "another";
  SystemClock clock;
  NullLogger log;
  TestAgents agents;
  const auto end =
      PanelEnd::Create(io_.get_executor(), options, panel_, agents, clock, random_, log);
  ASSERT_TRUE(end);
  RunUntil([&] { return (*end)->connection().error().code == ErrorCode::kUnauthenticated; },
           "the refusal");
  EXPECT_THAT((*end)->connection().error().ToString(), HasSubstr("password"));
  EXPECT_EQ(Await((*end)->Push("a", Order("1"))).error().code, ErrorCode::kUnavailable);
  Await((*end)->Stop());
  StartPanel();
}

}  // namespace
}  // namespace prov::transport::rabbitmq
