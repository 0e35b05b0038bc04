#include "exec/runner_pool.hpp"

#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "support/requires.hpp"
#include "support/temporary_directory.hpp"

namespace prov::exec {
namespace {

class TickedClock final : public Clock {
 public:
  WallTime Now() const override { return system_.Now(); }
  SteadyTime Steady() const override { return system_.Steady() + advanced_; }
  void Advance(Millis by) { advanced_ += by; }

 private:
  SystemClock system_;
  Millis advanced_{0};
};

class RunnerPoolTest : public ::testing::Test {
 protected:
  void SetUp() override { PROV_REQUIRES("root"); }

  AttemptSpec Spec(const std::string& script,
                   std::optional<CgroupBase> base = DetectCgroup(false).value()) {
    SystemRandom random;
    AttemptSpec spec;
    spec.id.job = Uuid::MakeV7(clock_, random);
    spec.paths = *MakeAttempt({directory_.path()}, spec.id);
    std::filesystem::create_directory(spec.paths.Installer());
    EXPECT_TRUE(WriteFileAtomically(spec.paths.Installer() / "install.sh", script, 0644));
    spec.script = "install.sh";
    spec.inputs = ScriptInputs{{{{"PATH", "/usr/bin:/bin"}}, {}}, {}};
    spec.cgroup = *base;
    spec.grace = Millis{100};
    return spec;
  }

