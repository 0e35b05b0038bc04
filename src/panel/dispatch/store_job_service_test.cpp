#include "panel/dispatch/store_job_service.hpp"

#include <latch>
#include <thread>

#include "base/encoding.hpp"
#include "job/event.hpp"
#include "job/order.hpp"
#include "panel/api/views.hpp"
#include "panel/panel_fixture_test.hpp"
#include "signing/dsse.hpp"

namespace prov::panel {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kInputs =
    "inputs:\n"
    "  - {name: site, type: string, label: Site, required: true}\n"
    "  - {name: token, type: password, label: Token, required: true}\n";

class JobServiceTest : public PanelTest {
 protected:
  using Status = job::Status;

  void SetUp() override {
    AddAgent();
    AddInstaller("demo", kInputs);
    ASSERT_TRUE(registry_.Reload());
    ASSERT_NE(registry_.Current()->Find("demo"), nullptr);
    ASSERT_THAT(registry_.Current()->Find("demo")->faults, IsEmpty())
        << registry_.Current()->Find("demo")->faults.front().ToString();
  }

  static Submission Demo() {
    return {"demo", kAgent, {{"site", "example.test"}, {"token", "correct horse"}}};
  }
  // What is answered names the job and its state.
  static KeyedRequest Key(std::string key, std::string request = "the body") {
    return {{std::move(key), std::move(request)}, [](const job::Record& job) {
              return store::StoredResponse{202, job.id.ToString(), json::EnumName(job.status)};
            }};
  }
  OrProblem<Submitted> Submit(const Submission& submission,
                              std::optional<KeyedRequest> key = std::nullopt,
                              const store::Actor& actor = Ann()) {
    return Await(service_.Submit(actor, submission, std::move(key)));
  }
  Submitted Make(const Submission& submission, std::optional<KeyedRequest> key = std::nullopt,
                 const store::Actor& actor = Ann()) {
    auto made = Submit(submission, std::move(key), actor);
    const auto* problem = std::get_if<net::Problem>(&made);
    EXPECT_EQ(problem, nullptr) << problem->code << ": " << problem->detail;
    return problem == nullptr ? std::get<Submitted>(made) : Submitted{};
  }
  template <class T>
  static net::Problem Refused(const OrProblem<T>& answer) {
    const auto* problem = std::get_if<net::Problem>(&answer);
    EXPECT_NE(problem, nullptr) << "it was not refused";
    return problem != nullptr ? *problem : net::Problem{};
  }

