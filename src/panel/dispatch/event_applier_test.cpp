#include "panel/dispatch/event_applier.hpp"

#include <fmt/format.h>

#include "job/limits.hpp"
#include "panel/dispatch/agent_identity.hpp"
#include "panel/dispatch/event_fixture_test.hpp"
#include "panel/dispatch/known_failure.hpp"
#include "panel/dispatch/store_job_service.hpp"

namespace prov::panel {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class EventApplication : public EventTest {
 protected:
  // From accepted to the end, as an agent reports it.
  std::vector<job::Event> WholeLife(const Uuid& id) {
    return {State(id, Status::kAccepted), State(id, Status::kRunning, 1), Log(id, 1, "one\ntwo\n"),
            Progress(id, 50), State(id, Status::kSucceeded, 1)};
  }
  // The first that is said of a job which somebody else made.
  job::Event Ordered(const Uuid& id, const std::string& app) {
    auto event = State(id, Status::kAccepted);
    event.state->ordered = job::OrderOutline{app,
                                             "1.0",
                                             "sha256:" + std::string(64, 'a'),
                                             contract::Action::kInstall,
                                             {},
                                             {},
                                             {},
                                             "alice",
                                             clock_.Now()};
    return event;
  }
  job::Event Output(const Uuid& id, const std::string& name, const std::string& value) {
    auto event = NewEvent(job::EventType::kOutput);
    event.job = id;
    event.attempt = 1;
    event.output = job::Output{name, "Label", value};
    return event;
  }
  std::vector<store::Command> Queries() {
    return *database_.Read([](store::Transaction& t) { return t.commands().Pending(kAgent, 10); });
  }
  static std::vector<Uuid> AskedAfter(const store::Command& query) {
    auto asked = *Opened(job::CommandType::kQuery, query.bytes).query;
    std::ranges::copy(asked.handed_over, std::back_inserter(asked.jobs));
    return asked.jobs;
  }
};

TEST_F(EventApplication, InOrder_AreAppliedAndAcknowledged) {
  const auto id = AddJobIn(Status::kDispatched);
  const auto acknowledged = Deliver(WholeLife(id));
  ASSERT_TRUE(acknowledged) << acknowledged.error().ToString();
  EXPECT_EQ(*acknowledged, 5U);
  const auto record = Job(id);
  EXPECT_EQ(record.status, Status::kSucceeded);
  EXPECT_EQ(record.attempt, 1U);
  EXPECT_EQ(record.progress, 100U);
  EXPECT_EQ(record.log.lines, 2U);
  EXPECT_EQ(record.log.bytes, 8U);
  EXPECT_THAT(finished_, SizeIs(1));
  EXPECT_FALSE(log_.Has("event_refused")) << log_.text;
}

// Row 36: what an agent has to tell after a day without a panel.
TEST_F(EventApplication, OfADayWithoutAPanel_AreAllAppliedAfterwards) {
  const auto id = AddJobIn(Status::kDispatched);
  std::vector<job::Event> events{State(id, Status::kAccepted), State(id, Status::kRunning, 1)};
  for (std::uint64_t hour = 1; hour <= 24; ++hour) {
    clock_.Advance(std::chrono::hours{1});
    events.push_back(Log(id, hour, fmt::format("hour {}\n", hour)));
  }
  events.push_back(State(id, Status::kSucceeded, 1));
  Restart();
  EXPECT_EQ(Job(id).status, Status::kDispatched) << "that it is silent ends no job";
  EXPECT_EQ(*Deliver(events), events.size());
  EXPECT_EQ(Job(id).status, Status::kSucceeded);
  EXPECT_EQ(Job(id).log.lines, 24U);
  EXPECT_FALSE(log_.Has("event_refused")) << log_.text;
}

TEST_F(EventApplication, TheSameOnceMore_ChangesNothingAndIsAcknowledgedAgain) {
  const auto id = AddJobIn(Status::kDispatched);
  const auto events = WholeLife(id);
  ASSERT_TRUE(Deliver(events));
  const auto changes = Changes(id).size();
  for (const auto& again : {events, {events[2]}, {events[4], events[0]}}) {
    const auto acknowledged = Deliver(again);
    ASSERT_TRUE(acknowledged) << acknowledged.error().ToString();
    EXPECT_EQ(*acknowledged, 5U);
  }
  EXPECT_THAT(Changes(id), SizeIs(changes));
  EXPECT_THAT(StoredLog(id), SizeIs(1));
  EXPECT_THAT(Audited("job.succeeded"), SizeIs(1));
  EXPECT_THAT(Audited("event.refused"), IsEmpty());
  EXPECT_THAT(finished_, SizeIs(1)) << "who counts finished jobs would count it again";
}

TEST_F(EventApplication, TwiceInOneDelivery_IsAppliedOnce) {
  const auto id = AddJobIn(Status::kRunning, 1);
  const auto log = Log(id, 1, "one\n");
  EXPECT_EQ(*Deliver({log, log, log}), 1U);
  EXPECT_THAT(StoredLog(id), SizeIs(1));
  EXPECT_EQ(Job(id).log.lines, 1U);
}

TEST_F(EventApplication, OutOfOrderInOneDelivery_AreAppliedBySequence) {
  const auto id = AddJobIn(Status::kDispatched);
  auto events = WholeLife(id);
  std::ranges::reverse(events);
  EXPECT_EQ(*Deliver(events), 5U);
  EXPECT_EQ(Job(id).status, Status::kSucceeded);
  EXPECT_EQ(Job(id).log.lines, 2U);
}

TEST_F(EventApplication, AHoleThatCanStillBeFilled_HoldsUpWhatIsBehindIt) {
  const auto id = AddJobIn(Status::kDispatched);
  const auto events = WholeLife(id);
  EXPECT_EQ(*Deliver({events[0], events[2], events[3], events[4]}), 1U);
  EXPECT_EQ(Job(id).status, Status::kAccepted);
  EXPECT_EQ(*Deliver({events[4]}), 1U);
  EXPECT_EQ(*Deliver({events[1], events[2], events[3], events[4]}), 5U);
  EXPECT_EQ(Job(id).status, Status::kSucceeded);
  EXPECT_THAT(Queries(), IsEmpty());
  EXPECT_FALSE(log_.Has("event_gap"));
}

TEST_F(EventApplication, AGapThatCanNeverBeFilled_IsPassedAndAskedAfter) {
  const auto id = AddJobIn(Status::kDispatched);
  const auto other = AddJobIn(Status::kDispatched);
  ASSERT_TRUE(Deliver({State(id, Status::kAccepted)}));
  seq_ = 4;
  auto late = State(id, Status::kSucceeded, 1);
  late.oldest = 5;
  EXPECT_EQ(*Deliver({late}), 5U);
  EXPECT_EQ(Job(id).status, Status::kSucceeded) << "what the agent knows counts, though the steps "
                                                   "between were lost";
  EXPECT_EQ(Job(other).status, Status::kDispatched);
  EXPECT_EQ(log_.Count("event_gap"), 1);
  EXPECT_THAT(woken_, ElementsAre(kAgent));
  ASSERT_THAT(Queries(), SizeIs(1));
  EXPECT_THAT(AskedAfter(Queries()[0]), ElementsAre(other));
}

// The question is the store's: what a panel that was started anew hears is the answer to it.
TEST_F(EventApplication, AnAnswerAfterARestart_IsBelieved_AndOnlyUntilItIsComplete) {
  const auto ended = AddJobIn(Status::kDispatched);
  const auto next = AddJobIn(Status::kDispatched);
  seq_ = 4;
  auto late = NewEvent(job::EventType::kCommand);
  late.command = job::CommandResult{"0123456789abcdef0123456789abcdef", "done"};
  late.oldest = 5;
  ASSERT_EQ(*Deliver({late}), 5U);
  ASSERT_THAT(Queries(), SizeIs(1));
  Restart();
  ASSERT_TRUE(Deliver({State(ended, Status::kSucceeded, 1)}));
  EXPECT_EQ(Job(ended).status, Status::kSucceeded);
  auto done = NewEvent(job::EventType::kCommand);
  done.command = job::CommandResult{CommandNonce(Queries()[0].id), "done"};
  ASSERT_TRUE(Deliver({done}));
  EXPECT_THAT(Queries(), IsEmpty());
  ASSERT_TRUE(Deliver({State(next, Status::kSucceeded, 1)}));
  EXPECT_EQ(Job(next).status, Status::kDispatched) << "what was asked is answered";
}

// A panel with a store of before: it hands over again what has ended, and is told so.
TEST_F(EventApplication, AStateThatIsSaidAgain_IsBelievedThoughNobodyAsked) {
  const auto id = AddJobIn(Status::kDispatched);
  auto again = State(id, Status::kSucceeded, 1);
  again.state->again = true;
  ASSERT_TRUE(Deliver({again}));
  EXPECT_EQ(Job(id).status, Status::kSucceeded);
  EXPECT_THAT(Audited("event.refused"), IsEmpty());
}

TEST_F(EventApplication, AQuestion_TellsWhatWasAcceptedFromWhatWasHandedOver) {
  const auto accepted = AddJobIn(Status::kAccepted);
  const auto handed_over = AddJobIn(Status::kDispatched);
  seq_ = 4;
  auto late = NewEvent(job::EventType::kCommand);
  late.command = job::CommandResult{"0123456789abcdef0123456789abcdef", "done"};
  late.oldest = 5;
  ASSERT_TRUE(Deliver({late}));
  ASSERT_THAT(Queries(), SizeIs(1));
  const auto asked = Opened(job::CommandType::kQuery, Queries()[0].bytes);
  EXPECT_THAT(asked.query->jobs, ElementsAre(accepted));
  EXPECT_THAT(asked.query->handed_over, ElementsAre(handed_over));
}

TEST_F(EventApplication, ASecondGap_IsAskedAfterInPlaceOfTheFirst) {
  const auto id = AddJobIn(Status::kDispatched);
  for (const std::uint64_t seq : {5U, 9U}) {
    seq_ = seq - 1;
    auto late = State(id, Status::kAccepted);
    late.oldest = seq;
    ASSERT_EQ(*Deliver({late}), seq);
  }
  EXPECT_EQ(log_.Count("event_gap"), 2);
  ASSERT_THAT(Queries(), SizeIs(1)) << "the answer to the first may be what was lost";
  EXPECT_THAT(AskedAfter(Queries()[0]), ElementsAre(id));
}

TEST_F(EventApplication, LinesThatRepeatOnesBeyondAHole_AreRefused) {
  const auto id = AddJobIn(Status::kRunning, 1);
  ASSERT_TRUE(Deliver({Log(id, 1, "one\n")}));
  ASSERT_TRUE(Deliver({Log(id, 10, "ten\neleven\n")}));
  EXPECT_EQ(Job(id).log.lines, 11U) << "the last line's number";
  ASSERT_TRUE(Deliver({Log(id, 11, "eleven\n")}));
  EXPECT_THAT(StoredLog(id), SizeIs(2));
}

TEST_F(EventApplication, OfAnotherServersJob_IsRefusedAndTheSequenceGoesOn) {
  AddAgent("agent-2");
  const auto foreign = AddJobIn(Status::kRunning, 1, "agent-2");
  const auto own = AddJobIn(Status::kDispatched);
  EXPECT_EQ(*Deliver({State(foreign, Status::kSucceeded, 1), Log(foreign, 1, "lies\n"),
                      State(own, Status::kAccepted)}),
            3U);
  EXPECT_EQ(Job(foreign).status, Status::kRunning);
  EXPECT_EQ(Job(foreign).log.lines, 0U);
  EXPECT_THAT(StoredLog(foreign), IsEmpty());
  EXPECT_EQ(Job(own).status, Status::kAccepted);
  EXPECT_THAT(finished_, IsEmpty());
  const auto refused = Audited("event.refused");
  ASSERT_THAT(refused, SizeIs(2));
  EXPECT_EQ(refused[0].user_id, "agent:agent-1");
  EXPECT_EQ(refused[0].subject, foreign.ToString());
  EXPECT_EQ(log_.Count("event_refused"), 2);
}

TEST_F(EventApplication, OfAJobNobodyMade_IsRefusedAndTheSequenceGoesOn) {
  const auto nobodys = Uuid::MakeV7(clock_, random_);
  EXPECT_EQ(*Deliver({State(nobodys, Status::kSucceeded, 1)}), 1U);
  ASSERT_THAT(Audited("event.refused"), SizeIs(1));
  EXPECT_THAT(Jobs(), IsEmpty());
}

// Somebody with the agent's key pushed it to the queue.
TEST_F(EventApplication, OfAJobThatSomebodyElseMade_MakeItsRow) {
  const auto id = Uuid::MakeV7(clock_, random_);
  auto accepted = State(id, Status::kAccepted);
  accepted.state->ordered = job::OrderOutline{"hello",
                                              "1.0",
                                              "sha256:" + std::string(64, 'a'),
                                              contract::Action::kUpgrade,
                                              {{"name", "world"}},
                                              {"token"},
                                              {2, 30},
                                              "alice",
                                              clock_.Now() - Seconds{60}};
  EXPECT_EQ(*Deliver({accepted, State(id, Status::kRunning, 1), Log(id, 1, "one\n")}),
            accepted.seq + 2);
  const auto job = Job(id);
  EXPECT_EQ(job.status, Status::kRunning);
  EXPECT_EQ(job.origin, job::Origin::kExternal);
  EXPECT_EQ(job.user_id, "external");
  EXPECT_EQ(job.claimed_user_id, "alice");
  EXPECT_EQ(job.server_id, kAgent);
  EXPECT_EQ(job.app_id, "hello");
  EXPECT_EQ(job.app_version, "1.0");
  EXPECT_EQ(job.installer_digest, accepted.state->ordered->installer_digest);
  EXPECT_EQ(job.action, contract::Action::kUpgrade);
  EXPECT_EQ(job.inputs, accepted.state->ordered->inputs);
  EXPECT_THAT(job.sealed_inputs, ElementsAre("token"));
  EXPECT_EQ(job.retry.max_attempts, 2U);
  EXPECT_EQ(job.created_at, clock_.Now() - Seconds{60});
  EXPECT_EQ(job.log.lines, 1U);
  const auto audited = Audited("job.external");
  ASSERT_THAT(audited, SizeIs(1));
  EXPECT_EQ(audited[0].user_id, "agent:agent-1");
  EXPECT_EQ(audited[0].subject, id.ToString());
  EXPECT_EQ(audited[0].detail.at("claimed_user"), "alice");
  EXPECT_THAT(Audited("event.refused"), IsEmpty());
}

TEST_F(EventApplication, OfApplicationsThatTheCatalogueHasNot_BeginNoStatistics) {
  AddInstaller("demo");
  ASSERT_TRUE(registry_.Reload());
  for (const char* app : {"demo", "invented"}) {
    ASSERT_TRUE(Deliver({Ordered(Uuid::MakeV7(clock_, random_), app)}));
  }
  EXPECT_THAT(Jobs(), SizeIs(2));
  const auto statistics = *database_.Read(
      [](store::Transaction& t) { return t.jobs().Statistics({"demo", "invented"}); });
  ASSERT_THAT(statistics, SizeIs(1));
  EXPECT_EQ(statistics[0].app_id, "demo");
}

TEST_F(EventApplication, OutputsWithoutEnd_AreRefusedBeyondWhatAJobMayHave) {
  const auto id = AddJobIn(Status::kRunning, 1);
  std::vector<job::Event> events;
  for (std::size_t i = 0; i < job::kMostOutputs + 3; ++i)
    events.push_back(Output(id, fmt::format("out_{}", i), "value"));
  events.push_back(Output(id, "out_7", "another"));
  EXPECT_EQ(*Deliver(events), events.size());
  const auto outputs = Job(id).outputs;
  ASSERT_THAT(outputs, SizeIs(job::kMostOutputs));
  EXPECT_EQ(outputs.back().value, "another") << "one that is there may become another";
  EXPECT_THAT(Audited("event.refused"), SizeIs(3));
  EXPECT_THAT(log_.text, HasSubstr("it has 101 outputs, and 100 are allowed"));
}

TEST_F(EventApplication, OutputsOfAnyLength_AreRefusedBeyondWhatAJobMayHave) {
  const auto id = AddJobIn(Status::kRunning, 1);
  const std::string half(job::kMostOutputBytes / 2, 'x');
  ASSERT_TRUE(Deliver({Output(id, "a", half)}));
  ASSERT_TRUE(Deliver({Output(id, "b", half)}));
  EXPECT_THAT(Job(id).outputs, SizeIs(1));
  EXPECT_THAT(Audited("event.refused"), SizeIs(1));
  auto ended = State(id, Status::kSucceeded, 1);
  ended.state->outputs = {{"a", "A", half}, {"b", "B", half}};
  ASSERT_TRUE(Deliver({ended}));
  EXPECT_EQ(Job(id).status, Status::kRunning);
  EXPECT_THAT(Audited("event.refused"), SizeIs(2));
}

TEST_F(EventApplication, WhoeverIsToldOfTheEnd_IsNotToldWhatTheServerFilledTheJobWith) {
  const auto id = AddJobIn(Status::kRunning, 1);
  auto ended = State(id, Status::kSucceeded, 1);
  ended.state->outputs = {{"a", "A", "value"}};
  ended.state->left_running = {{4711, "daemon", std::nullopt}};
  ASSERT_TRUE(Deliver({Log(id, 1, "::group one\n"), ended}));
  EXPECT_THAT(Job(id).outputs, SizeIs(1));
  ASSERT_THAT(finished_, SizeIs(1));
  EXPECT_EQ(finished_[0].status, Status::kSucceeded);
  EXPECT_THAT(finished_[0].outputs, IsEmpty());
  EXPECT_THAT(finished_[0].left_running, IsEmpty());
  EXPECT_THAT(finished_[0].steps, IsEmpty());
}

TEST_F(EventApplication, TextsLongerThanARecordMayHold_AreRefusedAndTheSequenceGoesOn) {
  const auto id = AddJobIn(Status::kRunning, 1);
  const auto nobodys = Uuid::MakeV7(clock_, random_);
  auto progress = Progress(id, 1);
  progress.progress->message = std::string(job::kMostMessageBytes + 1, 'x');
  auto warning = NewEvent(job::EventType::kWarning);
  warning.job = id;
  warning.warning = job::Warning{std::string(job::kMostMessageBytes + 1, 'x')};
  warning.attempt = 1;
  auto reason = State(id, Status::kFailed, 1);
  reason.state->reason = std::string(job::kMostReasonBytes + 1, 'x');
  auto left = State(id, Status::kSucceeded, 1);
  left.state->left_running.resize(job::kMostLeftRunning + 1);
  auto adopted = Ordered(nobodys, "demo");
  adopted.state->reason = reason.state->reason;
  EXPECT_EQ(*Deliver({progress, warning, reason, left, adopted, Progress(id, 7)}), 6U);
  EXPECT_EQ(Job(id).status, Status::kRunning);
  EXPECT_EQ(Job(id).progress, 7U);
  EXPECT_EQ(Job(id).message, "working");
  EXPECT_THAT(Jobs(), SizeIs(1));
  EXPECT_THAT(Audited("event.refused"), SizeIs(5));
}

TEST_F(EventApplication, RefusalsWithoutEnd_AreInTheAuditAHundredTimesAnHour) {
  const auto refused = [&](int events) {
    std::vector<job::Event> delivered;
    for (int i = 0; i < events; ++i)
      delivered.push_back(State(Uuid::MakeV7(clock_, random_), Status::kSucceeded, 1));
    EXPECT_EQ(*Deliver(delivered), seq_);
  };
  refused(60);
  refused(60);
  refused(60);
  const auto audited = Audited("event.refused");
  ASSERT_THAT(audited, SizeIs(100));
  EXPECT_EQ(audited[98].detail.at("reason"), "there is no such job");
  EXPECT_THAT(std::string(audited[99].detail.at("reason").as_string()),
              HasSubstr("in the panel's log alone"));
  EXPECT_EQ(log_.Count("event_refused"), 180);
  clock_.Advance(std::chrono::hours{1});
  refused(1);
  EXPECT_THAT(Audited("event.refused"), SizeIs(101));
}

TEST_F(EventApplication, TheReasonOfAnEpoch_IsKeptAsFarAsPeopleReadIt) {
  const auto known = epoch_;
  epoch_ = Uuid::MakeV7(clock_, random_);
  auto facts = Facts(known);
  facts.facts->epoch.reason = std::string(100'000, 'x');
  ASSERT_TRUE(Deliver({facts}));
  const auto audited = Audited("agent.new_epoch");
  ASSERT_THAT(audited, SizeIs(1));
  EXPECT_EQ(audited[0].detail.at("reason").as_string().size(), kMostSaidBytes);
}

TEST_F(EventApplication, WhatIsWrongWithAnEvent_IsKeptAsFarAsPeopleReadIt) {
  const auto payload = "{\"" + std::string(100'000, 'x') + "\":1}";
  EXPECT_FALSE(DeliverBytes({Sign(payload, signing::Purpose::kEvent, kAgent)}));
  EXPECT_EQ(Agent().refused.size(), kMostSaidBytes);
}

TEST_F(EventApplication, WhatWasOrdered_ChangesNothingOfAJobThatIsKnown) {
  AddAgent("agent-2");
  const auto own = AddJobIn(Status::kDispatched);
  const auto foreign = AddJobIn(Status::kDispatched, 0, "agent-2");
  std::vector<job::Event> events{State(own, Status::kAccepted), State(foreign, Status::kAccepted)};
  for (auto& event : events) {
    event.state->ordered = job::OrderOutline{"other",
                                             "9",
                                             "sha256:" + std::string(64, 'a'),
                                             contract::Action::kUninstall,
                                             {},
                                             {},
                                             {},
                                             "mallory",
                                             clock_.Now()};
  }
  const auto before = Job(own);
  ASSERT_TRUE(Deliver(events));
  EXPECT_EQ(Job(own).status, Status::kAccepted);
  EXPECT_EQ(Job(own).app_id, before.app_id);
  EXPECT_EQ(Job(own).origin, job::Origin::kPanel);
  EXPECT_EQ(Job(own).claimed_user_id, std::nullopt);
  EXPECT_EQ(Job(foreign).status, Status::kDispatched);
  EXPECT_EQ(Job(foreign).server_id, "agent-2");
  EXPECT_THAT(Audited("event.refused"), SizeIs(1));
}

// Every pair of states: what the one table allows the agent happens, and nothing else.
TEST_F(EventApplication, Transitions_FollowTheTableAndNothingElse) {
  constexpr Status kAll[] = {Status::kDispatched, Status::kAccepted,    Status::kRunning,
                             Status::kRetryWait,  Status::kSucceeded,   Status::kFailed,
                             Status::kTimedOut,   Status::kCanceled,    Status::kRejected,
                             Status::kExpired,    Status::kInterrupted, Status::kLost};
  std::size_t refused = 0;
  for (const auto from : kAll) {
    for (const auto to : kAll) {
      if (to == Status::kDispatched) continue;
      const auto id = AddJobIn(from, from == Status::kDispatched ? 0 : 1);
      ASSERT_EQ(Job(id).status, from);
      const auto step = json::EnumName(from) + " to " + json::EnumName(to);
      ASSERT_TRUE(Deliver({State(id, to, 1)})) << step;
      const bool may = job::MayTransition(from, to, job::Party::kAgent);
      EXPECT_EQ(Job(id).status, may ? to : from) << step;
      // What a job that is over is told again is no lie, only late.
      if (!may && from != to && !job::IsTerminal(from)) ++refused;
    }
  }
  EXPECT_GT(refused, 20U);
  EXPECT_THAT(Audited("event.refused"), SizeIs(refused));
}

TEST_F(EventApplication, OfAnAttemptThatIsOver_IsRefused) {
  const auto id = AddJobIn(Status::kRunning, 2);
  EXPECT_EQ(*Deliver({Progress(id, 99, 1), Log(id, 1, "old\n", 1), Progress(id, 7, 2)}), 3U);
  EXPECT_EQ(Job(id).progress, 7U);
  EXPECT_THAT(StoredLog(id, 1), IsEmpty());
  EXPECT_THAT(Audited("event.refused"), SizeIs(2));
}

// As the panel's word is for a server that was silent for a day: the row does not say whose it was.
TEST_F(EventApplication, OfALostJob_EverythingIsTaken_AndItIsWhatTheServerSaysAgain) {
  const auto id = AddJobIn(Status::kRunning, 1);
  ASSERT_TRUE(Deliver({Log(id, 1, "one\n")}));
  ASSERT_TRUE(Deliver({State(id, Status::kLost, 1)}));
  ASSERT_TRUE(Job(id).needs_attention && Job(id).finished_at);
  ASSERT_TRUE(Deliver({Log(id, 2, "two\n"), Progress(id, 60)}));
  EXPECT_EQ(Job(id).status, Status::kLost) << "only the server's own word changes that";
  EXPECT_EQ(Job(id).log.lines, 2U);
  EXPECT_EQ(Job(id).progress, 60U);
  ASSERT_TRUE(Deliver({State(id, Status::kRetryWait, 1)}));
  EXPECT_EQ(Job(id).status, Status::kRetryWait);
  EXPECT_EQ(Job(id).finished_at, std::nullopt);
  EXPECT_FALSE(Job(id).needs_attention);
  ASSERT_TRUE(Deliver({State(id, Status::kRunning, 2), Log(id, 1, "again\n", 2)}));
  EXPECT_THAT(StoredLog(id, 1), SizeIs(2));
  EXPECT_THAT(StoredLog(id, 2), SizeIs(1));
  EXPECT_THAT(Audited("event.refused"), IsEmpty());
}

TEST_F(EventApplication, AnotherAttempt_BeginsItsOwnLog) {
  const auto id = AddJobIn(Status::kRunning, 1);
  ASSERT_TRUE(Deliver({Log(id, 1, "one\n"), Progress(id, 60), State(id, Status::kRetryWait, 1),
                       State(id, Status::kRunning, 2), Log(id, 1, "again\n", 2)}));
  EXPECT_EQ(Job(id).attempt, 2U);
  EXPECT_EQ(Job(id).log.lines, 1U);
  EXPECT_EQ(Job(id).progress, std::nullopt);
  EXPECT_THAT(StoredLog(id, 1), SizeIs(1));
  EXPECT_THAT(StoredLog(id, 2), SizeIs(1));
  EXPECT_THAT(Audited("event.refused"), IsEmpty());
}

TEST_F(EventApplication, Groups_AreTheJobsSteps_UntilTheNextAttempt) {
  const auto id = AddJobIn(Status::kRunning, 1);
  ASSERT_TRUE(
      Deliver({Log(id, 1, "::group Install\nx\n::endgroup\n"), Log(id, 4, "::group Start\n")}));
  auto steps = Job(id).steps;
  ASSERT_THAT(steps, SizeIs(2));
  EXPECT_EQ(steps[0].name, "Install");
  EXPECT_EQ(steps[0].status, job::StepStatus::kSucceeded);
  EXPECT_EQ(steps[1].line, 4U);
  EXPECT_EQ(steps[1].status, job::StepStatus::kRunning);
  clock_.Advance(Seconds{1});
  ASSERT_TRUE(Deliver({State(id, Status::kRetryWait, 1)}));
  steps = Job(id).steps;
  EXPECT_EQ(steps[1].status, job::StepStatus::kFailed);
  EXPECT_EQ(steps[1].finished_at, clock_.Now());
  ASSERT_TRUE(Deliver({State(id, Status::kRunning, 2)}));
  EXPECT_THAT(Job(id).steps, IsEmpty());
}

TEST_F(EventApplication, AFailure_IsExplainedByTheLastLineThatTheInstallerKnows) {
  AddInstaller(
      "demo",
      "known_failures:\n"
      "  - {pattern: 'No space', cause: The disk is full, remedy: Free some, retryable: true}\n"
      "  - {pattern: 'port \\d+ .*in use', cause: The port is taken}\n");
  ASSERT_TRUE(registry_.Reload());
  const auto& installer = *registry_.Current()->Find("demo");
  ASSERT_THAT(installer.faults, IsEmpty());
  const auto fail = [&](const std::string& digest, std::vector<std::string> texts, Status end) {
    const auto id = AddJob(kAgent, digest);
    Put(id, Status::kDispatched);
    Put(id, Status::kRunning, 1);
    std::vector<job::Event> events;
    std::uint64_t line = 1;
    for (const auto& text : texts) {
      events.push_back(Log(id, line, text));
      line += events.back().log->lines;
    }
    events.push_back(State(id, end, 1));
    EXPECT_TRUE(Deliver(events));
    return Job(id).known_failure;
  };
  const std::vector<std::string> log{"one\nNo space left\n", "port 80 is in use\n", "bye\n"};
  const job::FailureFound port{"The port is taken", "", 3};
  for (const auto end : {Status::kFailed, Status::kTimedOut, Status::kRetryWait})
    EXPECT_EQ(fail(installer.digest, log, end), port);
  EXPECT_EQ(fail(installer.digest, {log[0]}, Status::kFailed),
            (job::FailureFound{"The disk is full", "Free some", 2, true}));
  EXPECT_EQ(fail(installer.digest, {"nothing known\n"}, Status::kFailed), std::nullopt);
  EXPECT_EQ(fail(installer.digest, log, Status::kSucceeded), std::nullopt);
  EXPECT_EQ(fail("sha256:of another version", log, Status::kFailed), std::nullopt);
  std::string long_ago = "No space left\n";
  for (std::uint64_t i = 0; i < kSearchedLines; ++i) long_ago += "x\n";
  EXPECT_EQ(fail(installer.digest, {long_ago}, Status::kFailed), std::nullopt);
}

TEST_F(EventApplication, AWaitThatIsOver_IsNotHurriedAnyMore) {
  const auto id = AddJobIn(Status::kRetryWait, 1);
  StoreJobService service(gate_, registry_, hub_, keys_, clock_, random_, log_,
                          [](const std::string&) {});
  ASSERT_TRUE(std::holds_alternative<Submitted>(Await(service.RetryNow(Ann(), id))));
  EXPECT_THAT(Queries(), SizeIs(1));
  ASSERT_TRUE(Deliver({State(id, Status::kRunning, 2)}));
  EXPECT_THAT(Queries(), IsEmpty());
}

TEST_F(EventApplication, LogChunksThatOverlap_AreKeptOnce) {
  const auto id = AddJobIn(Status::kRunning, 1);
  ASSERT_TRUE(Deliver({Log(id, 1, "one\ntwo\n"), Log(id, 3, "three\n")}));
  // New events, so that their sequence does not give them away.
  EXPECT_EQ(*Deliver({Log(id, 1, "one\ntwo\n"), Log(id, 2, "two\nthree\n"), Log(id, 3, "three\n"),
                      Log(id, 3, "three\nfour\n"), Log(id, 4, "four\n")}),
            7U);
  EXPECT_EQ(Job(id).log.lines, 4U);
  EXPECT_EQ(Job(id).log.bytes, 19U);
  std::uint64_t next = 1;
  for (const auto& chunk : StoredLog(id)) {
    EXPECT_EQ(chunk.first_line, next);
    next = chunk.first_line + chunk.line_count;
  }
  EXPECT_EQ(next, 5U);
  EXPECT_THAT(Audited("event.refused"), SizeIs(4));
}

TEST_F(EventApplication, ALogThatCountsWrongOrIsNone_IsRefusedWhole) {
  const auto id = AddJobIn(Status::kRunning, 1);
  const auto good = Log(id, 1, "one\n");
  auto lines = good;
  lines.log->lines = 2;
  auto size = good;
  size.log->raw_size += 1;
  auto bytes = good;
  bytes.log->frames = Base64Encode("not zstd at all");
  for (const auto& bad : {lines, size, bytes}) EXPECT_FALSE(Deliver({bad}));
  EXPECT_EQ(Position(), 0U);
  EXPECT_THAT(StoredLog(id), IsEmpty());
  EXPECT_EQ(*Deliver({good}), 1U);
}

// Packed, a megabyte of newlines has a few hundred bytes, and a thousand such events may come at
// once: they are not all in memory at a time. What is left for the next time would wait until the
// agent sends it again, which is seconds.
TEST_F(EventApplication, MoreLogThanIsUnpackedAtOnce_IsTakenPartByPart) {
  const auto id = AddJobIn(Status::kRunning, 1);
  std::vector<job::Event> events;
  for (std::uint64_t i = 0; i < 20; ++i)
    events.push_back(Log(id, 1 + i * 1'000'000, std::string(1'000'000, '\n')));
  const std::uint32_t first[] = {1};
  EXPECT_EQ(VerifyDelivery(keys_, kAgent, first, Signed(events)).looked_at, 9U);
  EXPECT_EQ(*Deliver(events), Position());
  EXPECT_EQ(Job(id).log.lines, 20'000'000U);
}

TEST_F(EventApplication, WhatIsRefusedBehindAPartThatWasTaken_LeavesThatAcknowledged) {
  const auto id = AddJobIn(Status::kRunning, 1);
  std::vector<job::Event> events;
  for (std::uint64_t i = 0; i < 9; ++i)
    events.push_back(Log(id, 1 + i * 1'000'000, std::string(1'000'000, '\n')));
  auto bytes = Signed(events);
  bytes.emplace_back("{}");
  EXPECT_TRUE(DeliverBytes(bytes).has_value());
  EXPECT_EQ(Position(), events.back().seq);
  EXPECT_THAT(Agent().refused, Not(IsEmpty()));
}

TEST_F(EventApplication, ALogBeyondTheLimit_IsCountedAndNotStored) {
  const auto id = AddJobIn(Status::kRunning, 1);
  // Under the limit of a chunk, with the frame's head.
  const std::string text(1'000'000, 'x');
  std::uint64_t next = 1;
  for (int i = 0; i < 72; ++i) {
    const auto event = Log(id, next, text);
    next += event.log->lines;
    ASSERT_TRUE(Deliver({event}));
  }
  const auto stored = Job(id).log.bytes;
  EXPECT_LE(stored, std::uint64_t{66} << 20);
  EXPECT_EQ(stored + Job(id).log.dropped_bytes, 72'000'000U);
  EXPECT_GT(Job(id).log.dropped_bytes, 0U);
}

struct Forgery {
  std::string name;
  std::function<std::string(const job::Event&)> make;
};

class ForgedEvents : public EventApplication, public ::testing::WithParamInterface<Forgery> {
 public:
  using EventTest::kAgent;
  using EventTest::kSecret;
  using EventTest::Sign;
  using EventTest::Signed;
};

// What is true beside it is taken, it never is.
TEST_P(ForgedEvents, AreNeverAppliedNorAcknowledged) {
  const auto id = AddJobIn(Status::kDispatched);
  const auto good = State(id, Status::kAccepted);
  const auto forged = GetParam().make(State(id, Status::kRejected));
  ASSERT_TRUE(DeliverBytes({forged, Signed(good)}));
  EXPECT_EQ(Job(id).status, Status::kAccepted);
  EXPECT_EQ(Position(), 1U);
  EXPECT_TRUE(log_.Has("event_refused"));
  EXPECT_FALSE(DeliverBytes({forged}));
  EXPECT_EQ(*Deliver({good}), 1U);
  EXPECT_EQ(Job(id).status, Status::kAccepted);
}

std::string Payload(const job::Event& event) { return *job::SerializeEvent(event); }

INSTANTIATE_TEST_SUITE_P(
    Event, ForgedEvents,
    ::testing::Values(
        Forgery{"ByTheJobKey",
                [](const job::Event& e) {
                  return ForgedEvents::Sign(Payload(e), signing::Purpose::kJob, e.agent);
                }},
        Forgery{"ByTheHttpKey",
                [](const job::Event& e) {
                  return ForgedEvents::Sign(Payload(e), signing::Purpose::kHttp, e.agent);
                }},
        Forgery{"ByAnotherAgent",
                [](const job::Event& e) {
                  return ForgedEvents::Sign(Payload(e), signing::Purpose::kEvent, "agent-2");
                }},
        Forgery{"ByAnotherGeneration",
                [](const job::Event& e) {
                  return ForgedEvents::Sign(Payload(e), signing::Purpose::kEvent, e.agent, 2);
                }},
        Forgery{"ByAnotherPanelsSecret",
                [](const job::Event& e) {
                  return ForgedEvents::Sign(Payload(e), signing::Purpose::kEvent, e.agent, 1,
                                            "ffffffffffffffffffffffffffffffff");
                }},
        Forgery{"OfAnotherPayloadType",
                [](const job::Event& e) {
                  return ForgedEvents::Sign(Payload(e), signing::Purpose::kEvent, e.agent, 1,
                                            ForgedEvents::kSecret, job::kOrderPayloadType);
                }},
        Forgery{"ThatSpeakForAnotherAgent",
                [](const job::Event& e) {
                  auto other = e;
                  other.agent = "agent-2";
                  return ForgedEvents::Sign(Payload(other), signing::Purpose::kEvent, e.agent);
                }},
        Forgery{"WithAnotherPayloadUnderTheSignature",
                [](const job::Event& e) {
                  auto other = e;
                  other.state->reason = "what I say";
                  const auto from = Base64Encode(Payload(e));
                  auto bytes = ForgedEvents::Signed(e);
                  return bytes.replace(bytes.find(from), from.size(), Base64Encode(Payload(other)));
                }},
        Forgery{"ThatAreNoEnvelope", [](const job::Event& e) { return Payload(e); }},
        Forgery{"ThatAreEmpty", [](const job::Event&) { return std::string(); }}),
    [](const auto& info) { return info.param.name; });

TEST_F(EventApplication, EveryFlippedByte_IsRefused) {
  const auto id = AddJobIn(Status::kDispatched);
  const auto bytes = Signed(State(id, Status::kAccepted));
  // The keyid is a hint and part of nothing that is signed.
  const auto keyid = bytes.find("keyid");
  const auto keyid_end = bytes.find(',', keyid);
  for (std::size_t i = 0; i < bytes.size(); i += 7) {
    auto flipped = bytes;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    if (i < keyid || i > keyid_end) EXPECT_FALSE(DeliverBytes({flipped})) << i;
  }
  EXPECT_EQ(Job(id).status, Status::kDispatched);
}

TEST_F(EventApplication, TheSameSequenceWithOtherBytes_IsTwoServersWithOneName) {
  const auto id = AddJobIn(Status::kDispatched);
  ASSERT_TRUE(Deliver({State(id, Status::kAccepted)}));
  seq_ = 0;
  const auto other = Deliver({State(id, Status::kRunning, 1)});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kConflict);
  EXPECT_THAT(other.error().message, HasSubstr("two servers"));
  EXPECT_EQ(Job(id).status, Status::kAccepted);
  ASSERT_TRUE(Agent().cloned);
  EXPECT_EQ(Agent().cloned->since, clock_.Now());
  EXPECT_THAT(Agent().cloned->evidence, HasSubstr("event 1"));
  // Neither of the two is heard any more.
  EXPECT_EQ(Deliver({State(id, Status::kRunning, 1)}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(Job(id).status, Status::kAccepted);
  EXPECT_THAT(Audited("agent.cloned"), SizeIs(1));
}

TEST_F(EventApplication, OfAnEpochThatDoesNotFollow_AreRefused) {
  const auto id = AddJobIn(Status::kDispatched);
  const auto known = epoch_;
  epoch_ = Uuid::MakeV7(clock_, random_);
  EXPECT_EQ(Deliver({State(id, Status::kAccepted)}).error().code, ErrorCode::kPermissionDenied);
  seq_ = 0;
  EXPECT_FALSE(Deliver({Facts()}));
  seq_ = 0;
  EXPECT_FALSE(Deliver({Facts(epoch_)}));
  EXPECT_EQ(Agent().epoch, known.ToString());
  EXPECT_EQ(Job(id).status, Status::kDispatched);
  seq_ = 0;
  EXPECT_EQ(*Deliver({Facts(known), State(id, Status::kAccepted)}), 2U);
  EXPECT_EQ(Agent().epoch, epoch_.ToString());
  EXPECT_EQ(Job(id).status, Status::kAccepted);
  EXPECT_THAT(Audited("agent.new_epoch"), SizeIs(1));
}

TEST_F(EventApplication, OfANewEpoch_WhatWasAskedForBeforeIsSignedForIt) {
  const auto running = AddJobIn(Status::kRunning, 1);
  const auto drain =
      AddSigned(job::CommandType::kDrain, [](job::Command& c) { c.drain = job::Drain{true}; });
  AddSigned(job::CommandType::kKeys, [](job::Command& c) { c.keys = job::NewKeys{"c2VhbGVk"}; });
  AddSigned(job::CommandType::kCancel, [&](job::Command& c) { c.cancel = job::Cancel{running}; });
  const auto query = AddSigned(job::CommandType::kQuery,
                               [&](job::Command& c) { c.query = job::Query{{running}, {}}; });
  const auto known = epoch_;
  clock_.Advance(Millis{1});
  epoch_ = Uuid::MakeV7(clock_, random_);
  ASSERT_EQ(*Deliver({Facts(known)}), 1U);

  ASSERT_THAT(KindsOfPending(), ElementsAre("drain", "keys", "cancel", "query"));
  EXPECT_THAT(woken_, ElementsAre(kAgent));
  const auto pending = PendingCommands();
  const auto drains = Opened(job::CommandType::kDrain, pending[0].bytes);
  EXPECT_EQ(drains.epoch, epoch_);
  EXPECT_TRUE(drains.drain->on);
  EXPECT_NE(pending[0].id, drain.id);
  const auto keys = Opened(job::CommandType::kKeys, pending[1].bytes);
  EXPECT_EQ(keys.epoch, epoch_);
  EXPECT_EQ(keys.keys->sealed, "c2VhbGVk");
  EXPECT_EQ(Opened(job::CommandType::kCancel, pending[2].bytes).cancel->job, running);
  EXPECT_NE(pending[3].id, query.id);
  EXPECT_EQ(Opened(job::CommandType::kQuery, pending[3].bytes).epoch, epoch_);
  // The agent's report finds it.
  auto done = NewEvent(job::EventType::kCommand);
  done.command = job::CommandResult{drains.nonce, "done"};
  ASSERT_EQ(*Deliver({done}), 2U);
  EXPECT_THAT(KindsOfPending(), ElementsAre("keys", "cancel", "query"));
}

TEST_F(EventApplication, OfANewEpoch_AServerThatWasDrainedIsToldAgain) {
  auto drained = Facts();
  drained.facts->drained = true;
  ASSERT_TRUE(Deliver({drained}));
  ASSERT_TRUE(Agent().drained);
  const auto known = epoch_;
  clock_.Advance(Millis{1});
  epoch_ = Uuid::MakeV7(clock_, random_);
  seq_ = 0;
  ASSERT_EQ(*Deliver({Facts(known)}), 1U);
  ASSERT_THAT(KindsOfPending(), ElementsAre("drain"));
  const auto told = Opened(job::CommandType::kDrain, PendingCommands()[0].bytes);
  EXPECT_TRUE(told.drain->on);
  EXPECT_EQ(told.epoch, epoch_);
  EXPECT_THAT(woken_, testing::Contains(kAgent));
}

TEST_F(EventApplication, OfANewEpoch_ACommandThatNobodyHereHasSignedIsWithdrawn) {
  const store::Command forged{Uuid::MakeV7(clock_, random_),
                              kAgent,
                              "drain",
                              std::nullopt,
                              "signed by another secret",
                              clock_.Now(),
                              clock_.Now() + Seconds{60}};
  ASSERT_TRUE(database_.Write([&](store::Transaction& t) { return t.commands().Insert(forged); }));
  const auto known = epoch_;
  clock_.Advance(Millis{1});
  epoch_ = Uuid::MakeV7(clock_, random_);
  ASSERT_EQ(*Deliver({Facts(known)}), 1U);
  EXPECT_THAT(PendingCommands(), IsEmpty());
}

TEST_F(EventApplication, WhenTheStoreFails_NothingIsAcknowledgedAndItComesAgain) {
  const auto id = AddJobIn(Status::kDispatched);
  const auto events = WholeLife(id);
  database_.writes_left = 0;
  EXPECT_EQ(Deliver(events).error().code, ErrorCode::kUnavailable);
  database_.Repair();
  EXPECT_EQ(Job(id).status, Status::kDispatched);
  EXPECT_THAT(finished_, IsEmpty());
  EXPECT_EQ(*Deliver(events), 5U);
  EXPECT_THAT(finished_, SizeIs(1));
}

TEST_F(EventApplication, WhenTheCommitIsNotLearntOf_TheSameAgainIsAcknowledgedAndNotDoubled) {
  const auto id = AddJobIn(Status::kDispatched);
  const auto events = WholeLife(id);
  database_.writes_left = 0;
  database_.lose_answer = true;
  EXPECT_FALSE(Deliver(events));
  database_.Repair();
  Restart();
  const auto changes = Changes(id).size();
  EXPECT_EQ(*Deliver(events), 5U);
  EXPECT_EQ(Job(id).status, Status::kSucceeded);
  EXPECT_THAT(Changes(id), SizeIs(changes));
}

TEST_F(EventApplication, WhenTheStoreRunsTheWorkTwice_NothingIsSaidTwice) {
  AddAgent("agent-2");
  const auto id = AddJobIn(Status::kDispatched);
  const auto foreign = AddJobIn(Status::kRunning, 1, "agent-2");
  auto events = WholeLife(id);
  events.push_back(Progress(foreign, 1));
  database_.twice = true;
  EXPECT_EQ(*Deliver(events), 6U);
  EXPECT_EQ(log_.Count("event_refused"), 1) << log_.text;
  EXPECT_THAT(finished_, SizeIs(1));
  EXPECT_EQ(Job(id).log.lines, 2U);
}

TEST_F(EventApplication, OfAServerNobodyKnows_AreRefused) {
  const auto delivered = DeliverBytes({Signed(Facts())}, "agent-9");
  EXPECT_EQ(delivered.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace prov::panel
