// The life of a job at the executor, and what tries to break it: repeated and forged parcels,
// kill -9 at every step, a spool and a journal that disagree.
#include <csignal>
#include <functional>
#include <sys/resource.h>
#include <sys/stat.h>

#include "agent/executor/executor_fixture_test.hpp"

namespace prov::agent {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class Jobs : public ExecutorTest {};

TEST_F(Jobs, Install_IsAcceptedRunAndReportedOnce) {
  const auto id = Run(NewOrder());
  EXPECT_EQ(States(id), "accepted running");
  Print(id, "one\ntwo\n");
  Exit(id, 0);
  Step();
  EXPECT_EQ(States(id), "accepted running succeeded");
  std::uint64_t lines = 0;
  bool ended = false;
  for (const auto& event : Events()) {
    if (event.state && event.state->status == job::Status::kSucceeded) ended = true;
    if (!event.log) continue;
    EXPECT_FALSE(ended) << "the end comes after the last of the log";
    lines += event.log->lines;
  }
  EXPECT_EQ(lines, 2u);
  EXPECT_EQ(*ReadFile(configuration_.log_dir / (id.ToString() + ".log"), 1000), "one\ntwo\n");
  EXPECT_FALSE(std::filesystem::exists(state_.Envelope(id)));
}

TEST_F(Jobs, OneEnvelopeAHundredTimesAcrossRestarts_RunsOnce) {
  const auto order = NewOrder();
  const auto envelope = Envelope(order);
  for (int i = 0; i < 50; ++i) Deliver(envelope);
  Restart();
  for (int i = 0; i < 25; ++i) Deliver(envelope);
  Exit(order.job, 0);
  Step();
  Restart();
  for (int i = 0; i < 25; ++i) Deliver(envelope);
  EXPECT_EQ(Starts(order.job), 1);
  EXPECT_EQ(States(order.job), "accepted running succeeded");
}

// kill -9 after each single turn of the loop, and before each commit: the outcome is the same.
TEST_F(Jobs, KilledAtEveryStep_TheSameStatesAreReportedOnce) {
  for (int kill = 0; kill < 12; ++kill) {
    const auto order = NewOrder();
    const auto envelope = Envelope(order);
    int step = 0;
    const auto turn = [&](const std::function<void()>& act) { Turn(step, kill, act); };
    turn([&] { executor_->TakeParcel(envelope); });
    turn(
        [&] { executor_->TakeParcel(envelope); });  // the net role asks again what was not answered
    turn(nullptr);
    const auto& job = order.job;
    if (!runners_.contains(job)) {
      // Its directory was made and its start not recorded: nobody knows, so it is not run twice.
      clock_.Advance(Seconds{11});
      turn(nullptr);
    }
    ASSERT_TRUE(runners_.contains(job)) << "killed at " << kill << ": " << States(job);
    Print(job, "hello\n");
    turn([&] { Exit(job, 0); });
    turn(nullptr);
    turn(nullptr);
    EXPECT_THAT(States(job), StartsWith("accepted running")) << "killed at " << kill;
    EXPECT_THAT(States(job), testing::EndsWith("running succeeded")) << "killed at " << kill;
    for (const auto& [key, count] : starts_) EXPECT_EQ(count, 1) << "killed at " << kill;
    std::uint64_t next = 1;
    for (const auto& event : Events()) {
      if (event.job == job && event.log) {
        EXPECT_EQ(event.log->first, next);
        next += event.log->lines;
      }
    }
    EXPECT_EQ(next, 2u) << "killed at " << kill;
  }
}

TEST_F(Jobs, KilledBetweenTheRecordOfAStartAndTheRunner_OnlyAnotherAttemptRuns) {
  AddInstaller("fragile", "idempotent: false\n");
  for (const std::string app : {"fragile", "demo"}) {
    const auto order = NewOrder(app);
    executor_->TakeParcel(Envelope(order));
    executor_->Tick();
    executor_->CompactNow();  // durable, and nothing done
    Restart();
    Step();
    EXPECT_EQ(Starts(order.job), 0);
    clock_.Advance(Seconds{10});
    Step();
    EXPECT_EQ(States(order.job), app == "demo" ? "accepted running retry_wait running"
                                               : "accepted running interrupted");
  }
}

// Row 48. The copy of the installer is not fsynced: a power cut leaves empty files.
TEST_F(Jobs, PowerCutThatTookTheInstallersCopy_TheNextAttemptRunsTheSameBytes) {
  for (const bool replaced : {false, true}) {
    const auto id = Run(NewOrder());
    std::filesystem::resize_file(Kept() / "manifest.yml", 0);
    std::filesystem::resize_file(Kept() / "install.sh", 0);
    if (replaced) AddInstaller("demo", "idempotent: true\n", "echo other bytes\n");
    Crash(id);
    Restart();
    Step();
    clock_.Advance(Seconds{10});
    Step();
    EXPECT_EQ(States(id),
              replaced ? "accepted running interrupted" : "accepted running retry_wait running");
    if (replaced) continue;
    EXPECT_EQ(*ReadFile(runners_.at(id).spec.paths.Installer() / "install.sh", 100),
              "echo hello\n");
    Exit(id, 0);
    Step();
  }
}

TEST_F(Jobs, OtherBytesUnderAKnownId_AreRefusedAndTheJobIsUntouched) {
  auto order = NewOrder();
  Run(order);
  order.nonce = Nonce();
  order.timeout_seconds = 61;
  for (int i = 0; i < 2; ++i) {
    Deliver(Envelope(order));
    EXPECT_TRUE(log_.Has("order_refused"));
    EXPECT_EQ(States(order.job), "accepted running");
    EXPECT_EQ(executor_->running(), 1u);
    log_.events.clear();
    Restart();
  }
}

TEST_F(Jobs, ANonceSeenBefore_IsRefusedAlsoAfterARestart) {
  const auto first = NewOrder();
  Run(first);
  auto second = NewOrder();
  second.nonce = first.nonce;
  Restart();
  Deliver(Envelope(second));
  EXPECT_EQ(Starts(second.job), 0);
  EXPECT_EQ(States(second.job), "rejected") << "or it would be sent again without end";
  EXPECT_THAT(Last(second.job).reason.value_or(""), StartsWith("nonce_seen"));
  EXPECT_EQ(States(first.job), "accepted running");
}

// Its nonce was durable and the job was not: the order that came again was refused for its nonce.
TEST_F(Jobs, WriteOfAnOrderTornAnywhere_ItIsTakenWhenItComesAgain) {
  for (std::uintmax_t whole = 1, cut = 0; cut < whole; cut += 61) {
    const auto before = std::filesystem::file_size(state_.Journal());
    const auto order = NewOrder();
    const auto envelope = Envelope(order);
    executor_->TakeParcel(envelope);
    ASSERT_TRUE(executor_->Commit());
    whole = std::filesystem::file_size(state_.Journal()) - before;
    executor_.reset();
    std::filesystem::resize_file(state_.Journal(), before + cut);
    Start();
    Deliver(envelope);
    EXPECT_EQ(States(order.job), "accepted running") << "cut after " << cut << " of " << whole;
    Exit(order.job, 0);
    Step();
  }
}

TEST_F(Jobs, WriteOfACancelTornAnywhere_ItIsTakenWhenItComesAgain) {
  SendDrain(true);
  for (std::uintmax_t whole = 1, cut = 0; cut < whole; cut += 61) {
    const auto id = Run(NewOrder());
    auto command = NewCommand();
    command.cancel = job::Cancel{id};
    const auto cancel = Envelope(job::CommandType::kCancel, command);
    const auto before = std::filesystem::file_size(state_.Journal());
    executor_->TakeParcel(cancel);
    ASSERT_TRUE(executor_->Commit());
    whole = std::filesystem::file_size(state_.Journal()) - before;
    executor_.reset();
    std::filesystem::resize_file(state_.Journal(), before + cut);
    Start();
    Deliver(cancel);
    EXPECT_EQ(States(id), "accepted canceled") << "cut after " << cut << " of " << whole;
    EXPECT_EQ(Starts(id), 0);
  }
}

// 1.2 jobs a second for a day filled the window, and then each new order was passed over.
TEST_F(Jobs, MoreOrdersThanNoncesAreKept_AllRunAndNoneTwice) {
  most_nonces_ = 5;
  configuration_.max_parallel_jobs = 64;
  Restart();
  std::vector<job::Order> orders;
  for (int i = 0; i < 20; ++i) {
    orders.push_back(NewOrder());
    Run(orders.back());
    EXPECT_EQ(States(orders.back().job), "accepted running");
    clock_.Advance(Millis{5});
  }
  executor_->CompactNow();
  Restart();
  auto stolen = NewOrder();
  stolen.nonce = orders.front().nonce;  // forgotten
  stolen.issued_at = stolen.not_before = orders.front().issued_at;
  stolen.expires_at = orders.front().expires_at;
  Run(stolen);
  EXPECT_EQ(States(stolen.job), "rejected");
  SendCancel(orders.back().job);
  EXPECT_THAT(log_.text, HasSubstr("cancel_requested")) << "orders make no command too old";
  for (const auto& order : orders) {
    Run(order);
    EXPECT_EQ(Starts(order.job), 1);
  }
}

TEST_F(Jobs, SignedAndMalformed_IsRejectedAndAKnownJobIsUntouched) {
  const auto known = NewOrder();
  Run(known);
  const auto unknown = NewOrder();
  for (const auto& order : {known, unknown}) {
    auto payload = *job::SerializeOrder(order);
    payload.insert(payload.size() - 1, ",\"later\":1");
    Deliver(signing::Sign(job::kOrderPayloadType, payload, KeyId(), MakeIdentity().job_key.view()));
  }
  EXPECT_EQ(States(known.job), "accepted running");
  EXPECT_EQ(States(unknown.job), "rejected");
  EXPECT_THAT(Last(unknown.job).reason.value_or(""), StartsWith("malformed"));
}

TEST_F(Jobs, OrderThatEndsTheAgentThreeTimes_IsRejected) {
  const auto order = NewOrder();
  for (int i = 0; i < Quarantine::kMostDeaths; ++i) {
    auto quarantine = *Quarantine::Open(state_.root);
    ASSERT_TRUE(quarantine.Begin(Envelope(order)));
    quarantine.Name(order.job);
  }
  Restart();
  Run(order);
  Run(order);
  EXPECT_EQ(States(order.job), "rejected");
  EXPECT_THAT(Last(order.job).reason.value_or(""), StartsWith("quarantined"));
  EXPECT_EQ(Starts(order.job), 0);
}

// A panel restored from an old backup hands over what has ended long ago.
TEST_F(Jobs, KnownOrder_ItsStateIsSaidAnewOnlyOnceItsEventWasAcknowledged) {
  const auto order = NewOrder();
  Run(order);
  Exit(order.job, 3);
  Step();
  const auto last = executor_->outbox().last();
  Run(order);
  EXPECT_EQ(executor_->outbox().last(), last) << "it is held, and sent until it is acknowledged";
  Acknowledge(last);
  Run(order);
  Run(order);
  EXPECT_EQ(States(order.job), "failed");
  EXPECT_EQ(executor_->outbox().last(), last + 1) << "not as often as somebody likes";
  EXPECT_EQ(Last(order.job).exit_code, 3);
  Acknowledge(last + 1);
  clock_.Advance(Seconds{10});
  Run(order);
  EXPECT_EQ(States(order.job), "failed");
  EXPECT_EQ(Starts(order.job), 1);
}

TEST_F(Jobs, EveryByteOfAnEnvelopeFlipped_NothingIsTaken) {
  const auto order = NewOrder();
  const auto envelope = Envelope(order);
  for (std::size_t at = 0; at < envelope.size(); ++at) {
    auto forged = envelope;
    forged[at] = static_cast<char>(forged[at] ^ 1);
    executor_->TakeParcel(forged);
  }
  Step();
  EXPECT_EQ(States(order.job), "");
  EXPECT_TRUE(runners_.empty());
}

struct Refused {
  const char* name;
  std::function<void(job::Order&)> change;
  job::Status status;
  const char* reason;
};

TEST_F(Jobs, Refusals_EachWithItsReasonAndNothingRuns) {
  AddInstaller(
      "given",
      "idempotent: true\ninputs:\n  - {name: port, type: port, label: Port, required: true}\n"
      "  - {name: token, type: password, label: Token}\n");
  AddInstaller("broken", "idempotent: true\ninputs: 7\n");
  AddInstaller("huge", "idempotent: true\nresource_requirements: {min_ram_mb: 100000000}\n");
  std::filesystem::create_directory_symlink(configuration_.installers_dir / "demo",
                                            configuration_.installers_dir / "linked");
  const auto now = clock_.Now();
  const auto app = [this](const char* name) {
    return [this, name](job::Order& order) {
      order.app_id = name;
      if (const auto digest = signing::DigestTree(configuration_.installers_dir / name))
        order.installer_digest = *digest;
    };
  };
  const Refused table[] = {
      {"another epoch", [&](auto& o) { o.epoch = Uuid::MakeV7(clock_, random_); },
       job::Status::kLost, "other_epoch"},
      {"expired",
       [&](auto& o) {
         o.issued_at = o.not_before = now - std::chrono::hours{23};
         o.expires_at = now - std::chrono::minutes{6};
       },
       job::Status::kExpired, "expired"},
      {"not yet",
       [&](auto& o) {
         o.issued_at = o.not_before = now + std::chrono::minutes{6};
         o.expires_at = now + std::chrono::hours{1};
       },
       job::Status::kRejected, "not_valid"},
      {"no such app", app("absent"), job::Status::kRejected, "unknown_app"},
      {"a symlink", app("linked"), job::Status::kRejected, "unknown_app"},
      {"other bytes", [](auto& o) { o.installer_digest.back() ^= 1; }, job::Status::kRejected,
       "installer_mismatch"},
      {"a broken manifest", app("broken"), job::Status::kRejected, "invalid_installer"},
      {"no such script", [](auto& o) { o.action = contract::Action::kUninstall; },
       job::Status::kRejected, "action_not_supported"},
      {"a small machine", app("huge"), job::Status::kRejected, "unsuitable_server"},
      {"an input is missing", app("given"), job::Status::kRejected, "invalid_input: port"},
      {"an unknown input", [](auto& o) { o.inputs["path"] = "/tmp"; }, job::Status::kRejected,
       "invalid_input: path"},
      {"a secret in the clear",
       [&](auto& o) {
         app("given")(o);
         o.inputs["port"] = 80;
         o.inputs["token"] = "canary-canary";
       },
       job::Status::kRejected, "invalid_input: token"},
      {"too old to be remembered",
       [&](auto& o) {
         FakeClock past(now - std::chrono::hours{24 * 401});
         o.job = Uuid::MakeV7(past, random_);
       },
       job::Status::kLost, "too_old"},
  };
  for (const auto& row : table) {
    auto order = NewOrder();
    row.change(order);
    Run(order);
    EXPECT_EQ(Last(order.job).status, row.status) << row.name;
    EXPECT_THAT(Last(order.job).reason.value_or(""), StartsWith(row.reason)) << row.name;
    EXPECT_EQ(Last(order.job).reason.value_or("").find("canary"), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(state_.Job(order.job))) << row.name;
  }
  EXPECT_TRUE(runners_.empty());
  EXPECT_EQ(log_.text.find("canary"), std::string::npos);
}

TEST_F(Jobs, AllowLists_RefuseWhatTheyDoNotName) {
  configuration_.allow_apps = {"other"};
  Restart();
  auto id = Run(NewOrder());
  EXPECT_THAT(Last(id).reason.value_or(""), StartsWith("app_not_allowed"));
  configuration_.allow_apps = {};
  configuration_.allow_actions = {contract::Action::kCheck};
  Restart();
  id = Run(NewOrder());
  EXPECT_THAT(Last(id).reason.value_or(""), StartsWith("action_not_allowed"));
  EXPECT_TRUE(runners_.empty());
}

TEST_F(Jobs, InstallerReplacedWhileTheJobWaits_ItsOwnBytesRun) {
  const auto first = Run(NewOrder());
  const auto waiting = NewOrder();
  Run(waiting);
  EXPECT_EQ(States(waiting.job), "accepted");
  AddInstaller("demo", "idempotent: true\n", "echo evil\n");
  Exit(first, 0);
  Step();
  ASSERT_TRUE(runners_.contains(waiting.job));
  const auto script = runners_.at(waiting.job).spec.paths.Installer() / "install.sh";
  EXPECT_EQ(*ReadFile(script, 1000), "echo hello\n");
}

TEST_F(Jobs, EveryCopyTamperedWithWhileTheJobWaits_DoesNotRun) {
  const auto first = Run(NewOrder());
  const auto waiting = NewOrder();
  Run(waiting);
  ASSERT_TRUE(WriteFileAtomically(Kept() / "install.sh", "echo evil\n", 0644));
  const auto script = runners_.at(first).spec.paths.Installer() / "install.sh";
  ASSERT_TRUE(WriteFileAtomically(script, "echo evil\n", 0644));
  Exit(first, 0);
  Step();
  EXPECT_EQ(States(waiting.job), "accepted rejected");
  EXPECT_EQ(Starts(waiting.job), 0);
}

TEST_F(Jobs, ScriptThatChangesItsOwnDirectory_TheNextAttemptFindsItAsItWas) {
  const auto first = Run(NewOrder());
  const auto own = runners_.at(first).spec.paths.Installer();
  ASSERT_TRUE(WriteFileAtomically(own / "install.sh", "echo changed\n", 0644));
  ASSERT_TRUE(WriteFileAtomically(own / "left behind", "", 0644));
  Exit(first, 0);
  Step();
  EXPECT_FALSE(std::filesystem::exists(own));
  const auto second = Run(NewOrder());
  const auto next = runners_.at(second).spec.paths.Installer();
  EXPECT_EQ(*ReadFile(next / "install.sh", 100), "echo hello\n");
  EXPECT_FALSE(std::filesystem::exists(next / "left behind"));
}

TEST_F(Jobs, CopyThatAProcessOfTheJobMayStillUse_IsGivenToNobodyElse) {
  for (const bool uses : {false, true}) {
    const auto first = Run(NewOrder());
    // Held open, so that its inode is not used again.
    const UniqueFd script(
        open((runners_.at(first).spec.paths.Installer() / "install.sh").c_str(), O_RDONLY));
    exec::ExitRecord record;
    record.ending = exec::Ending::kExited;
    record.exit_code = 0;
    if (uses) record.left_running.push_back({4711, "daemon", std::nullopt});
    End(first, record);
    Step();
    const auto second = Run(NewOrder());
    const auto next = runners_.at(second).spec.paths.Installer() / "install.sh";
    struct stat before{};
    struct stat after{};
    ASSERT_EQ(fstat(script.get(), &before), 0);
    ASSERT_EQ(stat(next.c_str(), &after), 0);
    EXPECT_EQ(before.st_ino == after.st_ino, !uses);
    Exit(second, 0);
    Step();
  }
}

// The journal was cut at a record boundary, which leaves no trace in it: the attempt's directory
// is what says that the job may have run.
TEST_F(Jobs, UnknownJobWithAnAttemptOnDisk_IsLostAndNotRunAgain) {
  const auto order = NewOrder();
  const auto journal = *ReadFile(state_.Journal(), 1 << 20);
  Run(order);
  EXPECT_EQ(Starts(order.job), 1);
  executor_.reset();
  runners_.clear();
  ASSERT_TRUE(WriteFileAtomically(state_.Journal(), journal, 0600));
  Start();
  Deliver(Envelope(order));
  EXPECT_EQ(Starts(order.job), 1);
  EXPECT_EQ(Last(order.job).status, job::Status::kLost);
  EXPECT_THAT(Last(order.job).reason.value_or(""), testing::Not(testing::IsEmpty()));
}

TEST_F(Jobs, JournalDeletedCutOrFlipped_NothingRunsAgain) {
  const auto order = NewOrder();
  const auto envelope = Envelope(order);
  Run(order);
  executor_.reset();
  const auto journal = *ReadFile(state_.Journal(), 1 << 20);
  const auto epoch = *ReadFile(state_.Epoch(), 1 << 20);
  const auto begun = *ReadFile(state_.root / "journal.begun", 1 << 20);
  for (std::size_t length = 0; length <= journal.size(); length += 97) {
    for (const bool flip : {false, true}) {
      auto damaged = flip ? journal : journal.substr(0, length);
      if (flip && length < journal.size()) damaged[length] = static_cast<char>(damaged[length] ^ 4);
      ASSERT_TRUE(WriteFileAtomically(state_.Epoch(), epoch, 0600));
      ASSERT_TRUE(WriteFileAtomically(state_.root / "journal.begun", begun, 0600));
      ASSERT_TRUE(WriteFileAtomically(state_.Journal(), damaged, 0600));
      Start();
      Deliver(envelope);
      clock_.Advance(Seconds{1});
      Step();
      EXPECT_EQ(Starts(order.job), 1) << length << (flip ? " flipped" : " cut");
      executor_.reset();
      clock_.Advance(Seconds{1});
    }
  }
  std::filesystem::remove(state_.Journal());
  ASSERT_TRUE(WriteFileAtomically(state_.Epoch(), epoch, 0600));
  ASSERT_TRUE(WriteFileAtomically(state_.root / "journal.begun", begun, 0600));
  Start();
  EXPECT_NE(executor_->epoch(), order.epoch);
  Deliver(envelope);
  EXPECT_EQ(Starts(order.job), 1);
  EXPECT_EQ(Last(order.job).status, job::Status::kLost);
}

// A living runner was given up with the journal: its script went on, and its result was dropped.
TEST_F(Jobs, JournalLostWhileARunnerLives_ItIsFollowedAndItsResultResolvesTheJob) {
  const auto id = Run(NewOrder());
  std::filesystem::remove(state_.Journal());
  Restart();
  EXPECT_EQ(States(id), "lost");
  EXPECT_THAT(*Last(id).reason, testing::HasSubstr("its script goes on"));
  Print(id, "late\n");
  Step();
  Restart();  // the next one follows it too
  Step();
  EXPECT_EQ(States(id), "lost");
  Exit(id, 2);  // and no attempt follows by itself
  Step();
  EXPECT_EQ(States(id), "lost failed");
  EXPECT_EQ(Starts(id), 1);
  EXPECT_FALSE(std::filesystem::exists(state_.Envelope(id)));
}

TEST_F(Jobs, JournalLostWhileARunnerLives_ItCanStillBeCanceled) {
  const auto id = Run(NewOrder());
  std::filesystem::remove(state_.Journal());
  Restart();
  SendCancel(id);
  Crash(id);
  Step();
  EXPECT_EQ(States(id), "lost canceled");
}

TEST_F(Jobs, JournalLostAfterTheRunner_WhatItLeftIsTakenAway) {
  const auto id = Run(NewOrder());
  const auto paths = runners_.at(id).spec.paths;
  std::filesystem::create_directory(paths.directory / "secrets");
  Crash(id);
  std::filesystem::remove(state_.Journal());
  Restart();
  Step();
  EXPECT_EQ(States(id), "lost");
  EXPECT_FALSE(std::filesystem::exists(paths.directory / "secrets"));
  EXPECT_FALSE(std::filesystem::exists(paths.Installer()));
  EXPECT_FALSE(std::filesystem::exists(state_.Envelope(id))) << "it holds the sealed inputs";
}

TEST_F(Jobs, EnvelopeOfAJobThatWasNotJournalled_IsRemovedAtTheNextStart) {
  const auto order = NewOrder();
  executor_.reset();
  ASSERT_TRUE(MakeDirectories(state_.Job(order.job), 0700));
  ASSERT_TRUE(WriteFileAtomically(state_.Envelope(order.job), Envelope(order), 0600));
  Start();
  EXPECT_FALSE(std::filesystem::exists(state_.Job(order.job)));
  Run(order);  // delivered again, because it was not taken
  EXPECT_EQ(States(order.job), "accepted running");
}

// A cgroup in which something lives that no signal ends: 2^22 is above every pid.
class Unkillable : public Jobs {
 protected:
  void Contain(const Uuid& job) {
    std::filesystem::create_directories(cgroup_);
    for (const char* each : {"cgroup.procs", "cgroup.kill"})
      ASSERT_TRUE(WriteFileAtomically(cgroup_ / each, "", 0600));
    ASSERT_TRUE(WriteFileAtomically(cgroup_ / "cgroup.events", "populated 1\nfrozen 0\n", 0600));
    auto runner = *exec::ReferTo(getpid());
    ++runner.start_time;  // gone
    ASSERT_TRUE(exec::WriteContainment(runners_.at(job).spec.paths,
                                       {"cgroup2", cgroup_.string(), runner, {}}));
  }
  void Empty() {
    ASSERT_TRUE(WriteFileAtomically(cgroup_ / "cgroup.events", "populated 0\nfrozen 0\n", 0600));
  }
  bool Killed() const { return *ReadFile(cgroup_ / "cgroup.kill", 10) == "1"; }
  const Path cgroup_ = directory_.path() / "cgroup";
};

TEST_F(Unkillable, ProcessesThatDoNotEnd_NoAttemptFollowsBesideThem) {
  const auto id = Run(NewOrder());
  Contain(id);
  Exit(id, 2);
  Step();
  clock_.Advance(Seconds{6});
  Step();
  EXPECT_EQ(States(id), "accepted running");
  EXPECT_TRUE(log_.Has("orphans_left"));
  Empty();
  Step();
  EXPECT_EQ(States(id), "accepted running retry_wait");
}

TEST_F(Unkillable, ProcessesOfADeadRunner_NoAttemptFollowsBesideThemAfterARestartEither) {
  const auto id = Run(NewOrder());
  Contain(id);
  Crash(id);
  Step();
  Restart();
  Step();
  EXPECT_EQ(States(id), "accepted running");
  Empty();
  Step();
  EXPECT_EQ(States(id), "accepted running retry_wait");
}

TEST_F(Unkillable, CanceledWithProcessesLeft_IsCanceledOnlyOnceTheyAreGone) {
  const auto id = Run(NewOrder());
  Contain(id);
  SendCancel(id);
  Crash(id);
  Step();
  EXPECT_EQ(States(id), "accepted running");
  Empty();
  Step();
  EXPECT_EQ(States(id), "accepted running canceled");
}

TEST_F(Unkillable, WhatStaysAfterASuccess_IsLeftAlone) {
  const auto id = Run(NewOrder());
  Contain(id);
  Exit(id, 0);
  Step();
  EXPECT_EQ(States(id), "accepted running succeeded");
  EXPECT_FALSE(Killed());
}

// The panel was away and its log could not be reported: the script ran on without a timeout, and
// other jobs beside it.
TEST_F(Unkillable, RunnerDeadWhileItsLogWaits_TheScriptIsEndedFirstAndOtherJobsRunThen) {
  most_unacknowledged_ = 1;
  Restart();
  const auto id = Run(NewOrder());
  Contain(id);
  Print(id, "one\n");
  Crash(id);
  Step();
  EXPECT_TRUE(Killed());
  const auto other = Run(NewOrder());
  Step();
  EXPECT_EQ(Starts(other), 0) << "beside a script that goes on";
  Empty();
  Step();
  EXPECT_EQ(Starts(other), 1);
  EXPECT_EQ(States(id), "accepted running") << "the end comes after the last of the log";
  for (int i = 0; i < 2; ++i) Acknowledge(executor_->outbox().last());
  EXPECT_EQ(Last(id).status, job::Status::kRetryWait);
}

TEST_F(Unkillable, SucceededWhileItsLogWaits_WhatStaysIsLeftAloneAndOtherJobsRun) {
  most_unacknowledged_ = 1;
  Restart();
  const auto id = Run(NewOrder());
  Contain(id);
  Print(id, "one\n");
  Exit(id, 0);
  Step();
  EXPECT_FALSE(Killed());
  const auto other = Run(NewOrder());
  Step();
  EXPECT_EQ(Starts(other), 1);
}

TEST_F(Jobs, MachineWentDownUnderTheScript_InterruptedAndRetriedOnlyIfIdempotent) {
  exec::ExitRecord record;
  record.ending = exec::Ending::kInterrupted;
  record.signal = SIGTERM;
  record.reason = "the machine went down while the script ran";
  AddInstaller("fragile", "idempotent: false\n");
  const auto once = Run(NewOrder("fragile"));
  End(once, record);
  Step();
  EXPECT_EQ(States(once), "accepted running interrupted");
  EXPECT_EQ(Last(once).reason, record.reason);
  const auto again = Run(NewOrder());
  End(again, record);
  Step();
  EXPECT_EQ(States(again), "accepted running retry_wait");
}

TEST_F(Jobs, RunnerThatVanished_InterruptedAndRetriedOnlyIfIdempotent) {
  AddInstaller("fragile", "idempotent: false\n");
  const auto once = Run(NewOrder("fragile"));
  Crash(once);
  Step();
  EXPECT_EQ(States(once), "accepted running interrupted");
  const auto again = Run(NewOrder());
  Crash(again);
  Step();
  EXPECT_EQ(States(again), "accepted running retry_wait");
  clock_.Advance(Seconds{10});
  Step();
  EXPECT_EQ(States(again), "accepted running retry_wait running");
  EXPECT_EQ(runners_.at(again).spec.id.attempt, 2u);
}

// The next attempt was begun before the record that led to it: after a kill in between its
// directory was in the way, and the job failed with attempts left.
TEST_F(Jobs, KilledBeforeARetryIsDurable_NothingOfItsAttemptWasBegun) {
  auto order = NewOrder();
  order.attempts = {3, 0};
  const auto id = Run(order);
  Exit(id, 2);
  executor_->Tick();
  EXPECT_FALSE(exec::AttemptExists(state_, {id, 2, 0}));
  Restart();
  Step();
  Step();
  EXPECT_EQ(States(id), "accepted running retry_wait running");
  EXPECT_EQ(Starts(id), 2);
}

TEST_F(Jobs, RetryNow_EndsTheWaitItWasMeantFor_ThoughTheAgentRestarts) {
  for (const bool restarts : {false, true}) {
    const auto id = Run(NewOrder());
    Exit(id, 2);
    Step();
    const auto due = clock_.Now() + Seconds{10};
    ASSERT_EQ(Last(id).next_attempt_at, due);
    SendRetryNow(id, 2);
    SendRetryNow(Uuid::MakeV7(clock_, random_), 1);
    EXPECT_EQ(Last(id).next_attempt_at, due) << "of another attempt, and of another job";
    SendRetryNow(id, 1);
    EXPECT_EQ(Last(id).status, job::Status::kRetryWait);
    EXPECT_EQ(Last(id).next_attempt_at, clock_.Now());
    if (restarts) Restart();
    Step();
    EXPECT_EQ(States(id), "accepted running retry_wait retry_wait running");
    SendRetryNow(id, 1);
    EXPECT_EQ(States(id), "accepted running retry_wait retry_wait running") << "it is over";
    EXPECT_EQ(Starts(id), 2);
    Exit(id, 0);
    Step();
  }
}

TEST_F(Jobs, InstallationError_IsRetriedAsOftenAsItSays) {
  const auto id = Run(NewOrder());
  for (const int delay : {10, 20}) {
    Exit(id, 2);
    Step();
    EXPECT_EQ(Last(id).status, job::Status::kRetryWait);
    EXPECT_EQ(Last(id).next_attempt_at, clock_.Now() + Seconds{delay});
    Restart();
    clock_.Advance(Seconds{delay} - Millis{1});
    Step();
    EXPECT_EQ(Last(id).status, job::Status::kRetryWait);
    clock_.Advance(Millis{1});
    Step();
    EXPECT_EQ(Last(id).status, job::Status::kRunning);
  }
  Exit(id, 2);
  Step();
  EXPECT_EQ(Last(id).status, job::Status::kFailed);
  EXPECT_EQ(Last(id).failure_kind, job::FailureKind::kInstallation);
  EXPECT_EQ(Starts(id), 3);
}

TEST_F(Jobs, ClockSetBackAYear_ARetryComesWhenItsDelayIsOver) {
  const auto id = Run(NewOrder());
  Exit(id, 2);
  Step();
  clock_.SetWall(clock_.Now() - std::chrono::hours{24 * 365});
  clock_.Advance(Seconds{11});
  Step();
  EXPECT_EQ(Starts(id), 2);
  EXPECT_LE(executor_->UntilNextTick(), Millis{60'000});
}

TEST_F(Jobs, CancelAheadOfItsJob_TheJobIsCanceledAlsoAfterARestart) {
  const auto order = NewOrder();
  SendCancel(order.job);
  Restart();
  Run(order);
  EXPECT_EQ(States(order.job), "canceled");
  EXPECT_EQ(Starts(order.job), 0);
}

TEST_F(Jobs, CancelOfAWaitingJob_EndsItAtOnce) {
  Run(NewOrder());
  const auto waiting = Run(NewOrder());
  SendCancel(waiting);
  EXPECT_EQ(States(waiting), "accepted canceled");
  Restart();
  EXPECT_EQ(Last(waiting).status, job::Status::kCanceled);
  EXPECT_EQ(Starts(waiting), 0);
}

TEST_F(Jobs, CancelWhoseMarkCannotBeMade_IsTriedUntilItCan) {
  const auto id = Run(NewOrder());
  const auto paths = state_.Attempt({id, 1, 0});
  const auto away = directory_.path() / "away";
  std::filesystem::rename(paths.Runner(), away);
  SendCancel(id);
  for (int i = 0; i < 5; ++i) Step();
  EXPECT_EQ(std::ranges::count(log_.events, "cancel_not_sent"), 1);
  EXPECT_FALSE(std::filesystem::exists(paths.Cancel()));
  std::filesystem::rename(away, paths.Runner());
  Step();
  EXPECT_TRUE(std::filesystem::exists(paths.Cancel()));
}

TEST_F(Jobs, Cancel_IsSentOnlyOnceItIsDurable) {
  const auto id = Run(NewOrder());
  auto command = NewCommand();
  command.cancel = job::Cancel{id};
  executor_->TakeParcel(Envelope(job::CommandType::kCancel, command));
  executor_->Tick();
  EXPECT_FALSE(std::filesystem::exists(state_.Attempt({id, 1, 0}).Cancel()));
  ASSERT_TRUE(executor_->Commit());
  EXPECT_TRUE(std::filesystem::exists(state_.Attempt({id, 1, 0}).Cancel()));
}

TEST_F(Jobs, CancelOfAJobThatEndedMeanwhile_TheExitRecordDecides) {
  const auto done = Run(NewOrder());
  Exit(done, 0);
  SendCancel(done);
  Step();
  EXPECT_EQ(Last(done).status, job::Status::kSucceeded);
  const auto retried = Run(NewOrder());
  Exit(retried, 2);
  SendCancel(retried);
  Step();
  EXPECT_EQ(Last(retried).status, job::Status::kCanceled);
  EXPECT_EQ(Starts(retried), 1);
}

TEST_F(Jobs, Drained_NothingStartsUntilItIsUndoneAlsoAfterARestart) {
  auto command = NewCommand();
  command.drain = job::Drain{true};
  Deliver(Envelope(job::CommandType::kDrain, command));
  const auto id = Run(NewOrder());
  Restart();
  Step();
  EXPECT_EQ(States(id), "accepted");
  command = NewCommand();
  command.drain = job::Drain{false};
  Deliver(Envelope(job::CommandType::kDrain, command));
  EXPECT_EQ(States(id), "accepted running");
}

TEST_F(Jobs, Drained_AJobThatIsUnderWayIsRetriedAllTheSame) {
  const auto id = Run(NewOrder());
  SendDrain(true);
  Exit(id, 2);
  Step();
  const auto waiting = Run(NewOrder());
  clock_.Advance(Seconds{10});
  Step();
  EXPECT_EQ(Starts(id), 2);
  Exit(id, 0);
  Step();
  EXPECT_THAT(States(id), testing::EndsWith("running succeeded"));
  EXPECT_EQ(Starts(waiting), 0);
}

TEST_F(Jobs, DrainAndResumeInTheWrongOrder_TheOneSaidLastHolds) {
  SendDrain(false);
  SendDrain(true, Seconds{1});
  executor_->CompactNow();
  Restart();
  SendDrain(true, Seconds{2});
  const auto id = Run(NewOrder());
  EXPECT_EQ(Starts(id), 1);
}

// Root's scripts source it: whoever can write it is root.
TEST_F(Jobs, LibraryOrFileThatOthersCanWrite_TheJobIsRefused) {
  configuration_.allow_unsafe_installers_dir = false;
  configuration_.library = directory_.path() / "provisioning.sh";
  ASSERT_TRUE(WriteFileAtomically(configuration_.library, "", 0644));
  ASSERT_EQ(chmod(configuration_.installers_dir.c_str(), 0755), 0);
  ASSERT_EQ(chmod((configuration_.installers_dir / "demo").c_str(), 0755), 0);
  Restart();
  const auto good = NewOrder();
  Run(good);
  ASSERT_EQ(States(good.job), "accepted running") << Last(good.job).reason.value_or("");
  ASSERT_EQ(chmod(configuration_.library.c_str(), 0666), 0);
  const auto library = Run(NewOrder());
  EXPECT_EQ(States(library), "rejected");
  EXPECT_THAT(Last(library).reason.value_or(""), StartsWith("unsafe_library"));
  ASSERT_EQ(chmod(configuration_.library.c_str(), 0644), 0);
  ASSERT_EQ(chmod((configuration_.installers_dir / "demo/install.sh").c_str(), 0666), 0);
  const auto file = Run(NewOrder());
  EXPECT_EQ(States(file), "rejected");
  EXPECT_THAT(Last(file).reason.value_or(""), StartsWith("unsafe_installers_dir: `install.sh`"));
}

TEST_F(Jobs, LibraryChangedWhileTheJobWaits_ItIsRefusedBeforeAnAttemptIsMade) {
  configuration_.library = directory_.path() / "provisioning.sh";
  ASSERT_TRUE(WriteFileAtomically(configuration_.library, "", 0644));
  configuration_.allow_unsafe_installers_dir = false;
  ASSERT_EQ(chmod(configuration_.installers_dir.c_str(), 0755), 0);
  ASSERT_EQ(chmod((configuration_.installers_dir / "demo").c_str(), 0755), 0);
  Restart();
  SendDrain(true, Seconds{1});
  const auto id = Run(NewOrder());
  ASSERT_EQ(States(id), "accepted") << Last(id).reason.value_or("");
  ASSERT_EQ(chmod(configuration_.library.c_str(), 0666), 0);
  SendDrain(false);
  Step();
  EXPECT_EQ(States(id), "accepted rejected");
  EXPECT_FALSE(exec::AttemptExists(state_, {id, 1, 0}));
}

TEST_F(Jobs, Commands_ForgedExpiredRepeatedOrForAnother_HaveNoEffect) {
  const auto id = Run(NewOrder());
  Run(NewOrder());
  auto command = NewCommand();
  command.drain = job::Drain{true};
  auto other = command;
  other.agent = "agent-2";
  Deliver(Envelope(job::CommandType::kDrain, other));
  other = command;
  other.epoch = Uuid::MakeV7(clock_, random_);
  Deliver(Envelope(job::CommandType::kDrain, other));
  other = command;
  other.issued_at -= std::chrono::hours{3};
  other.expires_at = clock_.Now() - std::chrono::minutes{6};
  Deliver(Envelope(job::CommandType::kDrain, other));
  // Under the key of events, which the panel has too and no queue: another purpose.
  Deliver(signing::Sign(job::PayloadType(job::CommandType::kDrain),
                        *job::SerializeCommand(job::CommandType::kDrain, command), KeyId(),
                        MakeIdentity().event_key.view()));
  // One kind's bytes under another kind's name.
  Deliver(signing::Sign(job::PayloadType(job::CommandType::kCancel),
                        *job::SerializeCommand(job::CommandType::kDrain, command), KeyId(),
                        MakeIdentity().job_key.view()));
  Exit(id, 0);
  Step();
  EXPECT_EQ(runners_.size(), 2u) << "not drained";
  const auto twice = Envelope(job::CommandType::kDrain, command);
  Deliver(twice);
  Deliver(twice);
  Restart();
  Deliver(twice);
  int results = 0;
  for (const auto& event : Events()) results += event.command ? 1 : 0;
  EXPECT_EQ(results, 1);
}

TEST_F(Jobs, Query_ReportsWhatTheJournalKnowsAndLostForTheRest) {
  const auto done = Run(NewOrder());
  Exit(done, 3);
  Step();
  const auto known = Last(done);
  Acknowledge(executor_->outbox().last());
  Restart();
  const auto unknown = Uuid::MakeV7(clock_, random_);
  Ask({done, unknown});
  EXPECT_EQ(Last(done).status, job::Status::kFailed);
  EXPECT_EQ(Last(done).failure_kind, known.failure_kind);
  EXPECT_EQ(Last(done).reason, known.reason);
  EXPECT_EQ(Last(unknown).status, job::Status::kLost);
}

// A question made a job `lost` that the queue still held, and that then ran.
TEST_F(Jobs, Query_OfWhatWasOnlyHandedOver_SaysNothingAndTheJobRuns) {
  const auto order = NewOrder();
  const auto tombstone = NewOrder();
  std::filesystem::create_directories(state_.Attempt({tombstone.job, 1, 0}).directory);
  ASSERT_TRUE(WriteFileAtomically(state_.Attempt({tombstone.job, 1, 0}).Log(), "x", 0600));
  Ask({}, {order.job, tombstone.job});
  EXPECT_EQ(States(order.job), "");
  EXPECT_EQ(States(tombstone.job), "lost") << "an attempt is on disk";
  Run(order);
  EXPECT_EQ(States(order.job), "accepted running");
  Ask({}, {order.job});
  EXPECT_EQ(States(order.job), "accepted running running");
}

TEST_F(Jobs, CrashBetweenTheEndAndItsCleaning_TheSealedInputsGoAtTheNextStart) {
  const auto order = NewOrder();
  const auto id = Run(order);
  Exit(id, 0);
  Step();
  ASSERT_TRUE(WriteFileAtomically(state_.Envelope(id), Envelope(order), 0600));
  Restart();
  Step();
  EXPECT_FALSE(std::filesystem::exists(state_.Envelope(id)));
}

TEST_F(Jobs, JobThatIsTidiedUp_IsNotTidiedUpAtEachStart) {
  const auto id = Run(NewOrder());
  Exit(id, 0);
  Step();
  const auto text = configuration_.log_dir / (id.ToString() + ".log");
  for (const bool compacted : {false, true}) {
    Run(NewOrder());  // with whose record it is said
    if (compacted) executor_->CompactNow();
    std::filesystem::remove(text);
    Restart();
    Step();
    EXPECT_FALSE(std::filesystem::exists(text)) << "written once more";
  }
}

TEST_F(Jobs, InstallerCopyGoneAtRecovery_TheAgentStartsAllTheSame) {
  const auto id = Run(NewOrder());
  executor_.reset();
  Crash(id);
  std::filesystem::remove_all(state_.Installers());
  std::filesystem::remove_all(configuration_.installers_dir / "demo");
  Start();
  Step();
  EXPECT_EQ(Last(id).status, job::Status::kInterrupted);
}

TEST_F(Jobs, UninstallAndCheck_TakeTheInputsOfTheLastSuccessfulInstall) {
  AddInstaller(
      "kept",
      "idempotent: true\ninputs:\n  - {name: port, type: port, label: Port, required: true}\n");
  ASSERT_TRUE(
      WriteFileAtomically(configuration_.installers_dir / "kept/uninstall.sh", "true\n", 0644));
  auto order = NewOrder("kept");
  order.inputs["port"] = 8080;
  Run(order);
  Exit(order.job, 0);
  Step();
  Restart();
  auto uninstall = NewOrder("kept");
  uninstall.action = contract::Action::kUninstall;
  Run(uninstall);
  ASSERT_TRUE(runners_.contains(uninstall.job)) << Last(uninstall.job).reason.value_or("");
  const auto inputs = runners_.at(uninstall.job).spec.prepare("/nonexistent");
  ASSERT_TRUE(inputs);
  EXPECT_EQ(inputs->environment.variables.at("PORT"), "8080");
}

TEST_F(Jobs, SealedInputOfAnotherJob_TheScriptIsGivenNothing) {
  AddInstaller("secret",
               "idempotent: true\ninputs:\n  - {name: token, type: password, label: Token}\n");
  auto order = NewOrder("secret");
  const auto box = *signing::Seal(MakeIdentity().sealing.present.public_key,
                                  Uuid::MakeV7(clock_, random_), "token", "canary-canary");
  order.sealed_inputs["token"] = Base64Encode(box);
  Run(order);
  EXPECT_FALSE(runners_.at(order.job).spec.prepare("/nonexistent"));
}

TEST_F(Jobs, JournalThatCannotBeWritten_NothingRunsAndTheNextLifeGoesOn) {
  const auto order = NewOrder();
  executor_->TakeParcel(Envelope(order));
  executor_->Tick();
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, SIG_IGN);
  const rlimit full{std::filesystem::file_size(state_.Journal()) + 100, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &full), 0);
  const auto committed = executor_->Commit();
  const auto again = executor_->Commit();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_FALSE(committed);
  EXPECT_FALSE(again) << "a second fsync would lie";
  EXPECT_TRUE(runners_.empty());
  EXPECT_EQ(States(order.job), "");
  Restart();
  Run(order);
  clock_.Advance(Seconds{10});
  Step();
  EXPECT_EQ(Starts(order.job), 1);
}

TEST_F(Jobs, RunnerThatCannotBeForked_FailsWithTheReason) {
  refuse_ = "cannot fork a runner";
  const auto id = Run(NewOrder());
  Step();
  EXPECT_EQ(States(id), "accepted running failed");
  EXPECT_THAT(Last(id).reason.value_or(""), HasSubstr("cannot fork a runner"));
}

TEST_F(Jobs, SeveralAtOnce_NeverMoreThanConfiguredAndInTheOrderTheyCame) {
  configuration_.max_parallel_jobs = 2;
  Restart();
  std::vector<Uuid> ids;
  for (int i = 0; i < 5; ++i) {
    executor_->TakeParcel(Envelope(NewOrder()));
    clock_.Advance(Millis{5});
  }
  Step();
  for (const auto& event : Events()) {
    if (event.state && event.state->status == job::Status::kAccepted) ids.push_back(*event.job);
  }
  ASSERT_EQ(ids.size(), 5u);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    EXPECT_LE(executor_->running(), 2u);
    ASSERT_TRUE(runners_.contains(ids[i])) << i;
    EXPECT_FALSE(i + 2 < ids.size() && runners_.contains(ids[i + 2]));
    Exit(ids[i], 0);
    Step();
  }
}