  Registry registry_{InstallersDirectory(), clock_, log_};
  std::vector<std::string> woken_;
  StoreJobService service_{
      gate_,  registry_, hub_, keys_,
      clock_, random_,   log_, [this](const std::string& agent) { woken_.push_back(agent); }};
};

TEST_F(JobServiceTest, Submit_MakesAJobWhoseSecretsOnlyTheAgentOpens) {
  const auto made = Make(Demo());
  EXPECT_FALSE(made.replayed);
  EXPECT_EQ(made.job.status, Status::kQueued);
  EXPECT_EQ(made.job.inputs, (boost::json::object{{"site", "example.test"}}));
  EXPECT_THAT(made.job.sealed_inputs, ElementsAre("token"));
  EXPECT_THAT(woken_, ElementsAre(kAgent));
  EXPECT_THAT(Audited("job.created"), SizeIs(1));
  const auto stored =
      database_.Read([&](store::Transaction& t) { return t.jobs().Get(Ann(), made.job.id); });
  EXPECT_EQ(JobJson(made.job), JobJson(*stored)) << "what is answered is what is kept";

  const auto key = signing::DeriveAgentKey(kSecret, signing::Purpose::kJob, kAgent, 1);
  const auto keyid = signing::KeyId(signing::Purpose::kJob, kAgent, 1);
  const signing::VerificationKey keys[] = {{keyid, key->view()}};
  const auto payload = signing::Verify(StoredEnvelope(made.job.id), job::kOrderPayloadType, keys);
  ASSERT_TRUE(payload) << payload.error().ToString();
  const auto order = job::ParseOrder(*payload);
  ASSERT_TRUE(order) << order.error().ToString();
  EXPECT_EQ(order->job, made.job.id);
  EXPECT_EQ(order->agent, kAgent);
  EXPECT_EQ(order->epoch, epoch_);
  EXPECT_EQ(order->inputs, made.job.inputs);
  EXPECT_EQ(order->installer_digest, registry_.Current()->Find("demo")->digest);
  const auto opened = signing::Unseal(sealing_, order->job, "token",
                                      *Base64Decode(order->sealed_inputs.at("token")));
  ASSERT_TRUE(opened) << opened.error().ToString();
  EXPECT_EQ(opened->view(), "correct horse");
}

struct Refusal {
  std::string name;
  std::function<void(Submission&)> change;
  int status;
  std::string code;
  std::string detail;  // a part of it
};

class JobRefusals : public JobServiceTest, public ::testing::WithParamInterface<Refusal> {};

TEST_P(JobRefusals, SayWhyAndMakeNothing) {
  AddInstaller("broken", "inputs: 7\n");
  ASSERT_TRUE(registry_.Reload());
  store::Agent seen;
  seen.id = "seen";
  seen.epoch = epoch_.ToString();
  ASSERT_TRUE(database_.Write([&](store::Transaction& t) { return t.agents().Insert(seen); }));
  auto submission = Demo();
  GetParam().change(submission);
  const auto problem = Refused(Submit(submission, Key("k")));
  EXPECT_EQ(problem.status, GetParam().status);
  EXPECT_EQ(problem.code, GetParam().code);
  EXPECT_THAT(problem.detail, HasSubstr(GetParam().detail));
  EXPECT_THAT(Jobs(), IsEmpty());
  EXPECT_THAT(woken_, IsEmpty());
  // What was refused has not used up its key.
  EXPECT_FALSE(Make(Demo(), Key("k", "another body")).replayed);
}

INSTANTIATE_TEST_SUITE_P(
    Submit, JobRefusals,
    ::testing::Values(Refusal{"UnknownApp", [](Submission& s) { s.app_id = "nope"; }, 422,
                              "unknown_app", "no installer `nope`"},
                      Refusal{"BrokenInstaller", [](Submission& s) { s.app_id = "broken"; }, 422,
                              "invalid_installer", "manifest.yml"},
                      Refusal{"NoScriptForTheAction",
                              [](Submission& s) { s.action = contract::Action::kUpgrade; }, 422,
                              "action_not_supported", "upgrade"},
                      Refusal{"UnknownServer", [](Submission& s) { s.server_id = "nowhere"; }, 422,
                              "unknown_server", "no server `nowhere`"},
                      Refusal{"ServerThatIsNotEnrolled",
                              [](Submission& s) { s.server_id = "seen"; }, 409,
                              "server_not_registered", "not enrolled"},
                      Refusal{"InputsThatAreMissing", [](Submission& s) { s.inputs.clear(); }, 422,
                              "invalid_input", "some inputs"},
                      Refusal{"AnInputNobodyDeclared", [](Submission& s) { s.inputs["more"] = 1; },
                              422, "invalid_input", "some inputs"}),
    [](const auto& info) { return info.param.name; });

TEST_F(JobServiceTest, WrongInputs_AreNamedAllAtOnce) {
  auto submission = Demo();
  submission.inputs = {{"site", 7}, {"more", "x"}};
  const auto problem = Refused(Submit(submission));
  std::vector<std::string> fields;
  for (const auto& error : problem.errors) fields.push_back(error.field);
  EXPECT_THAT(fields,
              ::testing::UnorderedElementsAre("/inputs/site", "/inputs/token", "/inputs/more"));
}

TEST_F(JobServiceTest, AServerThatDoesNotFit_IsRefusedBeforeAJobIsMade) {
  auto agent = Agent();
  job::Facts facts;
  facts.os = {"debian", "10", "Debian 10", "amd64", std::vector<std::string>{}};
  agent.facts = json::Write(facts);
  ASSERT_TRUE(database_.Write([&](store::Transaction& t) { return t.agents().Update(agent, 1); }));
  const auto problem = Refused(Submit(Demo()));
  EXPECT_EQ(problem.code, "unsuitable_server");
  ASSERT_THAT(problem.errors, SizeIs(1));
  EXPECT_EQ(problem.errors[0].rule, "os_requirements.min_version");
  EXPECT_THAT(Jobs(), IsEmpty());
  EXPECT_THAT(woken_, IsEmpty());
}

TEST_F(JobServiceTest, TheSameKeyAndBody_IsAnsweredTheSameAgain) {
  const auto first = Make(Demo(), Key("k"));
  // Even when it could not be made now.
  std::filesystem::remove_all(InstallersDirectory() / "demo");
  ASSERT_TRUE(registry_.Reload());
  Put(first.job.id, Status::kDispatched);
  const auto again = Make(Demo(), Key("k"));
  EXPECT_EQ(again.replayed, (store::StoredResponse{202, first.job.id.ToString(), "queued"}))
      << "what it was answered then, not what would be answered now";
  EXPECT_THAT(Jobs(), SizeIs(1));
  EXPECT_THAT(Audited("job.created"), SizeIs(1));
}

TEST_F(JobServiceTest, TheSameKeyWithAnotherBody_IsRefused) {
  Make(Demo(), Key("k"));
  for (const auto* body : {"", "the body ", "The body"}) {
    const auto problem = Refused(Submit(Demo(), Key("k", body)));
    EXPECT_EQ(problem.status, 422) << body;
    EXPECT_EQ(problem.code, "idempotency_conflict");
  }
  EXPECT_THAT(Jobs(), SizeIs(1));
}

TEST_F(JobServiceTest, AKey_IsItsUsersOwnAndForgottenAfterADay) {
  const auto anns = Make(Demo(), Key("k"));
  const auto bobs = Make(Demo(), Key("k", "another body"), {"bob"});
  EXPECT_FALSE(bobs.replayed);
  clock_.Advance(store::kReplayKept - Millis{1});
  EXPECT_TRUE(Make(Demo(), Key("k")).replayed);
  clock_.Advance(Millis{1});
  const auto later = Make(Demo(), Key("k", "another body"));
  EXPECT_FALSE(later.replayed);
  EXPECT_THAT(Jobs(), SizeIs(3));
}

// Fifty panels over one store, all at once: each with a thread, an io_context and a service.
class Fifty : public JobServiceTest, public ::testing::WithParamInterface<bool> {
 protected:
  static constexpr std::size_t kThreads = 50;

