// What every transport promises, run over every implementation.
#include "transport/conformance_test.hpp"

#include "transport/http/http_transport_test.hpp"
#include "transport/rabbitmq/rabbitmq_transport_test.hpp"
#include "transport/redis/redis_transport_test.hpp"

namespace prov::transport {
namespace {

class Transport : public TransportTest, public testing::WithParamInterface<TransportFactory> {
 protected:
  void SetUp() override { Begin(GetParam()); }
};

TEST_P(Transport, AParcel_IsTakenByteForByte_AndThenForgotten) {
  const std::string bytes = "{\"payload\": \"\\u00e9 \xc3\xa9\\n\"}\n\t\x01";
  ASSERT_TRUE(Push("a", "1", bytes));
  EXPECT_TRUE(Holds("a", "1", bytes));
  auto& agent = StartAgent("a");
  RunUntil([&] { return agent.journal.contains(bytes); }, "the parcel");
  RunUntil([&] { return Depth("a") == 0; }, "the queue to forget it");
  EXPECT_FALSE(Holds("a", "1", bytes));
}

TEST_P(Transport, WhatIsPushedWhileAnAgentWaits_ComesAtOnce) {
  auto& agent = StartAgent("a");
  RunUntil([&] { return panel_.seen["a"] > 0; }, "the agent");
  ASSERT_TRUE(Push("a", "1"));
  RunUntil([&] { return agent.taken() == 1; }, "the parcel");
}

TEST_P(Transport, AnIdThatIsHeld_IsNotQueuedAgain) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Push("a", "1"));
  EXPECT_EQ(Depth("a"), 1U);
  auto& agent = StartAgent("a");
  RunUntil([&] { return agent.taken() == 1; }, "the parcel");
  RunUntil([&] { return Depth("a") == 0; }, "the queue to forget it");
  EXPECT_EQ(agent.journal["order 1"], 1);
}

TEST_P(Transport, AForgottenId_IsQueuedAgain) {
  auto& agent = StartAgent("a");
  for (int times = 1; times <= 2; ++times) {
    ASSERT_TRUE(Push("a", "1"));
    RunUntil([&] { return agent.journal["order 1"] == times && Depth("a") == 0; }, "the parcel");
  }
}

TEST_P(Transport, EachAgent_GetsItsOwnParcelsOnly) {
  std::vector<std::string> names;
  for (char letter = 'a'; letter < 'm'; ++letter) names.emplace_back(1, letter);
  for (const auto& name : names) {
    ASSERT_TRUE(Push(name, "1", "for " + name));
    StartAgent(name).Report("of " + name);
  }
  for (const auto& name : names) {
    RunUntil([&] { return Agent(name).taken() == 1 && Depth(name) == 0; }, "a parcel");
    EXPECT_EQ(Agent(name).journal["for " + name], 1);
    RunUntil([&] { return panel_.events_of[name].size() == 1; }, "an event");
    EXPECT_EQ(panel_.events_of[name].front(), "event 1 of " + name);
  }
  EXPECT_EQ(panel_.events_of.size(), names.size());
}

TEST_P(Transport, AParcel_IsHeldUntilTakeHasReturned) {
  Agent("a").hold = true;
  ASSERT_TRUE(Push("a", "1"));
  auto& agent = StartAgent("a");
  RunUntil([&] { return agent.begun.contains("order 1"); }, "Take to be called");
  EXPECT_TRUE(Holds("a", "1"));
  agent.Release();
  RunUntil([&] { return !Holds("a", "1"); }, "the queue to forget it");
}

TEST_P(Transport, AnAgentThatDiesWithinTake_GetsTheParcelAgain) {
  Agent("a").hold = true;
  ASSERT_TRUE(Push("a", "1"));
  auto& agent = StartAgent("a");
  RunUntil([&] { return agent.begun.contains("order 1"); }, "Take to be called");
  StopAgent("a");
  EXPECT_EQ(agent.taken(), 0U);
  EXPECT_TRUE(Holds("a", "1"));
  agent.hold = false;
  StartAgent("a");
  RunUntil([&] { return agent.taken() == 1 && !Holds("a", "1"); }, "the parcel");
}

TEST_P(Transport, ManyParcels_AllComeAndAreForgotten) {
  auto& agent = StartAgent("a");
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(Push("a", std::to_string(i)));
  RunUntil([&] { return agent.taken() == 200 && Depth("a") == 0; }, "all parcels");
}

TEST_P(Transport, AFullQueue_SaysExhausted_AndTakesAgainWhenThereIsRoom) {
  for (std::size_t i = 0; i < kQueueLimit; ++i) ASSERT_TRUE(Push("a", std::to_string(i)));
  const auto refused = Push("a", "one more");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kExhausted);
  EXPECT_TRUE(Push("a", "0")) << "what it holds needs no room";
  EXPECT_TRUE(Push("b", "1")) << "another agent's queue is another";
  EXPECT_EQ(Depth("a"), kQueueLimit);
  auto& agent = StartAgent("a");
  RunUntil([&] { return agent.taken() == kQueueLimit && Depth("a") == 0; }, "all parcels");
  EXPECT_TRUE(Push("a", "one more"));
  RunUntil([&] { return agent.taken() == kQueueLimit + 1; }, "one more");
}

