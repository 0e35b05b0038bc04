// What Redis itself may do to the queue in it (docs/faults.md, rows 31 and 32), and what others may
// write into it.
#include <gmock/gmock.h>

#include "transport/redis/redis_transport_test.hpp"
#include "transport/redis/stream.hpp"

namespace prov::transport::redis {
namespace {

using testing::HasSubstr;

class RedisQueue : public TransportTest {
 protected:
  void SetUp() override { Use(test::RedisOptions{}); }
  void Use(test::RedisOptions server, Millis round = Seconds{60}) {
    auto transport = std::make_unique<RedisTransport>(io_, std::move(server));
    redis_ = transport.get();
    redis_->round = round;
    transport_ = std::move(transport);
    StartPanel();
  }
  void TearDown() override {
    if (redis_ != nullptr) redis_->server().Resume();
    TransportTest::TearDown();
  }

  test::RedisServer& Server() { return redis_->server(); }
  std::string Cli(const std::string& arguments) { return Server().Cli(arguments); }
  ErrorCode PushCode(const std::string& id) {
    const auto pushed = Push("a", id);
    return pushed ? ErrorCode::kInternal : pushed.error().code;
  }
  // A list element or an entry of so many bytes.
  void Large(const std::string& call, std::size_t bytes) {
    const auto said = Cli("EVAL \"return redis.call(" + call + ", string.rep('x', " +
                          std::to_string(bytes) + "))\" 0");
    ASSERT_THAT(said, testing::Not(HasSubstr("ERR"))) << said;
  }
  // What the reconciler does: what was not reported as taken, and the queue does not hold, is
  // pushed again.
  void Reconcile(int orders) {
    for (int i = 0; i < orders; ++i) {
      const auto id = std::to_string(i);
      if (Agent("a").journal.contains("order " + id)) continue;
      const auto held = Await(queue().Holds("a", Order(id)));
      if (held && !*held) std::ignore = Push("a", id);
    }
  }
  void RunFor(Millis time) {
    io_.restart();
    io_.run_for(time);
  }