  std::vector<OrProblem<Submitted>> SubmitAtOnce(
      const std::function<KeyedRequest(std::size_t)>& key) {
    std::vector<OrProblem<Submitted>> answers(kThreads, net::Problem{});
    std::latch start(kThreads);
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        boost::asio::io_context io{1};
        LiveHub hub;
        NullLogger log;
        FakeRandom random{i + 100};
        StoreJobService service(*shared_, registry_, hub, keys_, clock_, random, log,
                                [](const std::string&) {});
        boost::asio::co_spawn(
            io, service.Submit(Ann(), Demo(), key(i)),
            [&answers, i](std::exception_ptr failure, OrProblem<Submitted> answer) {
              if (failure) std::rethrow_exception(failure);
              answers[i] = std::move(answer);
            });
        start.arrive_and_wait();
        io.run();
      });
    }
    threads.clear();
    return answers;
  }
  void SetUp() override {
    JobServiceTest::SetUp();
    if (GetParam()) {
      auto opened = store::sqlite::SqliteDatabase::Open({.path = DatabaseFile()});
      ASSERT_TRUE(opened) << opened.error().ToString();
      store_ = std::move(*opened);
    } else {
      store_ = std::make_unique<store::memory::MemoryDatabase>();
    }
    shared_.emplace(*store_);
    const auto agent = Agent();
    ASSERT_TRUE(store_->Write([&](store::Transaction& t) { return t.agents().Insert(agent); }));
  }
  std::size_t CountJobs() {
    return store_
        ->Read([](store::Transaction& t) { return t.jobs().List(Admin(), {}, std::nullopt, 1000); })
        ->size();
  }
  std::uint64_t CountAudit() {
    return store_->Read([](store::Transaction& t) { return t.audit().Head(); })->sequence;
  }

  std::unique_ptr<store::Database> store_;
  std::optional<StoreGate> shared_;
};