  Runner Start(const AttemptSpec& spec) {
    auto runner = pool_.Start(spec, clock_);
    EXPECT_TRUE(runner) << runner.error().ToString();
    return std::move(*runner);
  }
  static void Await(int fd) {
    pollfd ended{fd, POLLIN, 0};
    ASSERT_EQ(poll(&ended, 1, 20'000), 1);
  }
  // The pid of the runner that ran it; how it ended is looked at too.
  std::int64_t Run(const AttemptSpec& spec, Ending ending = Ending::kExited) {
    auto runner = Start(spec);
    const auto pid = runner.reference.pid;
    Await(runner.ended_fd());
    const auto record = ReadExit(spec.paths);
    EXPECT_TRUE(record && *record && (*record)->ending == ending);
    pool_.Ended(std::move(runner), clock_);
    return pid;
  }
  static std::string Log(const AttemptSpec& spec) {
    std::string text;
    for (const auto& frame : ParseFrames(*ReadFile(spec.paths.Log(), 1 << 20)).frames)
      text += frame.bytes;
    return text;
  }
  // Whether it is gone, or goes; a child of ours is reaped.
  bool Ends(std::int64_t pid) {
    const auto until = SystemClock().Steady() + Seconds{20};
    while (kill(static_cast<pid_t>(pid), 0) == 0) {
      if (SystemClock().Steady() >= until) return false;
      pool_.Tidy(clock_);
      poll(nullptr, 0, 5);
    }
    return true;
  }

  test::TemporaryDirectory directory_;
  TickedClock clock_;
  RunnerPool pool_;
};

TEST_F(RunnerPoolTest, OneAfterTheOther_TheSameRunnerRunsThem) {
  const auto first = Run(Spec("echo \"one $ONLY_HERE\"\nexit 3\n"));
  for (int i = 0; i < 3; ++i) {
    auto spec = Spec("echo \"two ${ONLY_HERE:-none}\"; pwd; umask; ls /proc/self/fd | wc -l\n");
    spec.outputs.push_back({"declared", "Declared", false});
    EXPECT_EQ(Run(spec), first);
    EXPECT_EQ(Log(spec), "two none\n" + spec.paths.Installer().string() + "\n0022\n4\n");
    EXPECT_FALSE(RunnerHoldsLock(spec.paths));
  }
}

TEST_F(RunnerPoolTest, SeveralAtOnce_EachHasARunner) {
  auto slow = Start(Spec("sleep 600\n"));
  auto other = Start(Spec("sleep 600\n"));
  EXPECT_NE(slow.reference.pid, other.reference.pid);
  for (auto* runner : {&slow, &other}) {
    SendSignal(runner->pidfd, SIGKILL);
    Await(runner->ended_fd());
    pool_.Ended(std::move(*runner), clock_);
  }
}

TEST_F(RunnerPoolTest, WhatAnAttemptWasGiven_ReachesARunnerThatIsThere) {
  (void)Run(Spec("true\n"));
  auto spec = Spec(
      "echo \"$GIVEN\"\necho ::output port=80\necho ::output token=abcdef\n"
      "(sleep 0.2; echo printed late) &\nexit 194\n");
  spec.inputs->environment.variables["GIVEN"] = "a \"quoted\"\nvalue of ünïcode";
  spec.id.continuation = 2;
  spec.paths.log = spec.paths.directory / "another";
  spec.outputs = {{"port", "Port", false}, {"token", "Token", true}};
  spec.may_reboot = true;
  spec.log_dropped_bytes = 7;
  (void)Run(spec);
  const auto record = **ReadExit(spec.paths);
  EXPECT_EQ(record.job, spec.id.job);
  EXPECT_EQ(record.continuation, 2u);
  EXPECT_EQ(record.log.dropped_bytes, 7u);
  ASSERT_EQ(record.outputs.size(), 2u);
  EXPECT_EQ(record.outputs[0].value.value_or(""), "80");
  const auto log = Log(spec);
  EXPECT_NE(log.find("a \"quoted\"\nvalue of ünïcode"), log.npos) << log;
  const auto late = log.find("printed late");
  EXPECT_NE(log.find("the server reboots", late), log.npos) << log;
  EXPECT_EQ(log.find("abcdef"), log.npos);

  auto brief = Spec("sleep 600\n");
  brief.timeout = Seconds{1};
  (void)Run(brief, Ending::kTimedOut);
  auto serving = Spec("true\n");
  serving.services = {"no-such-thing.service"};
  serving.timeout = Seconds{1};
  (void)Run(serving, Ending::kTimedOut);
}

// Of whom something could reach the next attempt.
TEST_F(RunnerPoolTest, RunnerThatIsNotAsItWas_IsNotUsedAgain) {
  const auto secret = [&] {
    auto spec = Spec("true\n");
    spec.inputs->secrets = {"canary-canary"};
    return spec;
  };
  const auto unsealed = [&] {
    auto spec = Spec("true\n");
    spec.prepare = [inputs = *spec.inputs](const Path&) { return Result<ScriptInputs>(inputs); };
    spec.inputs.reset();
    return spec;
  };
  const auto sensitive_output = [&] {
    auto spec = Spec("echo ::output token=canary-canary\n");
    spec.outputs = {{"token", "Token", true}};
    return spec;
  };
  const auto subreaper = [&] { return Spec("true\n", CgroupBase{CgroupKind::kSubreaper, {}}); };
  const auto left = [&] { return Spec("setsid sleep 5 >/dev/null 2>&1 &\n"); };
  const auto killed = [&] { return Spec("kill -9 $$\n"); };
  const std::pair<const char*, std::function<AttemptSpec()>> cases[] = {
      {"a secret", secret},       {"a sealed input", unsealed},
      {"a subreaper", subreaper}, {"a sensitive output", sensitive_output},
      {"left running", left},     {"a script that was killed", killed}};
  for (const auto& [what, make] : cases) {
    SCOPED_TRACE(what);
    const std::string name = what;
    pool_ = RunnerPool();  // a pool's attempts have one containment
    const auto pid =
        Run(make(), name == "a script that was killed" ? Ending::kSignaled : Ending::kExited);
    EXPECT_NE(Run(Spec("true\n")), pid);
    EXPECT_TRUE(Ends(pid));
  }
}

TEST_F(RunnerPoolTest, IdleRunnerThatIsGone_AnotherRunsTheAttempt) {
  const auto first = Run(Spec("true\n"));
  ASSERT_EQ(kill(static_cast<pid_t>(first), SIGKILL), 0);
  siginfo_t dead{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(first), &dead, WEXITED | WNOWAIT), 0);
  EXPECT_NE(Run(Spec("true\n")), first);
  EXPECT_TRUE(Ends(first));
}

TEST_F(RunnerPoolTest, CancelThatComesWhenTheAttemptIsOver_DoesNotEndTheNext) {
  const auto over = Spec("true\n");
  auto runner = Start(over);
  Await(runner.ended_fd());
  ASSERT_TRUE(CancelAttempt(over.paths, runner.pidfd));
  const auto pid = runner.reference.pid;
  pool_.Ended(std::move(runner), clock_);
  EXPECT_EQ(Run(Spec("sleep 0.2\n")), pid);
}

TEST_F(RunnerPoolTest, CancelOfASecondAttempt_EndsIt) {
  const auto first = Run(Spec("true\n"));
  const auto spec = Spec("echo begun\nexec sleep 600\n");
  auto runner = Start(spec);
  EXPECT_EQ(runner.reference.pid, first);
  EXPECT_TRUE(RunnerHoldsLock(spec.paths));
  const auto until = SystemClock().Steady() + Seconds{20};
  while ((!ReadFile(spec.paths.Log(), 1000) || Log(spec).empty()) && SystemClock().Steady() < until)
    poll(nullptr, 0, 5);
  ASSERT_TRUE(CancelAttempt(spec.paths, runner.pidfd));
  Await(runner.ended_fd());
  EXPECT_EQ((**ReadExit(spec.paths)).ending, Ending::kCanceled);
  pool_.Ended(std::move(runner), clock_);
}

TEST_F(RunnerPoolTest, NothingToDoForAWhile_TheRunnerGoes) {
  const auto first = Run(Spec("true\n"));
  clock_.Advance(Millis{9'000});
  pool_.Tidy(clock_);
  EXPECT_EQ(Run(Spec("true\n")), first);
  clock_.Advance(Millis{11'000});
  EXPECT_TRUE(Ends(first));
}

TEST_F(RunnerPoolTest, InputsTooLongForAMessage_ARunnerIsForked) {
  const auto first = Run(Spec("true\n"));
  auto spec = Spec("echo ${#LONG}\n");
  spec.inputs->environment.variables["LONG"] = std::string(120'000, 'x');
  spec.inputs->environment.variables["LONGER"] = std::string(120'000, 'x');
  EXPECT_NE(Run(spec), first);
  EXPECT_EQ(Log(spec), "120000\n");
  auto bytes = Spec("echo -n \"$BYTES\" | od -An -tx1\n");
  bytes.inputs->environment.variables["BYTES"] = "\xff\xfe";
  (void)Run(bytes);
  EXPECT_EQ(Log(bytes), " ff fe\n");
}

// Row 16 of docs/faults.md, of a runner that is used again.
TEST_F(RunnerPoolTest, StarterDies_TheSecondAttemptIsEndedAndKept_AndTheRunnerGoes) {
  const auto second = Spec("echo begun; while ! [ -e go ]; do sleep 0.01; done; exit 5\n");
  int told[2];
  ASSERT_EQ(pipe2(told, O_CLOEXEC), 0);
  const pid_t starter = fork();
  if (starter == 0) {
    const auto first = Run(Spec("true\n"));
    const auto runner = Start(second);
    const bool same = runner.reference.pid == first;
    const auto pid = static_cast<pid_t>(same ? first : 0);
    (void)!write(told[1], &pid, sizeof pid);
    _exit(0);
  }
  pid_t runner = 0;
  ASSERT_EQ(read(told[0], &runner, sizeof runner), static_cast<ssize_t>(sizeof runner));
  ASSERT_NE(runner, 0) << "another runner was forked";
  int status = 1;
  ASSERT_EQ(waitpid(starter, &status, 0), starter);
  EXPECT_TRUE(RunnerHoldsLock(second.paths));
  ASSERT_TRUE(WriteFileAtomically(second.paths.Installer() / "go", "", 0644));
  const auto until = SystemClock().Steady() + Seconds{20};
  while (RunnerHoldsLock(second.paths) && SystemClock().Steady() < until) poll(nullptr, 0, 5);
  const auto record = ReadExit(second.paths);
  ASSERT_TRUE(record && *record);
  EXPECT_EQ((*record)->exit_code, 5);
  while (kill(runner, 0) == 0 && SystemClock().Steady() < until) poll(nullptr, 0, 5);
  EXPECT_NE(kill(runner, 0), 0) << "it waits for nobody";
}

}  // namespace
}  // namespace prov::exec
