// The agent's end over a real server: what it sends when, and what it learns from refusals.
#include "transport/http/agent_link.hpp"

#include <gmock/gmock.h>

#include "transport/http/http_transport_test.hpp"

namespace prov::transport::http {
namespace {

class AgentLinkTest : public TransportTest {
 protected:
  void SetUp() override {
    auto transport = std::make_unique<HttpTransport>(io_, false, clock_);
    http_ = transport.get();
    transport_ = std::move(transport);
    StartPanel();
  }
  int Requests(const std::string& path) { return http_->requests["/agent/v1/" + path]; }

  const SystemClock clock_;
  HttpTransport* http_ = nullptr;
};

TEST_F(AgentLinkTest, EventsThatAreThereAlready_RideOnThePoll_OverOneConnection) {
  auto& agent = Agent("a");
  for (int i = 0; i < 10; ++i) agent.Report();
  StartAgent("a");
  RunUntil([&] { return agent.acknowledged() == 10; }, "the acknowledgement");
  EXPECT_EQ(Requests("events"), 0);
  EXPECT_EQ(http_->server().connections(), 1U);
}

TEST_F(AgentLinkTest, ABurstWhileAPollWaits_TakesOneMoreConnection_AndDisturbsNoPoll) {
  auto& agent = StartAgent("a");
  RunUntil([&] { return Requests("poll") == 1; }, "the poll");
  for (std::uint64_t i = 1; i <= 50; ++i) {
    agent.Report();
    if (i % 5 == 0) RunUntil([&] { return agent.acknowledged() == i; }, "the acknowledgement");
  }
  EXPECT_EQ(http_->server().connections(), 2U);
  EXPECT_EQ(Requests("poll"), 1);
  EXPECT_EQ(panel_.events_of["a"], agent.outbox);
}

TEST_F(AgentLinkTest, WhatIsAcknowledged_IsNotSentAgain) {
  auto& agent = StartAgent("a");
  for (int i = 0; i < 3; ++i) agent.Report();
  RunUntil([&] { return agent.acknowledged() == 3; }, "the acknowledgement");
  const auto before = panel_.deliveries;
  StopAgent("a");
  StartAgent("a");
  agent.Report();
  RunUntil([&] { return agent.acknowledged() == 4; }, "the acknowledgement");
  EXPECT_EQ(panel_.deliveries, before + 1);
}

TEST_F(AgentLinkTest, AnAgentWhoseClockIsOff_LearnsThePanelsTimeFromTheRefusal) {
  for (const auto off : {std::chrono::hours{-24 * 365}, std::chrono::hours{24 * 365}}) {
    const FakeClock wrong(std::chrono::floor<Millis>(clock_.Now() + off));
    AgentModel agent(io_.get_executor());
    agent.Report();
    const auto name = off.count() < 0 ? "behind" : "ahead";
    const auto link = http_->MakeLink(name, wrong);
    const auto task = MakeTasks();
    task->Spawn(link->Run(agent));
    RunUntil([&] { return agent.acknowledged() == 1; }, "the acknowledgement");
    task->CancelAll();
    RunUntil([&] { return task->size() == 0; }, "the link to end");
  }
}

TEST_F(AgentLinkTest, AnAgentThePanelDoesNotKnow_KeepsTryingWithPauses_AndIsServedNothing) {
  auto& agent = StartAgent("nobody");
  agent.Report();
  RunUntil([&] { return Requests("poll") > 3 && Requests("events") > 3; }, "some tries");
  EXPECT_TRUE(panel_.seen.empty());
  EXPECT_EQ(agent.acknowledged(), 0U);
}

// Each ended the other's poll at once, for ever.
TEST_F(AgentLinkTest, TwoWithOneKey_PauseBetweenPolls) {
  AgentModel clone(io_.get_executor());
  const auto link = http_->MakeLink("a");
  const auto task = MakeTasks();
  task->Spawn(link->Run(clone));
  StartAgent("a");
  const auto began = std::chrono::steady_clock::now();
  RunUntil([&] { return Requests("poll") >= 40; }, "polls of both");
  // Pauses of 10 ms at least, once they have grown to 20 ms: two agents need 100 ms for 20 polls.
  EXPECT_GT(std::chrono::steady_clock::now() - began, Millis{100});
  task->CancelAll();
  RunUntil([&] { return task->size() == 0; }, "the link to end");
}

TEST_F(AgentLinkTest, PlainHttpBeyondThisMachine_IsRefused) {
  NullLogger log;
  SystemRandom random;
  AgentLinkOptions options;
  options.agent = "a";
  options.panel_url = "http://192.0.2.1:5000";
  const auto link =
      HttpAgentLink::Create(io_.get_executor(), std::move(options), clock_, random, log);
  ASSERT_FALSE(link);
  EXPECT_EQ(link.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace prov::transport::http