TEST_P(Fifty, WithOneKey_MakeOneJob) {
  const auto answers = SubmitAtOnce([](std::size_t) { return Key("k"); });
  std::size_t made = 0;
  std::set<Uuid> ids;
  for (const auto& answer : answers) {
    const auto* submitted = std::get_if<Submitted>(&answer);
    ASSERT_NE(submitted, nullptr) << std::get<net::Problem>(answer).detail;
    if (!submitted->replayed) ++made;
    ids.insert(submitted->replayed ? *Uuid::Parse(submitted->replayed->location)
                                   : submitted->job.id);
  }
  EXPECT_EQ(made, 1U);
  EXPECT_THAT(ids, SizeIs(1));
  EXPECT_EQ(CountJobs(), 1U);
  EXPECT_EQ(CountAudit(), 1U);
}

TEST_P(Fifty, WithOneKeyAndTwoBodies_MakeOneJobAndRefuseTheOtherBody) {
  const auto answers =
      SubmitAtOnce([](std::size_t i) { return Key("k", i % 2 == 0 ? "even" : "odd"); });
  std::size_t answered[2] = {0, 0};
  std::size_t refused[2] = {0, 0};
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (const auto* problem = std::get_if<net::Problem>(&answers[i])) {
      EXPECT_EQ(problem->code, "idempotency_conflict") << problem->detail;
      ++refused[i % 2];
    } else {
      ++answered[i % 2];
    }
  }
  EXPECT_EQ(CountJobs(), 1U);
  const std::size_t winner = answered[0] > 0 ? 0 : 1;
  EXPECT_EQ(answered[winner], kThreads / 2);
  EXPECT_EQ(refused[1 - winner], kThreads / 2);
}

TEST_P(Fifty, WithAKeyEach_MakeFiftyJobs) {
  (void)SubmitAtOnce([](std::size_t i) { return Key(std::to_string(i)); });
  EXPECT_EQ(CountJobs(), kThreads);
}

INSTANTIATE_TEST_SUITE_P(Submit, Fifty, ::testing::Values(false, true),
                         [](const auto& info) { return info.param ? "OverSqlite" : "InMemory"; });

TEST_F(JobServiceTest, WhenTheStoreFails_NothingIsAccepted) {
  database_.writes_left = 0;
  const auto problem = Refused(Submit(Demo(), Key("k")));
  EXPECT_EQ(problem.status, 503);
  database_.Repair();
  EXPECT_THAT(Jobs(), IsEmpty());
  EXPECT_THAT(woken_, IsEmpty());
}

TEST_F(JobServiceTest, WhenTheCommitWasNotLearntOf_TheSameKeyFindsTheJob) {
  database_.writes_left = 0;
  database_.lose_answer = true;
  EXPECT_EQ(Refused(Submit(Demo(), Key("k"))).status, 503);
  database_.Repair();
  EXPECT_TRUE(Make(Demo(), Key("k")).replayed);
  EXPECT_THAT(Jobs(), SizeIs(1));
}

TEST_F(JobServiceTest, WhenTheStoreRunsTheWorkTwice_OneJobIsMade) {
  database_.twice = true;
  EXPECT_FALSE(Make(Demo(), Key("k")).replayed);
  EXPECT_THAT(Jobs(), SizeIs(1));
  EXPECT_THAT(Audited("job.created"), SizeIs(1));
}