TEST_P(Transport, Events_ArriveInSequence_AndTheAcknowledgementIsHandedOn) {
  auto& agent = StartAgent("a");
  for (int i = 0; i < 20; ++i) {
    agent.Report();
    if (i % 7 == 0) RunUntil([&] { return agent.acknowledged() > 0; }, "an acknowledgement");
  }
  RunUntil([&] { return agent.acknowledged() == 20; }, "the acknowledgement");
  EXPECT_EQ(panel_.events_of["a"], agent.outbox);
  EXPECT_GT(panel_.seen["a"], 0);
  EXPECT_EQ(panel_.seen.size(), 1U);
}

TEST_P(Transport, AnEventThatComesUpWhileTheAgentWaits_ArrivesAtOnce) {
  auto& agent = StartAgent("a");
  RunUntil([&] { return panel_.seen["a"] > 0; }, "the agent");
  for (std::uint64_t i = 1; i <= 3; ++i) {
    agent.Report();
    RunUntil([&] { return agent.acknowledged() == i; }, "the acknowledgement");
  }
}

TEST_P(Transport, ABacklog_ArrivesWhole) {
  auto& agent = Agent("a");
  for (int i = 0; i < 2500; ++i) agent.Report();
  for (int i = 0; i < 4; ++i) agent.Report(std::string(700'000, 'x'));
  StartAgent("a");
  RunUntil([&] { return agent.acknowledged() == 2504; }, "all events");
  EXPECT_EQ(panel_.events_of["a"], agent.outbox);
}

TEST_P(Transport, EventsThatWereLostOnTheWay_AreSentAgain) {
  panel_.swallow = 3;
  auto& agent = StartAgent("a");
  for (int i = 0; i < 5; ++i) agent.Report();
  RunUntil([&] { return agent.acknowledged() == 5; }, "the acknowledgement");
  EXPECT_EQ(panel_.events_of["a"], agent.outbox);
}

TEST_P(Transport, WhileTheStoreIsAway_EventsAreKept_AndParcelsStillCome) {
  panel_.away = true;
  auto& agent = StartAgent("a");
  agent.Report();
  RunUntil([&] { return panel_.deliveries > 2; }, "some tries");
  ASSERT_TRUE(Push("a", "1"));
  RunUntil([&] { return agent.taken() == 1; }, "the parcel");
  EXPECT_EQ(agent.acknowledged(), 0U);
  panel_.away = false;
  RunUntil([&] { return agent.acknowledged() == 1; }, "the acknowledgement");
}

TEST_P(Transport, AnAgentThatRestarts_SendsWhatIsNotAcknowledged) {
  panel_.swallow = 1;
  auto& agent = StartAgent("a");
  agent.Report();
  RunUntil([&] { return panel_.swallow == 0; }, "the event to get lost");
  StopAgent("a");
  agent.Report();
  StartAgent("a");
  RunUntil([&] { return agent.acknowledged() == 2; }, "the acknowledgement");
  EXPECT_EQ(panel_.events_of["a"], agent.outbox);
}

TEST_P(Transport, APanelThatIsAwayAndComesBack_FindsAgentEventsAndRoomForParcels) {
  auto& agent = StartAgent("a");
  RunUntil([&] { return panel_.seen["a"] > 0; }, "the agent");
  StopPanel();
  for (int i = 0; i < 10; ++i) agent.Report();
  StartPanel();
  RunUntil([&] { return agent.acknowledged() == 10; }, "the acknowledgement");
  EXPECT_EQ(panel_.events_of["a"], agent.outbox);
  ASSERT_TRUE(Push("a", "1"));
  RunUntil([&] { return agent.taken() == 1; }, "the parcel");
}

TEST_P(Transport, AnAgentThatStartsBeforeThePanel_FindsIt) {
  StopPanel();
  auto& agent = StartAgent("a");
  agent.Report();
  StartPanel();
  RunUntil([&] { return agent.acknowledged() == 1; }, "the acknowledgement");
}

// Whether a queue outlives the panel is its own matter: the reconciler pushes again what it misses.
TEST_P(Transport, WhatAPanelThatDiedHadPushed_ComesWhenItIsPushedAgain) {
  ASSERT_TRUE(Push("a", "1"));
  StopPanel();
  StartPanel();
  if (!Holds("a", "1")) ASSERT_TRUE(Push("a", "1"));
  auto& agent = StartAgent("a");
  RunUntil([&] { return agent.taken() == 1 && Depth("a") == 0; }, "the parcel");
}

TEST_P(Transport, APanelThatStops_LetsWaitingAgentsGoAtOnce) {
  for (const auto* name : {"a", "b", "c"}) {
    StartAgent(name);
    RunUntil([&] { return panel_.seen[name] > 0; }, "the agent");
  }
  const auto began = std::chrono::steady_clock::now();
  StopPanel();
  EXPECT_LT(std::chrono::steady_clock::now() - began, Seconds{5});
}

INSTANTIATE_TEST_SUITE_P(All, Transport,
                         testing::Values(http::PlainHttpTransport(), http::TlsTransport(),
                                         redis::TlsRedisTransport(), redis::RedisClusterTransport(),
                                         rabbitmq::TlsRabbitmqTransport()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace prov::transport