  RedisTransport* redis_ = nullptr;
};

// Row 31.
TEST_F(RedisQueue, ServerKilledWithoutPersistence_EveryOrderIsTakenAndEveryEventAppliedOnce) {
  constexpr int kOrders = 30;
  constexpr std::size_t kEvents = 60;
  auto& agent = StartAgent("a");
  int kills = 0;
  const auto until = std::chrono::steady_clock::now() + Seconds{60};
  while (agent.taken() < kOrders || agent.acknowledged() < kEvents || kills < 8) {
    ASSERT_LT(std::chrono::steady_clock::now(), until)
        << agent.taken() << " taken, acknowledged up to " << agent.acknowledged();
    if (agent.outbox.size() < kEvents) agent.Report();
    Reconcile(kOrders);
    RunFor(Millis{3});
    if (kills < 8 && agent.outbox.size() % 6 == 5) {
      ++kills;
      Server().Kill();
      if (agent.outbox.size() < kEvents) agent.Report();
      RunFor(Millis{5});
      Server().Start();
      ASSERT_EQ(Cli("DBSIZE"), "0");
    }
  }
  EXPECT_EQ(panel_.events_of["a"], agent.outbox);
  EXPECT_EQ(agent.journal.size(), static_cast<std::size_t>(kOrders));
}

TEST_F(RedisQueue, ServerStartedAgainWithoutData_AcknowledgesWhatWasSentBefore) {
  auto& agent = StartAgent("a");
  RunUntil([&] { return panel_.seen["a"] > 0; }, "the agent");
  panel_.away = true;
  for (int i = 0; i < 5; ++i) agent.Report();
  RunUntil([&] { return panel_.deliveries > 0; }, "the events to be in Redis");
  Server().Kill();
  Server().Start();
  agent.Report();
  panel_.away = false;
  RunUntil([&] { return agent.acknowledged() == 6; }, "the acknowledgement");
  EXPECT_EQ(panel_.events_of["a"], agent.outbox);
}

TEST_F(RedisQueue, ServerThatAnswersNothing_IsUnavailableInTime_AndNothingIsLost) {
  auto& agent = StartAgent("a");
  RunUntil([&] { return panel_.seen["a"] > 0; }, "the agent");
  Server().Pause();
  agent.Report();
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(PushCode("1"), ErrorCode::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - began, Seconds{10});
  RunUntil([&] { return !redis_->end().connection(); }, "the panel to notice");
  EXPECT_EQ(PushCode("1"), ErrorCode::kUnavailable);
  Server().Resume();
  RunUntil([&] { return static_cast<bool>(redis_->end().connection()); }, "a connection");
  ASSERT_TRUE(Push("a", "1"));
  RunUntil([&] { return agent.taken() == 1 && agent.acknowledged() == 1; }, "both");
}

// Row 32.
TEST_F(RedisQueue, ServerOutOfMemory_SaysExhausted_AndNothingIsLost) {
  auto& agent = StartAgent("a");
  RunUntil([&] { return panel_.seen["a"] > 0; }, "the agent");
  ASSERT_EQ(Cli("CONFIG SET maxmemory 1"), "OK");
  agent.Report();
  EXPECT_EQ(PushCode("1"), ErrorCode::kExhausted);
  RunFor(Millis{200});
  EXPECT_EQ(agent.acknowledged(), 0U);
  ASSERT_EQ(Cli("CONFIG SET maxmemory 0"), "OK");
  ASSERT_TRUE(Push("a", "1"));
  RunUntil([&] { return agent.taken() == 1 && agent.acknowledged() == 1; }, "both");
}

TEST_F(RedisQueue, ServerOutOfMemory_CommandsAreTakenAllTheSame) {
  StartAgent("a");
  RunUntil([&] { return panel_.seen["a"] > 0; }, "the agent");
  StopAgent("a");
  Cli("RPUSH agent:a:control 'command 1'");
  ASSERT_EQ(Cli("CONFIG SET maxmemory 1"), "OK");
  auto& agent = StartAgent("a");
  RunUntil([&] { return agent.journal.contains("command 1"); },
           "what is taken out of a full Redis");
  ASSERT_EQ(Cli("CONFIG SET maxmemory 0"), "OK");
}

TEST_F(RedisQueue, ServerThatBecameAReplica_IsUnavailable_AndNothingIsLost) {
  auto& agent = StartAgent("a");
  RunUntil([&] { return panel_.seen["a"] > 0; }, "the agent");
  ASSERT_EQ(Cli("REPLICAOF 127.0.0.1 1"), "OK");
  agent.Report();
  EXPECT_EQ(PushCode("1"), ErrorCode::kUnavailable);
  RunFor(Millis{200});
  ASSERT_EQ(Cli("REPLICAOF NO ONE"), "OK");
  ASSERT_TRUE(Push("a", "1"));
  RunUntil([&] { return agent.taken() == 1 && agent.acknowledged() == 1; }, "both");
}

TEST_F(RedisQueue, OfTwoPanels_TheOtherAppliesWhatOneHadReadAndNotCommitted) {
  Await(transport_->StopPanel());
  // Its store never answers, and its lease ends.
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
  redis_->lease = Millis{300};
  auto dying = redis_->MakePanel(stuck);
  dying->Start();
  auto& agent = StartAgent("a");
  agent.Report();
  RunUntil([&] { return stuck.read == 1; }, "the one that dies to read it");
  redis_->StartPanel(panel_);
  RunUntil([&] { return agent.acknowledged() == 1; }, "the other's acknowledgement");
  EXPECT_EQ(panel_.events_of["a"], agent.outbox);
  Await(dying->Stop());
}

TEST_F(RedisQueue, OfTwoPanels_OneReadsAnAgentsStream) {
  PanelModel other;
  const auto second = redis_->MakePanel(other);
  second->Start();
  auto& agent = StartAgent("a");
  for (std::uint64_t i = 1; i <= 20; ++i) {
    agent.Report();
    RunUntil([&] { return agent.acknowledged() == i; }, "the acknowledgement");
  }
  EXPECT_TRUE(panel_.deliveries == 0 || other.deliveries == 0);
  Await(second->Stop());
}

TEST_F(RedisQueue, AParcelThatALifeBeforeLeftInProcessing_IsTaken) {
  Cli("RPUSH agent:a:processing 'order 7'");
  ASSERT_TRUE(Push("a", "7")) << "the queue holds it";
  EXPECT_EQ(Depth("a"), 1U);
  auto& agent = StartAgent("a");
  RunUntil([&] { return agent.taken() == 1 && Depth("a") == 0; }, "the parcel");
  EXPECT_EQ(agent.journal["order 7"], 1);
}

TEST_F(RedisQueue, JobsAndCommands_GoToTheirOwnLists_AndCommandsComeAtOnce) {
  ASSERT_TRUE(Push("a", "1"));
  ASSERT_TRUE(Await(queue().Push("a", {ParcelKind::kCommand, "2", "command 2"})));
  ASSERT_TRUE(Await(queue().Push("a", {ParcelKind::kCommand, "2", "command 2"})));
  EXPECT_EQ(Cli("LRANGE agent:a:jobs 0 -1"), "order 1");
  EXPECT_EQ(Cli("LRANGE agent:a:control 0 -1"), "command 2");
  auto& agent = StartAgent("a");
  RunUntil([&] { return agent.taken() == 2 && Depth("a") == 0; }, "both");
  ASSERT_TRUE(Await(queue().Push("a", {ParcelKind::kCommand, "3", "command 3"})));
  // Its next heartbeat is 10 s away.
  const auto began = std::chrono::steady_clock::now();
  RunUntil([&] { return agent.journal.contains("command 3"); }, "the command");
  EXPECT_LT(std::chrono::steady_clock::now() - began, Seconds{5});
}

TEST_F(RedisQueue, WhatIsTooLargeForAList_IsDropped_AndWhatStandsBehindItComes) {
  Large("'RPUSH', 'agent:a:jobs'", 3'000'000);
  Large("'RPUSH', 'agent:a:control'", 3'000'000);
  Cli("RPUSH agent:a:jobs '' junk");
  ASSERT_TRUE(Push("a", "1"));
  ASSERT_TRUE(Await(queue().Push("a", {ParcelKind::kCommand, "2", "command 2"})));
  auto& agent = StartAgent("a");
  RunUntil([&] { return agent.taken() == 4 && Depth("a") == 0; }, "what is small enough");
  EXPECT_TRUE(agent.journal.contains("order 1"));
  EXPECT_TRUE(agent.journal.contains("command 2"));
  EXPECT_TRUE(agent.journal.contains("junk")) << "whether it is an order is the executor's to say";
}

TEST_F(RedisQueue, WhatIsNoEventInAStream_IsDropped_AndOtherAgentsAreHeard) {
  auto& agent = StartAgent("a");
  RunUntil([&] { return panel_.seen["a"] > 0; }, "the agent");
  Cli("XADD agent:a:events '*' other x");
  Cli("XADD agent:a:events '*' event x more y");
  agent.Report();
  RunUntil([&] { return agent.acknowledged() == 1; }, "the event behind junk");
  Large("'XADD', 'agent:a:events', '*', 'event'", 20'000'000);
  agent.Report();
  RunUntil([&] { return agent.acknowledged() == 2; }, "the event behind one that is too large");
  Cli("DEL agent:a:events");
  Cli("SET agent:a:events x");
  auto& other = StartAgent("b");
  other.Report();
  RunUntil([&] { return other.acknowledged() == 1; }, "another agent's event");
  StopAgent("a");
  agent.Report();
  StartAgent("a");
  RunUntil([&] { return agent.acknowledged() == 3; }, "the event in place of what was no stream");
  EXPECT_EQ(panel_.events_of["a"], agent.outbox);
  RunUntil([&] { return Cli("XLEN agent:a:events") == "0"; }, "the stream to be empty");
}

TEST_F(RedisQueue, WhatAnAgentWritesInPlaceOfItsReader_CostsNobodyElse_AndGoes) {
  auto& other = StartAgent("b");
  RunUntil([&] { return panel_.seen["b"] > 0; }, "the other agent");
  for (const auto& written : {"stream", "text"}) {
    if (written == std::string("text"))
      Large("'SET', 'agent:a:reader'", 20'000'000);
    else
      Cli("XADD agent:a:reader '*' x y");
    auto& agent = StartAgent("a");
    const auto before = agent.acknowledged();
    agent.Report();
    other.Report();
    RunUntil([&] { return agent.acknowledged() > before; },
             "the event behind " + std::string(written));
    StopAgent("a");
    Cli("DEL agent:a:reader");
    redis_->lease = Millis{100};
  }
  RunUntil([&] { return other.acknowledged() == 2; }, "the other's events");
}

TEST_F(RedisQueue, AStream_IsTrimmedAfterTheCommit_AndNotBefore) {
  auto& agent = StartAgent("a");
  panel_.away = true;
  agent.Report();
  const auto first = [&] { return Cli("XRANGE agent:a:events - + COUNT 1"); };
  RunUntil([&] { return !first().empty(); }, "the event in the stream");
  const auto entry = first();
  const auto tries = panel_.deliveries;
  RunUntil([&] { return panel_.deliveries > tries + 3; }, "some tries");
  EXPECT_EQ(first(), entry) << "the agent has to send an event again that Redis held";
  panel_.away = false;
  RunUntil([&] { return agent.acknowledged() == 1; }, "the acknowledgement");
  // While it was on its way, the agent may have sent the event again.
  RunUntil([&] { return Cli("XLEN agent:a:events") == "0"; }, "the stream to be empty");
}

TEST_F(RedisQueue, WithoutAPanel_WhatAnAgentAddsIsBounded) {
  StopPanel();
  auto& agent = StartAgent("a");
  for (int i = 0; i < 20; ++i) agent.Report(std::string(1'000'000, 'x'));
  const auto entries = [&] { return std::stoul(Cli("XLEN agent:a:events")); };
  for (int i = 0; i < 100 && entries() < 4; ++i) RunFor(Millis{100});
  EXPECT_GE(entries(), 4U);
  RunFor(Millis{500});  // many times the time after which it sends again
  EXPECT_LE(entries() * 1'000'000, kMostUnacknowledgedBytes + kMostUnacknowledgedBytes / 4);
  StartPanel();
  RunUntil([&] { return agent.acknowledged() == 20; }, "all events");
  EXPECT_EQ(panel_.events_of["a"], agent.outbox);
}

TEST_F(RedisQueue, AHeartbeat_Expires_AndIsHeardAgainAndAgain) {
  redis_->heartbeat = Millis{50};
  StartAgent("a");
  RunUntil([&] { return panel_.seen["a"] > 5; }, "heartbeats");
  const auto life = std::stol(Cli("PTTL agent:a:heartbeat"));
  EXPECT_GT(life, 40'000);
  EXPECT_LE(life, 45'000);
}

TEST_F(RedisQueue, AStrangersHeartbeats_AreNoReasonToAskAgainAndAgain_AndANewAgentIsHeardAtOnce) {
  const auto beat = [&] { return Cli("PUBLISH agent:nobody:events heartbeat"); };
  RunUntil([&] { return beat() == "1"; }, "the panel to listen");
  const auto before = redis_->agents().asked;
  for (int i = 0; i < 40; ++i) {
    ASSERT_EQ(beat(), "1");
    RunFor(Millis{25});  // longer than the panel waits between two rounds
  }
  EXPECT_LE(redis_->agents().asked - before, 5) << "more than the rounds of its beginning";
  EXPECT_EQ(panel_.seen.count("nobody"), 0U);
  StartAgent("a");
  RunUntil([&] { return panel_.seen["a"] > 0; }, "the new agent");
}

class RedisRounds : public RedisQueue {
 protected:
  void SetUp() override { Use(test::RedisOptions{}, Millis{100}); }
};

TEST_F(RedisRounds, FindEventsAndHeartbeatsThatNobodyWasToldOf) {
  const auto link = transport_->MakeLink("a");  // does not run: it names the agent
  Cli("XADD agent:a:events '*' event 'event 1 x'");
  RunUntil([&] { return panel_.events_of["a"].size() == 1; }, "the event");
  panel_.seen.clear();
  Cli("SET agent:a:heartbeat now EX 45");
  RunUntil([&] { return panel_.seen["a"] == 1; }, "the heartbeat");
  RunFor(Millis{500});
  EXPECT_EQ(panel_.seen["a"], 1) << "the same heartbeat again is no sign of life";
}

// The panel's user lacks the pattern, the agent's its channel.
TEST_F(RedisQueue, ASubscriptionThatTheAclRefuses_IsAskedForUntilItIsMended) {
  StopPanel();
  transport_ = nullptr;
  Use({.acl = {"user default on nopass ~* resetchannels &job:* +@all"}});
  RunUntil([&] { return redis_->end().connection().has_value(); }, "the panel");
  auto& agent = StartAgent("a");
  RunUntil(
      [&] {
        const auto refused = Cli("ACL LOG");
        return refused.find("agent:*:events") != refused.npos &&
               refused.find("agent:a:wake") != refused.npos;
      },
      "both to be refused");
  EXPECT_EQ(panel_.seen.size(), 0U);
  ASSERT_EQ(Cli("ACL SETUSER default allchannels"), "OK");
  RunUntil([&] { return Cli("PUBSUB NUMPAT") == "1"; }, "the panel's subscription");
  RunUntil([&] { return Cli("PUBSUB NUMSUB agent:a:wake").find("1") != std::string::npos; },
           "the agent's subscription");
  agent.Report();
  ASSERT_TRUE(Await(queue().Push("a", {ParcelKind::kCommand, "2", "command 2"})));
  RunUntil([&] { return agent.acknowledged() == 1 && agent.taken() == 1; }, "both");
  EXPECT_GT(panel_.seen["a"], 0);
}

TEST_F(RedisQueue, AWrongPassword_IsSaidAsThat) {
  StopPanel();
  transport_ = nullptr;
  Use({.configuration = {"requirepass secret"}});
  EXPECT_EQ(PushCode("1"), ErrorCode::kUnavailable);
  RunUntil([&] { return !redis_->end().connection(); }, "the refusal");
  const auto& why = redis_->end().connection();
  RunUntil([&] { return why.error().code == ErrorCode::kUnauthenticated; }, "its reason");
  EXPECT_THAT(why.error().ToString(), HasSubstr("password"));
}

}  // namespace
}  // namespace prov::transport::redis