// What a rooted net role, or who can write to the queue, can do without any key: send what it has,
// and nonsense of any size, without end.
TEST_F(Jobs, ParcelsWithoutEnd_FillNeitherOutboxNorLog) {
  const auto order = NewOrder();
  const auto envelope = Envelope(order);
  Deliver(envelope);
  const auto events = Events().size();
  const auto lines = log_.events.size();
  const auto bytes = log_.text.size();
  for (int i = 0; i < 2000; ++i) {
    executor_->TakeParcel(envelope);
    executor_->TakeParcel("nonsense " + std::to_string(i));
    if (i % 10 == 0) Step();
  }
  EXPECT_LE(Events().size(), events + 1);
  EXPECT_LE(log_.events.size(), lines + 300 + 2001) << "refusals, and order_known at debug";
  EXPECT_EQ(std::ranges::count(log_.events, "parcel_refused"), 300);
  EXPECT_LE(log_.text.size(), bytes + 300 * 1000 + 2001 * 200);
  clock_.Advance(Seconds{61});
  executor_->TakeParcel("nonsense");
  EXPECT_THAT(log_.text, HasSubstr("refusals_not_listed  {\"count\":1700}"));
}

// A line that held all that was wrong was as long as what came: 300 of them rotated the log away.
TEST_F(Jobs, ParcelsOfAnySize_AreRefusedInShortLines) {
  std::string unknown;
  for (int i = 0; i < 10'000; ++i) unknown += fmt::format(",\"\\u0001{}\":0", i);
  const std::string long_text(100'000, '~');
  std::string accents;
  for (int i = 0; i < 1000; ++i) accents += "\xC3\xA9";
  const std::string parcels[] = {
      fmt::format(R"({{"payloadType":"{}"{}}})", job::kOrderPayloadType, unknown),
      fmt::format(R"({{"payloadType":"{}","{}":0}})", job::kOrderPayloadType, long_text),
      fmt::format(R"({{"payloadType":"{}"}})", long_text),
      fmt::format(R"({{"{0}":0,"{0}":0}})", long_text),
      fmt::format(R"({{"payloadType":"{}"}})", accents),
      fmt::format(R"({{"payloadType":" {}"}})", accents),
  };
  for (const auto& parcel : parcels) {
    ASSERT_LT(parcel.size(), job::kMaxEnvelopeBytes);
    const auto before = log_.text.size();
    Deliver(parcel);
    EXPECT_GT(log_.text.size(), before);
    EXPECT_LT(log_.text.size(), before + 1000);
  }
  EXPECT_TRUE(IsUtf8(log_.text));
}

// The net role cuts what is longer to this (channel_port.cpp).
TEST_F(Jobs, AParcelOneByteLargerThanAnEnvelope_IsRefusedWhateverItIs) {
  auto envelope = Envelope(NewOrder());
  envelope.resize(job::kMaxEnvelopeBytes + 1, ' ');
  Deliver(envelope);
  EXPECT_FALSE(log_.Has("job_received"));
  EXPECT_TRUE(log_.Has("parcel_refused"));
  envelope.pop_back();
  Deliver(envelope);
  EXPECT_TRUE(log_.Has("job_received"));
}

}  // namespace
}  // namespace prov::agent