TEST_F(JobServiceTest, Cancel_OfAQueuedJobEndsIt) {
  const auto id = Make(Demo()).job.id;
  const auto canceled = Await(service_.Cancel(Ann(), id));
  EXPECT_EQ(std::get<Submitted>(canceled).job.status, Status::kCanceled);
  EXPECT_EQ(Refused(Await(service_.Cancel(Ann(), id))).code, "already_over");
  EXPECT_EQ(StoredEnvelope(id), "") << "its secrets have no more use";
}

TEST_F(JobServiceTest, Cancel_OfAJobThatWasHandedOverTellsTheAgentOnce) {
  const auto id = Make(Demo()).job.id;
  Put(id, Status::kDispatched);
  for (int i = 0; i < 2; ++i) {
    const auto canceled = Await(service_.Cancel(Ann(), id));
    EXPECT_EQ(std::get<Submitted>(canceled).job.status, Status::kDispatched);
  }
  const auto commands =
      *database_.Read([](store::Transaction& t) { return t.commands().Pending(kAgent, 10); });
  ASSERT_THAT(commands, SizeIs(1));
  EXPECT_EQ(commands[0].job_id, id);
  // Expired before it was taken: nothing is on its way any more.
  ASSERT_TRUE(
      database_.Write([&](store::Transaction& t) { return t.commands().Confirm(commands[0].id); }));
  Await(service_.Cancel(Ann(), id));
  EXPECT_THAT(
      *database_.Read([](store::Transaction& t) { return t.commands().Pending(kAgent, 10); }),
      SizeIs(1));
  EXPECT_EQ(Refused(Await(service_.Cancel(Ann(), Uuid::MakeV7(clock_, random_)))).status, 404);
}

TEST_F(JobServiceTest, Cancel_WithTheSameKeyIsAnsweredTheSameAgain_AlsoOnceTheJobIsOver) {
  const auto id = Make(Demo()).job.id;
  Put(id, Status::kDispatched);
  const auto cancel = [&](const std::string& key, const std::string& request = "the cancel") {
    return Await(service_.Cancel(Ann(), id, Key(key, request)));
  };
  EXPECT_FALSE(std::get<Submitted>(cancel("k")).replayed);
  Put(id, Status::kSucceeded, 1);
  EXPECT_EQ(std::get<Submitted>(cancel("k")).replayed,
            (store::StoredResponse{202, id.ToString(), "dispatched"}));
  EXPECT_EQ(Refused(cancel("k", "another")).code, "idempotency_conflict");
  EXPECT_EQ(Refused(cancel("k2")).code, "already_over");
  EXPECT_EQ(Refused(cancel("k2")).code, "already_over") << "a refusal is not kept";
  EXPECT_THAT(Audited("job.cancel_requested"), SizeIs(1));
}

TEST_F(JobServiceTest, RetryNow_TellsTheAgentOnceForEachWait) {
  const auto id = Make(Demo()).job.id;
  const auto waits = [&](std::uint32_t attempt) {
    Put(id, Status::kRunning, attempt);
    Put(id, Status::kRetryWait, attempt);
  };
  const auto pending = [&] {
    return *database_.Read([](store::Transaction& t) { return t.commands().Pending(kAgent, 10); });
  };
  Put(id, Status::kDispatched);
  Put(id, Status::kAccepted);
  waits(1);
  for (int i = 0; i < 2; ++i) {
    const auto asked = Await(service_.RetryNow(Ann(), id));
    EXPECT_EQ(std::get<Submitted>(asked).job.status, Status::kRetryWait);
  }
  ASSERT_THAT(pending(), SizeIs(1));
  EXPECT_EQ(pending()[0].kind, "retry_now");
  EXPECT_EQ(pending()[0].job_id, id);
  EXPECT_THAT(Audited("job.retry_now_requested"), SizeIs(1));
}

