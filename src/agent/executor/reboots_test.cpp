// Exit code 194: the machine is rebooted, and the attempt goes on with another run
// (docs/contract.md, C-EXIT-5).
#include "agent/executor/executor_fixture_test.hpp"
#include "support/requires.hpp"

namespace prov::agent {
namespace {

using testing::HasSubstr;

constexpr const char* kRebooting = "idempotent: false\nreboot: allowed\n";

class Reboots : public ExecutorTest {
 protected:
  void SetUp() override {
    ExecutorTest::SetUp();
    AddInstaller("rebooting", kRebooting);
  }
  ExecutorSetup MakeSetup() override {
    auto setup = ExecutorTest::MakeSetup();
    setup.machine.boot_id = [this]() -> Result<std::string> { return boot_; };
    setup.machine.reboot = [this]() -> Status {
      ++requests_;
      if (!reboot_error_.empty()) return Error{error_code_, reboot_error_, {}};
      return {};
    };
    return setup;
  }
  Result<exec::Runner> StartFake(const exec::AttemptSpec& spec) override {
    runs_.push_back(spec.id.DirectoryName());
    auto runner = ExecutorTest::StartFake(spec);
    // A real one writes its log on.
    const auto written = ReadFile(spec.paths.Log(), std::size_t{1} << 20);
    if (written) frames_[spec.id.job] = job::ParseFrames(*written, 1).frames.size();
    return runner;
  }
  // The machine goes down and comes up again: every process of the time before is gone.
  void Boot() {
    boot_ = fmt::format("boot-{}", ++boots_);
    for (auto& [job, runner] : runners_) Crash(job);
    Restart();
    Step();
  }
  Uuid RunRebooting() { return Run(NewOrder("rebooting")); }

