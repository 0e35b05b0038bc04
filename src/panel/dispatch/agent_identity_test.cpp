// Who speaks for an agent: generations of keys, epochs, clones, and what cannot be verified.
#include "panel/dispatch/agent_identity.hpp"

#include "panel/api/views.hpp"
#include "panel/dispatch/event_fixture_test.hpp"

namespace prov::panel {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class AgentIdentity : public EventTest {
 protected:
  static std::string SignedUnder(std::uint32_t generation, const job::Event& event,
                                 std::string_view secret = kSecret) {
    return Sign(*job::SerializeEvent(event), signing::Purpose::kEvent, kAgent, generation, secret);
  }
  void Change(const std::function<void(store::Agent&)>& change) {
    auto agent = Agent();
    const auto generation = agent.key_generation;
    change(agent);
    ASSERT_TRUE(database_.Write(
        [&](store::Transaction& t) { return t.agents().Update(agent, generation); }));
  }
  // The agent moves to another epoch, as its facts announce it.
  void BeginEpoch(const Uuid& epoch, std::optional<Uuid> previous,
                  std::optional<std::vector<Uuid>> earlier = std::nullopt) {
    epoch_ = epoch;
    seq_ = 0;
    auto facts = Facts(previous);
    facts.facts->epoch.earlier = std::move(earlier);
    announced_ = Deliver({facts});
  }
  std::vector<std::string> WarningsShown() {
    const auto view = ServerJson({Agent(), ServerStatus::kOnline, std::nullopt, 0});
    std::vector<std::string> shown;
    for (const auto& each : view.at("warnings").as_array()) shown.emplace_back(each.as_string());
    return shown;
  }
  std::vector<store::Command> Commands() {
    return *database_.Read([](store::Transaction& t) { return t.commands().Pending(kAgent, 10); });
  }

  Result<std::uint64_t> announced_ = std::uint64_t{0};
};

// What the outbox held when the server was enrolled again came never through, and nothing after it.
TEST_F(AgentIdentity, EventsOfThePreviousGeneration_AreTakenAfterReEnrolment) {
  const auto id = AddJobIn(Status::kDispatched);
  Change([](store::Agent& agent) {
    agent.key_generation = 2;
    agent.previous_generation = 1;
  });
  const auto old = State(id, Status::kAccepted);
  const auto fresh = State(id, Status::kRunning, 1);
  ASSERT_TRUE(DeliverBytes({SignedUnder(1, old), SignedUnder(2, fresh)}));
  EXPECT_EQ(Job(id).status, Status::kRunning);
  EXPECT_EQ(Position(), 2U);
}

TEST_F(AgentIdentity, EventsOfAGenerationBeforeThePrevious_AreRefused) {
  const auto id = AddJobIn(Status::kDispatched);
  Change([](store::Agent& agent) {
    agent.key_generation = 3;
    agent.previous_generation = 2;
  });
  EXPECT_FALSE(DeliverBytes({SignedUnder(1, State(id, Status::kAccepted))}));
  EXPECT_EQ(Job(id).status, Status::kDispatched);
}

// An agent that has new keys signs again what it still holds: other envelopes, the same events.
TEST_F(AgentIdentity, TheSameEventSignedAgain_IsNoClones) {
  const auto id = AddJobIn(Status::kDispatched);
  const auto event = State(id, Status::kAccepted);
  ASSERT_TRUE(DeliverBytes({SignedUnder(1, event)}));
  Change([](store::Agent& agent) {
    agent.key_generation = 2;
    agent.previous_generation = 1;
  });
  EXPECT_TRUE(DeliverBytes({SignedUnder(2, event)}));
  EXPECT_FALSE(Agent().cloned);
  EXPECT_EQ(Position(), 1U);
}

TEST_F(AgentIdentity, WhoSignsWithOfferedKeys_HasThemFromThenOn) {
  Change([](store::Agent& agent) { agent.offered_generation = 2; });
  ASSERT_TRUE(DeliverBytes({SignedUnder(1, Facts())}));
  EXPECT_EQ(Agent().key_generation, 1U);
  ASSERT_TRUE(DeliverBytes({SignedUnder(2, Facts())}));
  EXPECT_EQ(Agent().key_generation, 2U);
  EXPECT_EQ(Agent().previous_generation, 1U);
  EXPECT_EQ(Agent().offered_generation, 0U);
  EXPECT_THAT(Audited("agent.keys_rotated"), SizeIs(1));
}

TEST_F(AgentIdentity, ASealingKeyInFactsUnderTheEventKey_IsPinned) {
  const auto anew = signing::MakeSealingKeys();
  auto facts = Facts();
  facts.facts->sealing_key = Base64Encode(sealing_.public_key);
  ASSERT_TRUE(Deliver({facts}));
  EXPECT_THAT(Audited("agent.sealing_key_rotated"), IsEmpty());
  facts = Facts();
  facts.facts->sealing_key = Base64Encode(anew.public_key);
  ASSERT_TRUE(Deliver({facts}));
  EXPECT_EQ(Agent().sealing_key, anew.public_key);
  EXPECT_THAT(Audited("agent.sealing_key_rotated"), SizeIs(1));
}

// One event that nobody's key has signed once kept every other from being taken, and nobody knew.
TEST_F(AgentIdentity, AnEventThatIsNeverVerified_IsShownAndAuditedOnceAndHoldsUpOnlyWhatFollows) {
  const auto id = AddJobIn(Status::kDispatched);
  const auto before = State(id, Status::kAccepted);
  const auto bad = State(id, Status::kRunning, 1);
  const auto after = State(id, Status::kSucceeded, 1);
  const auto forged = SignedUnder(1, bad, "ffffffffffffffffffffffffffffffff");
  ASSERT_TRUE(DeliverBytes({Signed(before), forged, Signed(after)}));
  EXPECT_EQ(Position(), 1U);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(DeliverBytes({forged, Signed(after)}).error().code, ErrorCode::kPermissionDenied);
  }
  EXPECT_EQ(Job(id).status, Status::kAccepted);
  EXPECT_THAT(Audited("agent.events_refused"), SizeIs(1));
  EXPECT_THAT(WarningsShown(), Contains(HasSubstr("--new-epoch")));
  // With another epoch it is free again.
  BeginEpoch(Uuid::MakeV7(clock_, random_), epoch_);
  ASSERT_TRUE(announced_) << announced_.error().ToString();
  EXPECT_THAT(WarningsShown(), IsEmpty());
}