TEST_F(JobServiceTest, RetryNow_WhereNoAttemptIsWaitedFor_IsRefused) {
  const auto id = Make(Demo()).job.id;
  const auto refusal = [&] { return Refused(Await(service_.RetryNow(Ann(), id))); };
  EXPECT_EQ(refusal().code, "not_waiting");
  EXPECT_EQ(refusal().status, 409);
  EXPECT_THAT(refusal().detail, HasSubstr("it is queued"));
  for (const auto status : {Status::kDispatched, Status::kAccepted, Status::kRunning}) {
    Put(id, status, status == Status::kRunning ? 1 : 0);
    EXPECT_EQ(refusal().code, "not_waiting");
  }
  Put(id, Status::kRetryWait, 1);
  Await(service_.Cancel(Ann(), id));
  EXPECT_EQ(refusal().code, "not_waiting");
  EXPECT_THAT(refusal().detail, HasSubstr("canceled"));
  EXPECT_THAT(Audited("job.retry_now_requested"), IsEmpty());
  EXPECT_EQ(Refused(Await(service_.RetryNow(Ann(), Uuid::MakeV7(clock_, random_)))).status, 404);
}

// As the agent remembers them: an upgrade's too, and none after an uninstall. Otherwise the panel
// let through what the agent then refused.
TEST_F(JobServiceTest, Uninstall_TakesWhatTheLastInstallOrUpgradeWasGiven) {
  AddInstaller("kept", "inputs:\n  - {name: port, type: port, label: Port, required: true}\n");
  for (const char* script : {"uninstall.sh", "upgrade.sh", "check.sh"})
    ASSERT_TRUE(WriteFileAtomically(InstallersDirectory() / "kept" / script, "true\n", 0644));
  ASSERT_TRUE(registry_.Reload());
  using contract::Action;
  const auto done = [&](Action action, boost::json::object inputs = {}) {
    clock_.Advance(Millis{1});
    const auto made = Make({"kept", kAgent, std::move(inputs), action});
    Put(made.job.id, Status::kDispatched);
    Put(made.job.id, Status::kSucceeded, 1);
    return made.job.inputs;
  };
  done(Action::kInstall, {{"port", 80}});
  done(Action::kUpgrade, {{"port", 81}});
  EXPECT_EQ(done(Action::kCheck).at("port").to_number<int>(), 81);
  EXPECT_EQ(done(Action::kUninstall).at("port").to_number<int>(), 81);
  // `required` does not bind an uninstall: it is made without.
  EXPECT_FALSE(done(Action::kUninstall).contains("port"));
}

TEST_F(JobServiceTest, Retry_WantsTheSecretsAgainAndNothingElse) {
  const auto id = Make(Demo()).job.id;
  const auto retry = [&](boost::json::object inputs, std::optional<KeyedRequest> key = {}) {
    return Await(service_.Retry(Ann(), id, std::move(inputs), std::move(key)));
  };
  EXPECT_EQ(Refused(retry({{"token", "x"}})).code, "not_over");
  Put(id, Status::kDispatched);
  Put(id, Status::kFailed, 1);
  EXPECT_EQ(Refused(retry({})).errors.at(0).field, "/inputs/token");
  EXPECT_EQ(Refused(retry({{"token", "x"}, {"site", "y"}})).errors.at(0).field, "/inputs/site");
  const auto again = std::get<Submitted>(retry({{"token", "battery staple"}}, Key("k")));
  EXPECT_EQ(again.job.retry_of, id);
  EXPECT_NE(again.job.id, id);
  EXPECT_EQ(again.job.inputs, (boost::json::object{{"site", "example.test"}}));
  EXPECT_TRUE(std::get<Submitted>(retry({{"token", "battery staple"}}, Key("k"))).replayed);
  EXPECT_THAT(Jobs(), SizeIs(2));
}

}  // namespace
}  // namespace prov::panel
