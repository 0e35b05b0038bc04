// The executor with real runners and the scripts of tests/installers, as root.
#include <poll.h>
#include <sys/wait.h>

#include "agent/executor/executor_fixture_test.hpp"
#include "exec/masking.hpp"
#include "job/log_chunk.hpp"
#include "signing/sealed.hpp"
#include "support/requires.hpp"

namespace prov::agent {
namespace {

class Runners : public ExecutorTest {
 protected:
  Result<exec::Runner> StartFake(const exec::AttemptSpec& spec) override {
    ++starts_[{spec.id.job, spec.id.attempt}];
    auto runner = exec::StartRunner(spec, system_clock_);
    if (runner) references_[spec.id.job] = runner->reference;
    return runner;
  }
  ExecutorSetup MakeSetup() override {
    auto setup = ExecutorTest::MakeSetup();
    setup.cgroup = *exec::DetectCgroup(true);
    return setup;
  }

  void Install(const std::string& app) {
    std::filesystem::copy(Path(PROV_SOURCE_DIR) / "tests/installers" / app,
                          configuration_.installers_dir / app);
  }

  // Turns the loop until it is so.
  template <class Condition>
  bool Until(Condition condition, Seconds deadline = Seconds{30}) {
    const auto end = system_clock_.Steady() + deadline;
    while (!condition()) {
      if (system_clock_.Steady() > end) return false;
      auto fds = executor_->RunnerFds();
      std::vector<pollfd> waited;
      for (const int fd : fds) waited.push_back({fd, POLLIN, 0});
      poll(waited.data(), waited.size(), 10);
      Step();
    }
    return true;
  }
  bool Over(const Uuid& job) {
    const auto status = Last(job).status;
    return job::IsTerminal(status) || job::IsParked(status) || status == job::Status::kRetryWait;
  }
  std::string Log(const Uuid& job) {
    std::string text;
    for (const auto& event : Events()) {
      if (event.job != job || !event.log) continue;
      const auto frames = job::UnpackFrames(*Base64Decode(event.log->frames), event.log->raw_size);
      for (const auto& frame : *frames) text += frame.bytes;
    }
    return text;
  }