  std::string boot_ = "boot-0";
  int boots_ = 0;
  int requests_ = 0;
  std::string reboot_error_;
  ErrorCode error_code_ = ErrorCode::kIo;
  std::vector<std::string> runs_;
};

TEST_F(Reboots, ExitCode194_ReportsOneAttemptThatGoesOnAfterTheBoot) {
  const auto id = RunRebooting();
  Exit(id, 194);
  Step();
  Step();
  EXPECT_EQ(States(id), "accepted running");
  EXPECT_EQ(requests_, 1);
  Boot();
  EXPECT_THAT(runs_, testing::ElementsAre("1", "1.1"));
  EXPECT_EQ(States(id), "accepted running");
  Exit(id, 0);
  Step();
  EXPECT_EQ(States(id), "accepted running succeeded");
  Boot();
  EXPECT_THAT(runs_, testing::SizeIs(2));
  EXPECT_EQ(requests_, 1);
}

TEST_F(Reboots, RequestedOnlyAfterWhatFollowsIsDurable) {
  const auto id = RunRebooting();
  Exit(id, 194);
  executor_->Tick();
  EXPECT_EQ(requests_, 0);
  ASSERT_TRUE(executor_->Commit());
  Step();
  EXPECT_EQ(requests_, 1);
}

TEST_F(Reboots, LogOfAnAttemptOverAReboot_IsOneLog) {
  const auto id = RunRebooting();
  Print(id, "one\n");
  Exit(id, 194);
  Step();
  Boot();
  Print(id, "two\n");
  Exit(id, 0);
  Step();
  std::uint64_t next = 1;
  for (const auto& event : Events()) {
    if (event.job != id || !event.log) continue;
    EXPECT_EQ(event.attempt, 1u);
    EXPECT_EQ(event.log->first, next);
    next += event.log->lines;
  }
  EXPECT_EQ(next, 3u);
  EXPECT_EQ(*ReadFile(configuration_.log_dir / (id.ToString() + ".log"), 1000), "one\ntwo\n");
}

TEST_F(Reboots, WithoutTheManifestsLeave_IsAFailure) {
  const auto id = Run(NewOrder());
  Exit(id, 194);
  Step();
  EXPECT_EQ(States(id), "accepted running failed");
  EXPECT_EQ(requests_, 0);
}

TEST_F(Reboots, AgentRestartedWithoutABoot_RunsNothingAndAsksAgain) {
  const auto id = RunRebooting();
  Exit(id, 194);
  Step();
  Step();
  Restart();
  Step();
  EXPECT_EQ(Starts(id), 1);
  EXPECT_EQ(requests_, 2);
  Boot();
  EXPECT_EQ(runs_.back(), "1.1");
}

TEST_F(Reboots, BootedBeforeTheExitWasSeen_GoesOnWithoutAnother) {
  const auto id = RunRebooting();
  // As a real runner says where it runs.
  ASSERT_TRUE(exec::WriteContainment(runners_.at(id).spec.paths,
                                     {"subreaper", "", {4194304, 1, boot_}, {}}));
  Exit(id, 194);
  Boot();
  Step();
  EXPECT_EQ(requests_, 0);
  EXPECT_EQ(runs_.back(), "1.1");
}

TEST_F(Reboots, KilledBeforeItIsDurableThatItGoesOn_GoesOnAllTheSame) {
  const auto id = RunRebooting();
  ASSERT_TRUE(exec::WriteContainment(runners_.at(id).spec.paths,
                                     {"subreaper", "", {4194304, 1, boot_}, {}}));
  Exit(id, 194);
  boot_ = "another";
  Restart();
  executor_->Tick();
  Restart();
  Step();
  Step();
  EXPECT_EQ(States(id), "accepted running");
  EXPECT_THAT(runs_, testing::ElementsAre("1", "1.1"));
}

TEST_F(Reboots, PowerCutInAContinuation_IsAnInterruption) {
  const auto id = RunRebooting();
  Exit(id, 194);
  Step();
  Boot();
  Boot();
  EXPECT_EQ(States(id), "accepted running interrupted");
  EXPECT_THAT(runs_, testing::ElementsAre("1", "1.1"));
}

TEST_F(Reboots, KilledBetweenTheContinuationsDirectoryAndItsRecord_DoesNotRunItTwice) {
  const auto id = RunRebooting();
  Exit(id, 194);
  Step();
  boot_ = "another";
  Restart();
  executor_->Tick();  // the directory is made, and nothing is durable
  Restart();
  Step();
  EXPECT_EQ(States(id), "accepted running interrupted");
  EXPECT_EQ(Starts(id), 1);
}

TEST_F(Reboots, OtherJobs_AreBroughtToTheirEndAndNoneIsBegun) {
  configuration_.max_parallel_jobs = 2;
  Restart();
  const auto other = Run(NewOrder());
  const auto id = RunRebooting();
  const auto later = Run(NewOrder());
  Exit(id, 194);
  Step();
  Step();
  EXPECT_EQ(requests_, 0);
  EXPECT_EQ(Starts(later), 0);
  Exit(other, 0);
  Step();
  Step();
  EXPECT_EQ(requests_, 1);
  EXPECT_EQ(Starts(later), 0);
  Boot();
  EXPECT_THAT(runs_, testing::ElementsAre("1", "1", "1.1", "1"));
  EXPECT_EQ(Starts(later), 1);
}

TEST_F(Reboots, TwoJobsThatAskForOne_ShareIt) {
  configuration_.max_parallel_jobs = 2;
  Restart();
  const auto first = RunRebooting();
  const auto second = RunRebooting();
  Exit(first, 194);
  Step();
  EXPECT_EQ(requests_, 0);
  Exit(second, 194);
  Step();
  Step();
  EXPECT_EQ(requests_, 1);
  Boot();
  EXPECT_EQ(Starts(first), 1 + 1);
  EXPECT_EQ(Starts(second), 1 + 1);
}

TEST_F(Reboots, DrainedServer_BringsItToItsEnd) {
  const auto id = RunRebooting();
  SendDrain(true);
  Exit(id, 194);
  Step();
  Boot();
  EXPECT_EQ(runs_.back(), "1.1");
}

TEST_F(Reboots, AskedForOverAndOver_FailsAfterFive) {
  const auto id = RunRebooting();
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(runners_.at(id).spec.may_reboot);
    Exit(id, 194);
    Step();
    Boot();
  }
  EXPECT_FALSE(runners_.at(id).spec.may_reboot);
  Exit(id, 194);
  Step();
  Step();
  EXPECT_EQ(States(id), "accepted running failed");
  EXPECT_THAT(*Last(id).reason, HasSubstr("5 reboots"));
  EXPECT_EQ(requests_, 5);
}

TEST_F(Reboots, CanceledWhileItIsAwaited_IsCanceledForGood) {
  const auto id = RunRebooting();
  Exit(id, 194);
  Step();
  SendCancel(id);
  EXPECT_EQ(States(id), "accepted running canceled");
  Boot();
  EXPECT_EQ(Starts(id), 1);
  EXPECT_EQ(States(id), "accepted running canceled");
}

TEST_F(Reboots, CanceledBeforeItEnded_IsCanceled) {
  const auto id = RunRebooting();
  SendCancel(id);
  Exit(id, 194);
  Step();
  Step();
  EXPECT_EQ(States(id), "accepted running canceled");
  EXPECT_EQ(requests_, 0);
}

TEST_F(Reboots, RebootThatIsRefused_IsAskedForAgainAndThenGivenUp) {
  reboot_error_ = "somebody holds it back";
  const auto id = RunRebooting();
  Exit(id, 194);
  Step();
  Step();
  for (int i = 0; i < 14; ++i) {
    clock_.Advance(Seconds{60});
    Step();
  }
  EXPECT_EQ(requests_, 15);
  EXPECT_EQ(States(id), "accepted running");
  clock_.Advance(Seconds{60});
  Step();
  EXPECT_EQ(States(id), "accepted running failed");
  EXPECT_EQ(Last(id).failure_kind, job::FailureKind::kUnknown);
  EXPECT_THAT(*Last(id).reason, HasSubstr("somebody holds it back"));
  // What waited may run.
  EXPECT_EQ(States(Run(NewOrder())), "accepted running");
}

TEST_F(Reboots, RebootThatNeverComes_IsGivenUpAfterAQuarterOfAnHour) {
  const auto id = RunRebooting();
  Exit(id, 194);
  Step();
  Step();
  clock_.Advance(Seconds{15 * 60});
  Step();
  EXPECT_EQ(States(id), "accepted running failed");
  EXPECT_THAT(*Last(id).reason, HasSubstr("within 15 minutes"));
}

TEST_F(Reboots, WhereNothingCanReboot_IsSaidAtOnce) {
  reboot_error_ = "nothing here can";
  error_code_ = ErrorCode::kUnsupported;
  const auto id = RunRebooting();
  Exit(id, 194);
  for (int i = 0; i < 3; ++i) Step();
  EXPECT_EQ(States(id), "accepted running failed");
  EXPECT_THAT(*Last(id).reason, HasSubstr("nothing here can"));
}

TEST_F(Reboots, AfterAFailedContinuation_TheNextAttemptBeginsAnew) {
  AddInstaller("again", "idempotent: true\nreboot: allowed\n");
  const auto id = Run(NewOrder("again"));
  Exit(id, 194);
  Step();
  Boot();
  Exit(id, 2);
  Step();
  clock_.Advance(Seconds{11});
  Step();
  EXPECT_THAT(runs_, testing::ElementsAre("1", "1.1", "2"));
  Exit(id, 194);
  Step();
  Boot();
  EXPECT_EQ(runs_.back(), "2.1");
}

TEST_F(Reboots, LostJournalWhileItIsAwaited_LosesTheJob) {
  const auto id = RunRebooting();
  Exit(id, 194);
  Step();
  std::filesystem::remove(state_.Journal());
  Boot();
  EXPECT_EQ(Starts(id), 1);
  EXPECT_THAT(States(id), testing::EndsWith("lost"));
}

TEST_F(Reboots, JournalCompactedWhileItIsAwaited_StillContinues) {
  const auto id = RunRebooting();
  Exit(id, 194);
  Step();
  executor_->CompactNow();
  Boot();
  EXPECT_EQ(runs_.back(), "1.1");
}

}  // namespace
}  // namespace prov::agent