TEST_F(AgentIdentity, AnEpochThatFollowsAnyOfTheEarlierOnes_IsTaken) {
  const auto known = epoch_;
  const auto missed = Uuid::MakeV7(clock_, random_);
  BeginEpoch(Uuid::MakeV7(clock_, random_), missed);
  EXPECT_FALSE(announced_);
  EXPECT_THAT(WarningsShown(), Contains(HasSubstr("does not follow")));
  BeginEpoch(Uuid::MakeV7(clock_, random_), missed, std::vector{known});
  ASSERT_TRUE(announced_) << announced_.error().ToString();
  EXPECT_EQ(Agent().epoch, epoch_.ToString());
  EXPECT_THAT(WarningsShown(), IsEmpty());
}

// A journal that is gone says nothing of the jobs it knew: they once stayed `running` for ever.
TEST_F(AgentIdentity, ANewEpoch_IsAskedForTheUnsettledJobs) {
  const auto id = AddJobIn(Status::kRunning, 1);
  BeginEpoch(Uuid::MakeV7(clock_, random_), epoch_);
  ASSERT_TRUE(announced_);
  ASSERT_THAT(Commands(), SizeIs(1));
  const auto query = Opened(job::CommandType::kQuery, Commands()[0].bytes);
  EXPECT_EQ(query.epoch, epoch_);
  EXPECT_EQ(query.query->jobs, std::vector{id});
  EXPECT_THAT(woken_, Contains(kAgent));
}

TEST_F(AgentIdentity, TwoEpochsAliveByTurns_AreAClone) {
  ASSERT_TRUE(Deliver({Facts()}));
  const auto first = epoch_;
  clock_.Advance(Seconds{10});
  BeginEpoch(Uuid::MakeV7(clock_, random_), first);
  ASSERT_TRUE(announced_);
  clock_.Advance(Seconds{10});
  epoch_ = first;
  seq_ = 1;
  EXPECT_EQ(Deliver({Facts()}).error().code, ErrorCode::kConflict);
  ASSERT_TRUE(Agent().cloned);
  EXPECT_THAT(WarningsShown(), Contains(HasSubstr("two servers")));
}

// What was on its way when the journal was lost.
TEST_F(AgentIdentity, ALateEventOfTheEpochBefore_IsNoClones) {
  ASSERT_TRUE(Deliver({Facts()}));
  const auto late = Facts();
  const auto bytes = Signed(late);
  clock_.Advance(Seconds{10});
  BeginEpoch(Uuid::MakeV7(clock_, random_), epoch_);
  ASSERT_TRUE(announced_);
  EXPECT_EQ(DeliverBytes({bytes}).error().code, ErrorCode::kPermissionDenied);
  EXPECT_FALSE(Agent().cloned);
}

// It was once skipped as known, and told to forget what it had written.
TEST_F(AgentIdentity, ACloneThatLagsBehind_IsSeen) {
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Deliver({Facts()}));
  seq_ = 7;
  clock_.Advance(Seconds{1});
  EXPECT_EQ(Deliver({Facts()}).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(Agent().cloned);
}

TEST_F(AgentIdentity, AFirstEventUnderTheFirstKeys_RegistersTheServer) {
  auto facts = Facts();
  facts.agent = "agent-9";
  facts.facts->sealing_key = Base64Encode(sealing_.public_key);
  const auto sign = [&](std::uint32_t generation) {
    return Sign(*job::SerializeEvent(facts), signing::Purpose::kEvent, "agent-9", generation);
  };
  EXPECT_EQ(DeliverBytes({sign(2)}, "agent-9").error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(DeliverBytes({sign(1)}, "agent-9"));
  const auto agent = Agent("agent-9");
  EXPECT_EQ(agent.key_generation, 1U);
  EXPECT_EQ(agent.epoch, epoch_.ToString());
  EXPECT_EQ(agent.sealing_key, sealing_.public_key);
  EXPECT_THAT(Audited("agent.enrolled"), SizeIs(1));
}

}  // namespace
}  // namespace prov::panel