  SystemClock system_clock_;
  std::map<Uuid, exec::PidRef> references_;
};

TEST_F(Runners, Chatty_EverythingItPrintedIsReportedBeforeItsEnd) {
  PROV_REQUIRES("root");
  Install("chatty");
  auto order = NewOrder("chatty");
  order.inputs["lines_to_print"] = 3000;
  Run(order);
  ASSERT_TRUE(Until([&] { return Over(order.job); }));
  const auto last = Last(order.job);
  EXPECT_EQ(last.status, job::Status::kSucceeded) << last.reason.value_or("");
  EXPECT_EQ(Log(order.job).size(), last.log->bytes);
  EXPECT_TRUE(last.log->complete);
  ASSERT_EQ(last.outputs.size(), 2u);
  EXPECT_FALSE(last.outputs[1].value);
  EXPECT_EQ(Events().back().job, order.job);
}

TEST_F(Runners, ExecutorKilledOverAndOver_TheSameScriptGoesOnAndTheLogHasNoGap) {
  PROV_REQUIRES("root");
  const auto enough = directory_.path() / "enough";
  AddInstaller("steady", "idempotent: true\n",
               fmt::format("for ((i = 0; i < 20000; i++)); do echo \"line $i\"; "
                           "read -t 0.005 <> <(:) || :; [[ ! -e {} ]] || break; done\n",
                           enough.string()));
  const auto id = Run(NewOrder("steady"));
  const auto runner = references_.at(id);
  for (int kills = 0; !Over(id) && kills < 200; ++kills) {
    if (kills == 20) ASSERT_TRUE(WriteFileAtomically(enough, "", 0600));
    poll(nullptr, 0, 5);
    executor_->Tick();
    if (kills % 2 == 1) ASSERT_TRUE(executor_->Commit());
    Restart();
  }
  ASSERT_TRUE(std::filesystem::exists(enough)) << "it ended by itself";
  ASSERT_TRUE(Until([&] { return Over(id); }));
  EXPECT_EQ(Last(id).status, job::Status::kSucceeded) << Last(id).reason.value_or("");
  EXPECT_EQ(Starts(id), 1);
  EXPECT_EQ(references_.at(id), runner);
  const auto log = Log(id);
  std::string expected;
  for (int i = 0; i < std::ranges::count(log, '\n'); ++i) expected += fmt::format("line {}\n", i);
  EXPECT_EQ(log, expected);
  EXPECT_EQ(log.size(), Last(id).log->bytes);
}

TEST_F(Runners, RunnerKilled_ItsScriptIsEndedAndTheJobInterrupted) {
  PROV_REQUIRES("root");
  PROV_REQUIRES("cgroup2");
  AddInstaller("once", "idempotent: false\n", "echo begun\nexec sleep 600\n");
  const auto id = Run(NewOrder("once"));
  ASSERT_TRUE(Until([&] { return Log(id) == "begun\n"; }));
  const auto containment = **exec::ReadContainment(state_.Attempt({id, 1, 0}));
  EXPECT_TRUE(exec::Cgroup::Adopt(containment)->Populated());
  ASSERT_TRUE(exec::SendSignal(*exec::OpenPid(references_.at(id)), SIGKILL));
  ASSERT_TRUE(Until([&] { return Over(id); }));
  EXPECT_EQ(Last(id).status, job::Status::kInterrupted);
  EXPECT_FALSE(std::filesystem::exists(containment.directory));
}

TEST_F(Runners, RunnerKilledWhileItsLogWaits_ItsScriptIsEndedAlsoAfterARestart) {
  PROV_REQUIRES("root");
  PROV_REQUIRES("cgroup2");
  most_unacknowledged_ = 1;
  Restart();
  AddInstaller("once", "idempotent: false\n", "echo begun\nexec sleep 600\n");
  for (const bool restarted : {false, true}) {
    const auto id = Run(NewOrder("once"));
    const auto paths = state_.Attempt({id, 1, 0});
    ASSERT_TRUE(Until([&] {
      const auto written = exec::ReadContainment(paths);
      return written && *written;
    }));
    const auto containment = **exec::ReadContainment(paths);
    ASSERT_TRUE(Until([&] { return exec::Cgroup::Adopt(containment)->Populated(); }));
    ASSERT_TRUE(exec::SendSignal(*exec::OpenPid(references_.at(id)), SIGKILL));
    waitpid(static_cast<pid_t>(references_.at(id).pid), nullptr, 0);
    if (restarted) Restart();
    EXPECT_TRUE(Until([&] { return !std::filesystem::exists(containment.directory); }));
    EXPECT_EQ(States(id), "accepted running");
  }
}

TEST_F(Runners, RunnerAndJournalGone_TheScriptIsEndedAndTheJobLost) {
  PROV_REQUIRES("root");
  PROV_REQUIRES("cgroup2");
  AddInstaller("once", "idempotent: true\n", "echo begun\nexec sleep 600\n");
  const auto id = Run(NewOrder("once"));
  ASSERT_TRUE(Until([&] { return Log(id) == "begun\n"; }));
  const auto containment = **exec::ReadContainment(state_.Attempt({id, 1, 0}));
  ASSERT_TRUE(exec::SendSignal(*exec::OpenPid(references_.at(id)), SIGKILL));
  waitpid(static_cast<pid_t>(references_.at(id).pid), nullptr, 0);
  std::filesystem::remove(state_.Journal());
  Restart();
  EXPECT_EQ(States(id), "lost");
  EXPECT_TRUE(Until([&] { return !std::filesystem::exists(containment.directory); }));
  EXPECT_EQ(States(id), "lost");
}

class RunnersUnderASubreaper : public Runners {
 protected:
  ExecutorSetup MakeSetup() override { return ExecutorTest::MakeSetup(); }
};

// The script was not found without its runner, and another attempt started beside it.
TEST_F(RunnersUnderASubreaper, RunnerKilled_NothingOfTheAttemptRunsBesideTheNext) {
  PROV_REQUIRES("root");
  AddInstaller("forks", "idempotent: true\n",
               "setsid sleep 600 >/dev/null 2>&1 </dev/null &\necho \"forked $!\"\nsleep 600\n");
  const auto id = Run(NewOrder("forks"));
  ASSERT_TRUE(Until([&] { return Log(id).find("forked ") != std::string::npos; }));
  const auto log = Log(id);
  const auto daemon = exec::OpenPid(*exec::ReferTo(std::stoi(log.substr(log.find("forked ") + 7))));
  ASSERT_TRUE(daemon);
  ASSERT_TRUE(exec::SendSignal(*exec::OpenPid(references_.at(id)), SIGKILL));
  ASSERT_TRUE(Until([&] { return Over(id); }));
  EXPECT_EQ(Last(id).status, job::Status::kRetryWait);
  pollfd gone{daemon->get(), POLLIN, 0};
  EXPECT_EQ(poll(&gone, 1, 0), 1) << "the daemon outlived its attempt";
}

TEST_F(Runners, CancelRacesTheEnd_ExactlyOneWinsAndItIsWhatTheExitRecordSays) {
  PROV_REQUIRES("root");
  AddInstaller("short", "idempotent: false\n", "read -t 0.01 <> <(:) || :\necho done\n");
  int canceled = 0;
  int succeeded = 0;
  for (int round = 0; round < 60; ++round) {
    const auto id = Run(NewOrder("short"));
    poll(nullptr, 0, round % 30);
    SendCancel(id);
    ASSERT_TRUE(Until([&] { return Over(id); }));
    const auto last = Last(id);
    const auto record = **exec::ReadExit(state_.Attempt({id, 1, 0}));
    const bool ended = record.ending == exec::Ending::kCanceled;
    EXPECT_EQ(last.status, ended ? job::Status::kCanceled : job::Status::kSucceeded);
    int terminal = 0;
    for (const auto& event : Events()) {
      if (event.job == id && event.state && job::IsTerminal(event.state->status)) ++terminal;
    }
    EXPECT_EQ(terminal, 1);
    (ended ? canceled : succeeded) += 1;
    Acknowledge(executor_->outbox().last());
  }
  EXPECT_EQ(canceled + succeeded, 60);
}

TEST_F(Runners, CancelJustBeforeAKill_ReachesTheRunnerAfterTheRestart) {
  PROV_REQUIRES("root");
  AddInstaller("long", "idempotent: true\n", "echo begun\nexec sleep 600\n");
  const auto id = Run(NewOrder("long"));
  ASSERT_TRUE(Until([&] { return Log(id) == "begun\n"; }));
  // In the journal, and the process killed before it could signal: as the next one finds it.
  executor_->TakeParcel([&] {
    auto command = NewCommand();
    command.cancel = job::Cancel{id};
    return Envelope(job::CommandType::kCancel, command);
  }());
  executor_->Tick();
  executor_->CompactNow();  // durable, and nothing done
  Restart();
  ASSERT_TRUE(Until([&] { return Over(id); }));
  EXPECT_EQ(Last(id).status, job::Status::kCanceled);
}

TEST_F(Runners, SealedInput_ReachesTheScriptAndNoSink) {
  PROV_REQUIRES("root");
  Install("secretive");
  const std::string token = "p4ss-word$canary";
  auto order = NewOrder("secretive");
  order.sealed_inputs["token"] = Base64Encode(
      *signing::Seal(MakeIdentity().sealing.present.public_key, order.job, "token", token));
  Run(order);
  ASSERT_TRUE(Until([&] { return Over(order.job); }));
  EXPECT_EQ(Last(order.job).status, job::Status::kSucceeded) << Last(order.job).reason.value_or("");
  EXPECT_NE(Log(order.job).find("plain [masked]"), std::string::npos);
  for (const auto& each : std::filesystem::recursive_directory_iterator(directory_.path())) {
    if (!each.is_regular_file()) continue;
    const auto bytes = *ReadFile(each.path(), std::size_t{64} << 20);
    for (const auto& spelling : exec::Spellings(token))
      EXPECT_EQ(bytes.find(spelling), std::string::npos) << each.path();
  }
  EXPECT_EQ(log_.text.find("canary"), std::string::npos);
}

TEST_F(Runners, SealedInputOfAnotherJob_FailsInConfigurationAndTheScriptNeverRan) {
  PROV_REQUIRES("root");
  Install("secretive");
  auto order = NewOrder("secretive");
  order.sealed_inputs["token"] =
      Base64Encode(*signing::Seal(MakeIdentity().sealing.present.public_key,
                                  Uuid::MakeV7(clock_, random_), "token", "another's-one"));
  Run(order);
  ASSERT_TRUE(Until([&] { return Over(order.job); }));
  EXPECT_EQ(Last(order.job).failure_kind, job::FailureKind::kConfiguration);
  EXPECT_EQ(Log(order.job), "");
}

}  // namespace
}  // namespace prov::agent
