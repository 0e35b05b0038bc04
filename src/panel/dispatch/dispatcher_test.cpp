#include "panel/dispatch/dispatcher.hpp"

#include "panel/dispatch/dispatch_fixture_test.hpp"

namespace prov::panel {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Dispatch : public DispatchTest {};

TEST_F(Dispatch, ToAServerThatIsThere_HandsOverAndMarks) {
  const auto id = AddJob();
  dispatcher_->Seen(kAgent);
  ASSERT_TRUE(RunUntil([&] { return Settled(id); }));
  EXPECT_THAT(queue_.Pushed(id), ElementsAre(EnvelopeOf(id)));
  EXPECT_EQ(Job(id).status, Status::kDispatched);
  EXPECT_EQ(Job(id).dispatched_at, clock_.Now());
}

TEST_F(Dispatch, ToAServerThatIsAway_HandsNothingOver) {
  AddAgent("agent-2");
  const auto away = AddJob("agent-2");
  const auto id = AddJob();
  dispatcher_->Seen(kAgent);
  ASSERT_TRUE(RunUntil([&] { return Settled(id); }));
  EXPECT_EQ(Job(away).status, Status::kQueued);
  EXPECT_THAT(queue_.Pushed(away), IsEmpty());
  // It was there, and is no more.
  dispatcher_->Seen("agent-2");
  clock_.Advance(kUnreachableAfter);
  RunSomeRounds();
  // Seen() itself did wake the relay; what follows is for the time after.
  const auto late = AddJob("agent-2");
  RunSomeRounds();
  EXPECT_EQ(Job(late).status, Status::kQueued);
  dispatcher_->Seen("agent-2");
  ASSERT_TRUE(RunUntil([&] { return Settled(late) && Settled(away); }));
}

TEST_F(Dispatch, MoreThanTheQueueIsToHold_WaitsInTheStoreAndFollowsAsItIsTaken) {
  Kill();
  Start(kNever, 4);  // nothing is left to the reconciler
  std::vector<Uuid> ids;
  for (int i = 0; i < 9; ++i) ids.push_back(AddJob());
  for (const std::size_t expected : {4, 8, 9}) {
    dispatcher_->Seen(kAgent);
    ASSERT_TRUE(RunUntil([&] { return Settled(ids[expected - 1]); })) << expected;
    RunSomeTurns(50);
    if (expected < ids.size()) {
      EXPECT_EQ(Job(ids[expected]).status, Status::kQueued);
    }
    queue_.Lose();  // the agent has taken them all
  }
}

// A thousand that come at once would make RabbitMQ a thousand queues before the first of them has a
// job.
TEST_F(Dispatch, OfAServerThatNothingIsFor_TheQueueIsAskedNothing) {
  Kill();
  Start(kNever);
  AddAgent("agent-2");
  const auto job = AddJob("agent-2");
  dispatcher_->Seen(kAgent);
  dispatcher_->Seen("agent-2");
  ASSERT_TRUE(RunUntil([&] { return Settled(job); }));
  RunSomeTurns(50);
  EXPECT_EQ(queue_.asked, 1);
}

TEST_F(Dispatch, AServerThatComesBack_IsSentWhatItIsToldBeforeItsJobs) {
  Kill();
  Start(kNever);
  const auto job = AddJob();
  AddCommand(std::chrono::hours{1});
  dispatcher_->Seen(kAgent);
  ASSERT_TRUE(RunUntil([&] { return Settled(job); }));
  using Kind = transport::ParcelKind;
  EXPECT_THAT(queue_.PushedKinds(), ElementsAre(Kind::kCommand, Kind::kJob));
}

TEST_F(Dispatch, WhereACommandCannotBeHandedOver_NoJobComesBeforeIt) {
  Kill();
  Start(kNever);
  const auto job = AddJob();
  AddCommand(std::chrono::hours{1});
  queue_.refuse_commands = true;
  dispatcher_->Seen(kAgent);
  RunSomeTurns(100);
  EXPECT_EQ(Job(job).status, Status::kQueued);
  queue_.refuse_commands = false;
  dispatcher_->Seen(kAgent);
  ASSERT_TRUE(RunUntil([&] { return Settled(job); }));
  using Kind = transport::ParcelKind;
  EXPECT_THAT(queue_.PushedKinds(), ElementsAre(Kind::kCommand, Kind::kJob));
}

TEST_F(Dispatch, WhatAQueueRefused_FollowsWithTheServersNextHeartbeat) {
  Kill();
  Start(kNever);  // nothing is left to the reconciler
  queue_.refuse = true;
  dispatcher_->Seen(kAgent);
  const auto job = AddJob();
  dispatcher_->Wake(kAgent);
  ASSERT_TRUE(RunUntil([&] { return Job(job).status == Status::kDispatched; }));
  RunSomeTurns(50);
  queue_.refuse = false;
  dispatcher_->Seen(kAgent);
  ASSERT_TRUE(RunUntil([&] { return Settled(job); }));
}

TEST_F(Dispatch, AServerWhoseQueueTakesLong_HoldsUpNoOther) {
  Kill();
  Start(kNever);
  AddAgent("agent-2");
  queue_.holds_up = kAgent;
  const auto held = AddJob();
  const auto other = AddJob("agent-2");
  dispatcher_->Seen(kAgent);
  dispatcher_->Seen("agent-2");
  ASSERT_TRUE(RunUntil([&] { return Settled(other); }));
  EXPECT_FALSE(Settled(held));
  // What comes for it meanwhile follows.
  const auto next = AddJob();
  dispatcher_->Wake(kAgent);
  RunSomeTurns(50);
  EXPECT_EQ(queue_.held_up, 1) << "its jobs are handed over one time after the other";
  queue_.holds_up.clear();
  ASSERT_TRUE(RunUntil([&] { return Settled(held) && Settled(next); }));
}

// What may become of a server while its job waits: another epoch of its journal, other keys, or
// both.
struct Anew {
  std::string name;
  bool epoch;
  bool keys;
  bool meanwhile;  // after the relay has read the job
};

class ServerAnew : public DispatchTest {
 protected:
  // It was enrolled again, or another panel heard of its new epoch.
  void Become(const Anew& anew) {
    const auto generation = Agent().key_generation;
    clock_.Advance(Millis{1});
    if (anew.epoch) epoch_ = Uuid::MakeV7(clock_, random_);
    ASSERT_TRUE(database_.Write([&](store::Transaction& t) -> prov::Status {
      PROV_TRY(auto agent, t.agents().Get(Admin(), kAgent));
      agent.epoch = epoch_.ToString();
      if (anew.keys) agent.key_generation = generation + 1;
      return t.agents().Update(agent, generation);
    }));
  }
};

class ServersAnew : public ServerAnew, public ::testing::WithParamInterface<Anew> {};

TEST_P(ServersAnew, AJobThatWasNotHandedOver_IsSignedForTheServerAsItIs) {
  const auto& anew = GetParam();
  Kill();
  Start(kNever);
  const auto id = AddOrderedJob({"token"});
  const auto before = StoredEnvelope(id);
  if (anew.meanwhile)
    database_.before_write = [&] { Become(anew); };
  else
    Become(anew);
  dispatcher_->Seen(kAgent);
  ASSERT_TRUE(RunUntil([&] { return Settled(id); }));
  ASSERT_THAT(queue_.Pushed(id), SizeIs(1));
  const auto sent = queue_.Pushed(id)[0];
  EXPECT_EQ(StoredEnvelope(id), sent) << "and is sent again so";
  EXPECT_EQ(sent == before, !anew.epoch && !anew.keys) << "nor any other is signed anew";
  auto expected = OpenedOrder(before);
  expected.epoch = epoch_;
  const auto order = OpenedOrder(sent, anew.keys ? 2 : 1);
  EXPECT_EQ(json::Write(order), json::Write(expected)) << "in all else it is what was ordered";
}

INSTANTIATE_TEST_SUITE_P(All, ServersAnew,
                         ::testing::Values(Anew{"AsItWas", false, false, false},
                                           Anew{"WithAnotherEpoch", true, false, false},
                                           Anew{"WithOtherKeys", false, true, false},
                                           Anew{"WithBoth", true, true, false},
                                           Anew{"WithBothWhileTheRelayLooks", true, true, true}),
                         [](const auto& info) { return info.param.name; });

// Two orders for one job might run it twice.
TEST_F(ServerAnew, AJobThatWasHandedOver_IsSentAgainAsItWas) {
  Kill();
  Start(kNever);
  const auto id = AddOrderedJob();
  const auto before = StoredEnvelope(id);
  Put(id, Status::kDispatched);
  Become({"", true, true, false});
  dispatcher_->Seen(kAgent);
  ASSERT_TRUE(RunUntil([&] { return Settled(id); }));
  EXPECT_THAT(queue_.Pushed(id), ElementsAre(before));
}

TEST_F(ServerAnew, AJobThatAnotherPanelSignedAnewMeanwhile_IsSentAsThatOneSentIt) {
  Kill();
  Start(kNever);
  const auto id = AddOrderedJob();
  database_.before_write = [&] {
    ASSERT_TRUE(database_.Write([&](store::Transaction& t) {
      return t.jobs().ReplaceEnvelope(id, "signed by the other");
    }));
    Put(id, Status::kDispatched);
  };
  dispatcher_->Seen(kAgent);
  ASSERT_TRUE(RunUntil([&] { return Settled(id); }));
  EXPECT_THAT(queue_.Pushed(id), ElementsAre("signed by the other"));
}

TEST_F(Dispatch, CanceledBeforeItWasHandedOver_IsNeverSent) {
  const auto id = AddJob();
  Put(id, Status::kCanceled);
  const auto other = AddJob();
  dispatcher_->Seen(kAgent);
  ASSERT_TRUE(RunUntil([&] { return Settled(other); }));
  EXPECT_THAT(queue_.Pushed(id), IsEmpty());
}

// The process dies before or after its k-th write, or its push fails or is not learnt of: the next
// process brings the job to the agent all the same, and always the same bytes.
struct Crash {
  std::string name;
  bool sqlite;
  std::size_t writes;  // that succeed
  bool committed;      // the one that kills is kept all the same
};

class CrashPoints : public DispatchTest, public ::testing::WithParamInterface<Crash> {};

TEST_P(CrashPoints, TheNextProcess_SendsTheSameBytesAndSettles) {
  const auto& crash = GetParam();
  if (crash.sqlite) {
    Kill();
    UseSqlite();
    AddAgent();
    Start();
  }
  const auto id = AddJob();
  // The loop's own writes stand still, so that what is counted is the hand-over's.
  Kill();
  Start(kNever);
  database_.writes_left = crash.writes;
  database_.lose_answer = crash.committed;
  dispatcher_->Seen(kAgent);
  ASSERT_TRUE(RunUntil([&] { return log_.Has("dispatch_failed"); })) << "nothing was killed";
  const auto status = Job(id).status;
  const auto before = queue_.Pushed(id);
  Kill();
  database_.Repair();

  // Never in the agent's hands without being known as handed over.
  EXPECT_TRUE(before.empty() || status == Status::kDispatched);
  Start();
  RunSomeRounds();
  EXPECT_THAT(queue_.Pushed(id), SizeIs(before.size())) << "sent without having heard of the agent";
  dispatcher_->Seen(kAgent);
  ASSERT_TRUE(RunUntil([&] { return Settled(id) && !queue_.Pushed(id).empty(); }));
  EXPECT_THAT(queue_.Pushed(id), Each(EnvelopeOf(id)));
  EXPECT_EQ(Job(id).status, Status::kDispatched);
  EXPECT_THAT(StatusesOf(id), ElementsAre(Status::kQueued, Status::kDispatched))
      << "handed over once, whatever was repeated";
}

std::vector<Crash> AllCrashes() {
  std::vector<Crash> all;
  for (const bool sqlite : {false, true}) {
    const std::string store = sqlite ? "InSqlite" : "InMemory";
    all.push_back({store + "BeforeDispatchedIsCommitted", sqlite, 0, false});
    all.push_back({store + "CommittedButNotSent", sqlite, 0, true});
    all.push_back({store + "SentButNotMarked", sqlite, 1, false});
    all.push_back({store + "MarkedAndNotLearntOf", sqlite, 1, true});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Relay, CrashPoints, ::testing::ValuesIn(AllCrashes()),
                         [](const auto& info) { return info.param.name; });

TEST_F(Dispatch, WhenTheQueueIsAway_TheJobWaitsAndIsSentLater) {
  queue_.refuse = true;
  const auto id = AddJob();
  dispatcher_->Seen(kAgent);
  ASSERT_TRUE(RunUntil([&] { return log_.Count("dispatch_failed") >= 2; }));
  EXPECT_FALSE(Settled(id)) << "what was not handed over is not marked as handed over";
  queue_.refuse = false;
  ASSERT_TRUE(RunUntil([&] { return Settled(id); }));
  EXPECT_THAT(queue_.Pushed(id), ElementsAre(EnvelopeOf(id)));
}

TEST_F(Dispatch, WhenTheQueueTookItAndDidNotSaySo_TheSameBytesAreSentAgain) {
  queue_.take_and_fail = true;
  const auto id = AddJob();
  dispatcher_->Seen(kAgent);
  ASSERT_TRUE(RunUntil([&] { return log_.Has("dispatch_failed"); }));
  queue_.take_and_fail = false;
  ASSERT_TRUE(RunUntil([&] { return Settled(id); }));
  EXPECT_THAT(queue_.Pushed(id), SizeIs(::testing::Ge(2U)));
  EXPECT_THAT(queue_.Pushed(id), Each(EnvelopeOf(id)));
}

TEST_F(Dispatch, WhenTheQueueLostIt_TheSameBytesAreSentAgainOnceItIsLate) {
  const auto id = AddJob();
  dispatcher_->Seen(kAgent);
  ASSERT_TRUE(RunUntil([&] { return Settled(id); }));
  queue_.Lose();
  RunSomeRounds();
  EXPECT_FALSE(log_.Has("job_sent_again")) << "the agent was given no time to take it";
  queue_.Lose();
  clock_.Advance(Seconds{1});
  ASSERT_TRUE(RunUntil([&] { return log_.Has("job_sent_again"); }));
  ASSERT_TRUE(RunUntil([&] { return queue_.Pushed(id).size() >= 2; }));
  EXPECT_THAT(queue_.Pushed(id), Each(EnvelopeOf(id)));
}

TEST_F(Dispatch, WhatTheQueueStillHoldsOrTheAgentAccepted_IsNotSentAgain) {
  const auto held = AddJob();
  const auto accepted = AddJob();
  dispatcher_->Seen(kAgent);
  ASSERT_TRUE(RunUntil([&] { return Settled(held) && Settled(accepted); }));
  Put(accepted, Status::kAccepted);
  queue_.Lose(accepted);
  clock_.Advance(Seconds{1});
  RunSomeRounds();
  EXPECT_FALSE(log_.Has("job_sent_again")) << log_.text;
  EXPECT_THAT(queue_.Pushed(held), SizeIs(1));
}

TEST_F(Dispatch, AServerSilentForADay_LosesWhatItHadAndExpiresWhatItHadNot) {
  const auto had = AddJob();
  dispatcher_->Seen(kAgent);
  ASSERT_TRUE(RunUntil([&] { return Settled(had); }));
  Put(had, Status::kRunning, 1);
  Kill();  // writes that the agent was seen
  Start();
  std::map<Uuid, Status> finished;
  dispatcher_->OnFinished([&](const job::Record& job) {
    EXPECT_TRUE(finished.emplace(job.id, job.status).second) << "told of twice";
  });
  const auto waiting = AddJob();
  clock_.Advance(std::chrono::hours{24} - Millis{2});
  RunSomeRounds();
  EXPECT_EQ(Job(had).status, Status::kRunning);
  EXPECT_EQ(Job(waiting).status, Status::kQueued);
  clock_.Advance(Millis{2});
  ASSERT_TRUE(RunUntil(
      [&] { return Job(had).status == Status::kLost && Job(waiting).status == Status::kExpired; }));
  EXPECT_TRUE(Job(had).needs_attention);
  EXPECT_FALSE(Job(waiting).needs_attention);
  EXPECT_EQ(Job(had).finished_at, clock_.Now());
  EXPECT_THAT(Audited("job.lost"), SizeIs(1));
  EXPECT_THAT(Audited("job.expired"), SizeIs(1));
  EXPECT_TRUE(RunUntil([&] { return finished.size() == 2; })) << "who counts failures was not told";
  EXPECT_EQ(finished, (std::map<Uuid, Status>{{had, Status::kLost}, {waiting, Status::kExpired}}));
}

// The store took nothing for a day, or this machine slept: nobody was silent.
TEST_F(Dispatch, AServerThatIsThere_LosesNothing_ThoughItIsNotWrittenDown) {
  const auto had = AddJob();
  dispatcher_->Seen(kAgent);
  ASSERT_TRUE(RunUntil([&] { return Settled(had); }));
  Put(had, Status::kRunning, 1);
  Kill();
  write_seen_ = std::chrono::hours{1};
  Start();
  RunSomeRounds();
  clock_.Advance(std::chrono::hours{25});
  dispatcher_->Seen(kAgent);
  RunSomeRounds();
  EXPECT_EQ(Job(had).status, Status::kRunning);
}

// A parcel that an agent refuses without a word was sent again every 30 seconds for ever.
TEST_F(Dispatch, AJobThatIsNeverAnswered_IsSentUntilItsExpiryAndThenLost) {
  const auto id = AddJob();
  dispatcher_->Seen(kAgent);
  ASSERT_TRUE(RunUntil([&] { return Settled(id); }));
  const auto sent_again = [&] {
    dispatcher_->Seen(kAgent);
    queue_.Lose();
    const auto before = queue_.Pushed(id).size();
    return RunUntil([&] { return queue_.Pushed(id).size() > before; });
  };
  clock_.Advance(std::chrono::hours{25} - Millis{1});
  ASSERT_TRUE(sent_again()) << "the agent would say itself that it is expired";
  EXPECT_EQ(Job(id).status, Status::kDispatched);
  clock_.Advance(Millis{1});
  dispatcher_->Seen(kAgent);
  ASSERT_TRUE(RunUntil([&] { return Job(id).status == Status::kLost; }));
  EXPECT_TRUE(Job(id).needs_attention);
  EXPECT_THAT(Job(id).status_reason.value_or(""), ::testing::HasSubstr("never answered"));
  EXPECT_THAT(Audited("job.lost"), SizeIs(1));
  const auto sent = queue_.Pushed(id).size();
  queue_.Lose();
  RunSomeRounds();
  EXPECT_THAT(queue_.Pushed(id), SizeIs(sent));
}

TEST_F(Dispatch, APanelThatWasAwayForDays_GivesItsServersTimeToComeBack) {
  const auto had = AddJob();
  dispatcher_->Seen(kAgent);
  ASSERT_TRUE(RunUntil([&] { return Settled(had); }));
  Put(had, Status::kRunning, 1);
  Kill();
  const auto waiting = AddJob();
  clock_.Advance(std::chrono::hours{72});
  Start();
  clock_.Advance(std::chrono::minutes{5} - Millis{1});
  RunSomeRounds();
  EXPECT_EQ(Job(had).status, Status::kRunning);
  EXPECT_EQ(Job(waiting).status, Status::kQueued);
  clock_.Advance(Millis{1});
  ASSERT_TRUE(RunUntil(
      [&] { return Job(had).status == Status::kLost && Job(waiting).status == Status::kExpired; }));
}

TEST_F(Dispatch, ManyJobsForAServerThatIsAway_HoldUpNobodyElses) {
  AddAgent("agent-2");
  for (int i = 0; i < 205; ++i) AddJob("agent-2");
  const auto id = AddJob();
  dispatcher_->Seen(kAgent);
  ASSERT_TRUE(RunUntil([&] { return Settled(id); }));
  EXPECT_THAT(queue_.Pushed(id), SizeIs(1));
}

TEST_F(Dispatch, MoreJobsThanOneReadHolds_AreAllHandedOver) {
  std::vector<Uuid> ids;
  for (int i = 0; i < 205; ++i) ids.push_back(AddJob());
  dispatcher_->Seen(kAgent);
  ASSERT_TRUE(RunUntil([&] { return Settled(ids.back()); }));
  for (const auto& id : ids) EXPECT_THAT(queue_.Pushed(id), SizeIs(1));
}

TEST_F(Dispatch, ACommand_IsSentAgainUntilItIsConfirmedOrExpired) {
  const auto id = AddCommand(Seconds{60});
  dispatcher_->Seen(kAgent);
  for (std::size_t times = 1; times <= 3; ++times) {
    ASSERT_TRUE(RunUntil([&] { return queue_.PushedAs(CommandNonce(id)).size() == times; }));
    queue_.Lose();
  }
  EXPECT_THAT(queue_.PushedAs(CommandNonce(id)), Each("signed"));
  clock_.Advance(Seconds{61});
  ASSERT_TRUE(RunUntil([&] { return PendingCommands().empty(); }));
}

TEST_F(Dispatch, AfterAGap_TheAgentIsAskedForWhatIsUnsettled) {
  const auto id = AddJob();
  const auto other = AddJob();
  dispatcher_->Seen(kAgent);
  ASSERT_TRUE(RunUntil([&] { return Settled(id) && Settled(other); }));
  job::Event event;
  event.agent = kAgent;
  event.epoch = epoch_;
  event.seq = event.oldest = 9;
  event.time = clock_.Now();
  event.type = job::EventType::kState;
  event.job = id;
  event.state.emplace();
  event.state->status = Status::kAccepted;
  const auto key = signing::DeriveAgentKey(kSecret, signing::Purpose::kEvent, kAgent, 1);
  const auto bytes =
      signing::Sign(job::kEventPayloadType, *job::SerializeEvent(event),
                    signing::KeyId(signing::Purpose::kEvent, kAgent, 1), key->view());
  ASSERT_TRUE(Await(dispatcher_->Deliver(kAgent, {bytes})));
  ASSERT_TRUE(RunUntil([&] { return !PendingCommands().empty(); }));
  const auto command = PendingCommands().at(0);
  EXPECT_EQ(command.kind, "query");
  ASSERT_TRUE(RunUntil([&] { return !queue_.PushedAs(CommandNonce(command.id)).empty(); }));
  const auto query = Opened(job::CommandType::kQuery, command.bytes).query;
  EXPECT_THAT(query->jobs, ElementsAre(id)) << "the agent just said that it has it";
  EXPECT_THAT(query->handed_over, ElementsAre(other));
  RunSomeRounds();
  EXPECT_THAT(PendingCommands(), SizeIs(1)) << "asked once";
}

TEST_F(Dispatch, DrainAndResume_TheLastOneIsSentAndBothAreAudited) {
  for (const bool on : {true, false}) {
    const auto drained = Await(dispatcher_->Drain(Admin(), kAgent, on));
    ASSERT_TRUE(std::holds_alternative<std::optional<store::StoredResponse>>(drained));
  }
  ASSERT_THAT(PendingCommands(), SizeIs(1)) << "the first is of no more use";
  const auto command = PendingCommands().at(0);
  EXPECT_FALSE(Opened(job::CommandType::kDrain, command.bytes).drain->on);
  EXPECT_THAT(Audited("server.drain_requested"), SizeIs(1));
  EXPECT_THAT(Audited("server.resume_requested"), SizeIs(1));
  dispatcher_->Seen(kAgent);
  ASSERT_TRUE(RunUntil([&] { return !queue_.PushedAs(CommandNonce(command.id)).empty(); }));
}

TEST_F(Dispatch, DrainOfAServerThatIsNotThere_IsRefusedAndSaysSo) {
  const auto drained = Await(dispatcher_->Drain(Admin(), "agent-9", true));
  const auto* problem = std::get_if<net::Problem>(&drained);
  ASSERT_NE(problem, nullptr);
  EXPECT_EQ(problem->status, 404);
  EXPECT_EQ(problem->code, "unknown_server");
  EXPECT_THAT(Audited("server.drain_requested"), IsEmpty());
}

TEST_F(Dispatch, AServerThatFallsSilent_IsTold) {
  Kill();
  write_seen_ = Millis{1};
  Start();
  dispatcher_->Seen(kAgent);
  RunSomeRounds();
  const auto version = hub_.servers_version();
  clock_.Advance(kUnreachableAfter);
  EXPECT_TRUE(RunUntil([&] { return hub_.servers_version() > version; }));
}

TEST_F(Dispatch, AServerIsThere_WhateverTheWallClockSays) {
  const auto time = clock_.Now();
  clock_.SetWall(time + std::chrono::hours{1});
  dispatcher_->Seen(kAgent);
  clock_.SetWall(time);
  EXPECT_EQ(dispatcher_->StatusOf(Agent()), ServerStatus::kOnline);
  clock_.Advance(kUnreachableAfter);
  EXPECT_EQ(dispatcher_->StatusOf(Agent()), ServerStatus::kUnreachable);
  dispatcher_->Seen(kAgent);
  clock_.SetWall(time + std::chrono::hours{1});
  EXPECT_EQ(dispatcher_->StatusOf(Agent()), ServerStatus::kOnline);
}

// As it does soon after a machine has started whose own clock was wrong.
TEST_F(Dispatch, AClockThatIsSetForward_GivesNobodyUp) {
  const auto had = AddJob();
  dispatcher_->Seen(kAgent);
  ASSERT_TRUE(RunUntil([&] { return Settled(had); }));
  Put(had, Status::kRunning, 1);
  Kill();
  Start();
  clock_.SetWall(clock_.Now() + std::chrono::hours{25});
  RunSomeRounds();
  EXPECT_EQ(Job(had).status, Status::kRunning);
  clock_.Advance(DispatchLimits{}.grace);
  EXPECT_TRUE(RunUntil([&] { return Job(had).status == Status::kLost; }));
}

TEST_F(Dispatch, AHeartbeat_IsWrittenAtTheLatestWhenItStops) {
  EXPECT_EQ(dispatcher_->StatusOf(Agent()), ServerStatus::kNeverSeen);
  dispatcher_->Seen(kAgent);
  EXPECT_EQ(dispatcher_->StatusOf(Agent()), ServerStatus::kOnline);
  const auto at = clock_.Now();
  Kill();
  EXPECT_EQ(Agent().last_seen_at, at);
  Start();
  EXPECT_EQ(dispatcher_->StatusOf(Agent()), ServerStatus::kOnline) << "from the store";
  clock_.Advance(kUnreachableAfter);
  EXPECT_EQ(dispatcher_->StatusOf(Agent()), ServerStatus::kUnreachable);
}

}  // namespace
}  // namespace prov::panel
