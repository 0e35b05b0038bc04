#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "exec/recovery.hpp"
#include "exec/runner_pool.hpp"
#include "support/power_cut.hpp"
#include "support/requires.hpp"
#include "support/temporary_directory.hpp"

namespace prov::exec {
namespace {

namespace fs = std::filesystem;

// An attempt of one of tests/installers, run for real.
class RunnerTest : public ::testing::Test {
 protected:
  AttemptSpec Spec(const std::string& installer, CgroupBase base) {
    SystemRandom random;
    AttemptSpec spec;
    spec.id.job = Uuid::MakeV7(clock_, random);
    spec.paths = *MakeAttempt({directory_.path()}, spec.id);
    fs::copy(Path(PROV_SOURCE_DIR) / "tests/installers" / installer, spec.paths.Installer());
    spec.script = "install.sh";
    spec.prepare = Given({});
    spec.cgroup = std::move(base);
    spec.grace = Millis{100};
    return spec;
  }

  // Inputs as they are after unsealing and validation; the last is a secret where it says so.
  static std::function<Result<ScriptInputs>(const Path&)> Given(
      std::map<std::string, std::string> variables, std::vector<std::string> secrets = {}) {
    variables["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    return
        [=](const Path&) -> Result<ScriptInputs> { return ScriptInputs{{variables, {}}, secrets}; };
  }

  AttemptSpec Spec(const std::string& installer) { return Spec(installer, *DetectCgroup(false)); }

  // In a forked runner, as the executor does it; the exit record is read back from disk.
  ExitRecord Run(const AttemptSpec& spec, std::string_view cancel_after = "") {
    auto runner = StartRunner(spec, clock_);
    EXPECT_TRUE(runner) << runner.error().ToString();
    if (!cancel_after.empty()) {
      const auto end = clock_.Steady() + Seconds{20};
      while (Log(spec).find(cancel_after) == std::string::npos && clock_.Steady() < end)
        poll(nullptr, 0, 5);
      EXPECT_TRUE(CancelAttempt(spec.paths, runner->pidfd));
    }
    waitpid(static_cast<pid_t>(runner->reference.pid), nullptr, 0);
    auto record = ReadExit(spec.paths);
    EXPECT_TRUE(record && record->has_value());
    EXPECT_FALSE(fs::exists(spec.paths.directory / "secrets"));
    return record && *record ? **record : ExitRecord{};
  }

  static std::string Log(const AttemptSpec& spec) {
    const auto bytes = ReadFile(spec.paths.Log(), std::size_t{128} << 20);
    std::string text;
    if (!bytes) return text;
    for (const auto& frame : ParseFrames(*bytes).frames) text += frame.bytes;
    return text;
  }

  template <class Condition>
  bool WaitFor(Condition condition) {
    const auto end = clock_.Steady() + Seconds{20};
    while (!condition()) {
      if (clock_.Steady() > end) return false;
      poll(nullptr, 0, 5);
    }
    return true;
  }

  static Cgroup Contained(const AttemptSpec& spec) {
    return *Cgroup::Adopt(**ReadContainment(spec.paths));
  }

  SystemClock clock_;
  test::TemporaryDirectory directory_;
};

TEST_F(RunnerTest, Runner_Chatty_LogsEverythingButTheSensitiveOutput) {
  PROV_REQUIRES("root");
  auto spec = Spec("chatty");
  spec.prepare = Given({{"LINES_TO_PRINT", "5000"}});
  spec.outputs = {{"url", "Address", false}, {"admin_password", "Password", true}};
  const auto record = Run(spec);
  EXPECT_EQ(record.ending, Ending::kExited) << record.reason.value_or("");
  EXPECT_EQ(record.exit_code, 0);
  const auto log = Log(spec);
  EXPECT_NE(log.find("line 1\n"), log.npos);
  EXPECT_NE(log.find("line 5000\n"), log.npos);
  EXPECT_NE(log.find("to standard error\n"), log.npos);
  EXPECT_NE(log.find("no newline at the end"), log.npos);
  EXPECT_NE(log.find("the password is [masked]\n"), log.npos);
  EXPECT_EQ(log.find("made-by-the-script"), log.npos);
  EXPECT_EQ(record.log.bytes, log.size());
  EXPECT_TRUE(record.log.complete);
  ASSERT_EQ(record.outputs.size(), 2u);
  EXPECT_EQ(record.outputs[0].value, "http://localhost/");
  EXPECT_FALSE(record.outputs[1].value);
  EXPECT_NE(log.find("::warning nearly done\n"), log.npos);
}

TEST_F(RunnerTest, Runner_EveryExitCode_IsRecordedAsItWas) {
  PROV_REQUIRES("root");
  for (const int code : {0, 1, 2, 3, 77, 124, 194, 255}) {
    auto spec = Spec("failing");
    spec.prepare = Given({{"EXIT_CODE", std::to_string(code)}});
    const auto record = Run(spec);
    EXPECT_EQ(record.ending, Ending::kExited);
    EXPECT_EQ(record.exit_code, code);
  }
}

TEST_F(RunnerTest, Runner_Continuation_WritesTheAttemptsLogOn) {
  PROV_REQUIRES("root");
  auto spec = Spec("failing");
  spec.prepare = Given({{"EXIT_CODE", "194"}});
  spec.may_reboot = true;
  // Whoever asked for the reboot: the script's own end is what counts.
  spec.going_down = [] { return true; };
  const auto first = Run(spec);
  EXPECT_EQ(first.ending, Ending::kExited);
  EXPECT_EQ(first.exit_code, 194);
  const auto before = Log(spec);
  EXPECT_NE(before.find("[exit code 194: the server reboots, then the script runs again]"),
            before.npos);
  auto next = spec;
  next.id.continuation = 1;
  next.log_dropped_bytes = 5;
  next.paths = *MakeAttempt({directory_.path()}, next.id);
  fs::copy(Path(PROV_SOURCE_DIR) / "tests/installers/failing", next.paths.Installer());
  next.prepare = Given({{"EXIT_CODE", "0"}});
  const auto record = Run(next);
  EXPECT_EQ(record.exit_code, 0);
  EXPECT_EQ(record.continuation, 1u);
  const auto log = Log(next);
  EXPECT_TRUE(log.starts_with(before + "[the server has rebooted")) << log;
  EXPECT_EQ(record.log.bytes, log.size());
  EXPECT_FALSE(record.log.complete);
  EXPECT_EQ(record.log.dropped_bytes, 5u);
}

// While its starter lives, that one keeps what the runner leaves (docs/decisions/0014).
TEST_F(RunnerTest, Runner_WhoseStarterDied_MakesItsResultDurable) {
  PROV_REQUIRES("root");
  for (const bool lives : {true, false}) {
    SCOPED_TRACE(lives);
    auto spec = Spec("failing");
    test::PowerCut disk(directory_.path());
    const pid_t starter = fork();
    if (starter == 0) {
      spec.prepare = [lives, starter = getpid(),
                      given = Given({{"EXIT_CODE", "3"}})](const Path& secrets) {
        while (!lives && getppid() == starter) poll(nullptr, 0, 1);
        return given(secrets);
      };
      const auto runner = StartRunner(spec, clock_);
      if (lives && runner) waitpid(static_cast<pid_t>(runner->reference.pid), nullptr, 0);
      _exit(runner ? 0 : 1);
    }
    int status = 1;
    ASSERT_EQ(waitpid(starter, &status, 0), starter);
    ASSERT_EQ(status, 0);
    const auto until = clock_.Steady() + Seconds{20};
    while (RunnerHoldsLock(spec.paths) && clock_.Steady() < until) poll(nullptr, 0, 5);
    const auto written = ReadExit(spec.paths);
    ASSERT_TRUE(written && *written);
    const auto log = Log(spec);
    disk.Strike();
    const auto left = ReadExit(spec.paths);
    if (lives) {
      EXPECT_FALSE(left && *left) << "fsynced, and nobody needs it";
      continue;
    }
    ASSERT_TRUE(left && *left);
    EXPECT_EQ((*left)->exit_code, 3);
    EXPECT_EQ(Log(spec), log);
    EXPECT_EQ((*left)->log.bytes, log.size());
  }
}

TEST_F(RunnerTest, Runner_TimeoutOfAScriptThatIgnoresTerm_EmptiesTheCgroup) {
  PROV_REQUIRES("root");
  auto spec = Spec("sleepy");
  spec.timeout = Seconds{1};
  const auto record = Run(spec);
  EXPECT_EQ(record.ending, Ending::kTimedOut);
  EXPECT_FALSE(Contained(spec).Populated());
}

// A machine whose time somebody sets all the while, by a year forth and back.
class SwayingClock final : public Clock {
 public:
  WallTime Now() const override {
    const std::chrono::hours year{24 * 365};
    return system_.Now() + (++asked_ % 2 == 0 ? year : -year);
  }
  SteadyTime Steady() const override { return system_.Steady(); }

 private:
  SystemClock system_;
  mutable int asked_ = 0;
};

// Row 22 of docs/faults.md.
TEST_F(RunnerTest, Row22_ClockSetByAYear_TimeoutsCountAsBefore) {
  PROV_REQUIRES("root");
  const SwayingClock swaying;
  const auto run = [&](const AttemptSpec& spec) {
    const auto start = clock_.Steady();
    const auto runner = StartRunner(spec, swaying);
    EXPECT_TRUE(runner) << runner.error().ToString();
    waitpid(static_cast<pid_t>(runner->reference.pid), nullptr, 0);
    return std::pair((*ReadExit(spec.paths))->ending, clock_.Steady() - start);
  };
  auto short_one = Spec("failing");
  short_one.prepare = Given({{"EXIT_CODE", "0"}});
  short_one.timeout = Seconds{60};
  EXPECT_EQ(run(short_one).first, Ending::kExited);
  auto endless = Spec("sleepy");
  endless.timeout = Seconds{1};
  const auto [ending, took] = run(endless);
  EXPECT_EQ(ending, Ending::kTimedOut);
  EXPECT_GE(took, Seconds{1});
}

TEST_F(RunnerTest, Runner_CancelWithASetsidDaemon_EndsTheDaemonToo) {
  PROV_REQUIRES("cgroup2");
  auto spec = Spec("forking");
  const auto record = Run(spec, "forked");
  EXPECT_EQ(record.ending, Ending::kCanceled);
  EXPECT_FALSE(Contained(spec).Populated());
  EXPECT_FALSE(fs::exists(Contained(spec).directory()));
}

TEST_F(RunnerTest, Runner_SetsidDaemonUnderCgroup1_EndsTheDaemonToo) {
  PROV_REQUIRES("root");
  PROV_REQUIRES("cgroup1");
  auto spec = Spec("forking", CgroupBase{CgroupKind::kV1, "/sys/fs/cgroup/freezer"});
  const auto record = Run(spec, "forked");
  EXPECT_EQ(record.ending, Ending::kCanceled) << record.reason.value_or("");
  EXPECT_FALSE(Contained(spec).Populated());
}

TEST_F(RunnerTest, Runner_SetsidDaemonUnderASubreaper_EndsTheDaemonToo) {
  auto spec = Spec("forking", CgroupBase{CgroupKind::kSubreaper, {}});
  const auto record = Run(spec, "forked");
  EXPECT_EQ(record.ending, Ending::kCanceled) << record.reason.value_or("");
  EXPECT_FALSE(record.reason);
  const auto log = Log(spec);
  const auto daemon = std::atoi(log.c_str() + log.find("forked ") + 7);
  ASSERT_GT(daemon, 1) << log;
  // Nobody may have reaped it yet.
  const auto stat = ReadFile("/proc/" + std::to_string(daemon) + "/stat", 4096);
  EXPECT_TRUE(!stat || stat->find(") Z ") != stat->npos) << *stat;
  EXPECT_NE(log.find("::warning This job is contained by a subreaper only"), log.npos) << log;
}

TEST_F(RunnerTest, Runner_WithoutTheServersNetwork_RunsNothing) {
  PROV_REQUIRES("root");
  auto spec = Spec("chatty");
  const UniqueFd other(open("/dev/null", O_RDONLY | O_CLOEXEC));
  spec.network_namespace = other.get();
  const auto record = Run(spec);
  EXPECT_EQ(record.ending, Ending::kNotStarted);
  EXPECT_NE(record.reason.value_or("").find("network namespace"), std::string::npos);
  EXPECT_EQ(Log(spec), "");
}

TEST_F(RunnerTest, Runner_Killed_IsFoundInterruptedWithItsLogAPrefix) {
  PROV_REQUIRES("root");
  auto spec = Spec("forking");
  auto runner = StartRunner(spec, clock_);
  ASSERT_TRUE(runner);
  const auto end = clock_.Steady() + Seconds{20};
  while (Log(spec).find("forked") == std::string::npos && clock_.Steady() < end)
    poll(nullptr, 0, 5);
  ASSERT_TRUE(SendSignal(runner->pidfd, SIGKILL));
  waitpid(static_cast<pid_t>(runner->reference.pid), nullptr, 0);
  const auto cgroup = Contained(spec);
  Evidence evidence;
  evidence.journalled = Journalled::kStarted;
  evidence.spool_exists = fs::exists(spec.paths.directory);
  evidence.runner_alive = OpenPid((*ReadContainment(spec.paths))->runner).has_value();
  evidence.cgroup_populated = cgroup.Populated();
  EXPECT_EQ(Recover(evidence), (Recovery{Finding::kInterrupted, true}));
  EXPECT_TRUE(Log(spec).starts_with("forked ") && Log(spec).ends_with("\n"));
  EXPECT_TRUE(cgroup.KillAll(clock_, Seconds{5}));
  cgroup.Remove();
  EXPECT_FALSE(fs::exists(cgroup.directory()));
}

// A reboot in mid-job ended as `canceled`: an orderly shutdown sends SIGTERM to every process.
TEST_F(RunnerTest, Runner_CanceledWhileItsServicesAreAwaited_IsCanceled) {
  PROV_REQUIRES("root");
  auto spec = Spec("failing");
  spec.prepare = Given({{"EXIT_CODE", "0"}});
  const auto asked = directory_.path() / "asked";
  spec.check_services = [&]() -> std::optional<std::string> {
    (void)WriteFileAtomically(asked, "", 0600);
    return "the script succeeded, but x.service is not active";
  };
  auto runner = StartRunner(spec, clock_);
  ASSERT_TRUE(runner);
  ASSERT_TRUE(WaitFor([&] { return fs::exists(asked); }));
  const auto began = clock_.Steady();
  ASSERT_TRUE(CancelAttempt(spec.paths, runner->pidfd));
  waitpid(static_cast<pid_t>(runner->reference.pid), nullptr, 0);
  EXPECT_LT(clock_.Steady() - began, Seconds{10});
  const auto record = **ReadExit(spec.paths);
  EXPECT_EQ(record.ending, Ending::kCanceled);
  EXPECT_FALSE(record.services_error);
}

TEST_F(RunnerTest, Runner_ServicesThatDoNotStart_CountAgainstTheTimeoutAndTheirOwn) {
  PROV_REQUIRES("root");
  auto spec = Spec("failing");
  spec.prepare = Given({{"EXIT_CODE", "0"}});
  spec.check_services = [] { return std::optional<std::string>("x.service is not active"); };
  spec.timeout = Seconds{1};
  EXPECT_EQ(Run(spec).ending, Ending::kTimedOut);
  auto patient = Spec("failing");
  patient.prepare = spec.prepare;
  patient.check_services = spec.check_services;
  patient.services_within = Seconds{1};
  const auto record = Run(patient);
  EXPECT_EQ(record.ending, Ending::kExited);
  EXPECT_EQ(record.services_error, "x.service is not active 1 s later");
}

TEST_F(RunnerTest, Runner_TermOfAStranger_EndsNothing) {
  PROV_REQUIRES("root");
  auto spec = Spec("failing");
  ASSERT_TRUE(WriteFileAtomically(spec.paths.Installer() / "install.sh",
                                  "echo begun\nuntil [ -e go ]; do sleep 0.02; done\n", 0644));
  auto runner = StartRunner(spec, clock_);
  ASSERT_TRUE(runner);
  ASSERT_TRUE(WaitFor([&] { return Log(spec) == "begun\n"; }));
  ASSERT_TRUE(SendSignal(runner->pidfd, SIGTERM));
  const auto status = "/proc/" + std::to_string(runner->reference.pid) + "/status";
  ASSERT_TRUE(WaitFor([&] {
    return ReadFile(status, 1 << 16)->find("ShdPnd:\t0000000000000000") != std::string::npos;
  }));
  ASSERT_TRUE(WriteFileAtomically(spec.paths.Installer() / "go", "", 0644));
  waitpid(static_cast<pid_t>(runner->reference.pid), nullptr, 0);
  const auto record = **ReadExit(spec.paths);
  EXPECT_EQ(record.ending, Ending::kExited);
  EXPECT_EQ(record.exit_code, 0);
}

TEST_F(RunnerTest, Runner_ScriptEndedByAShutdown_IsInterruptedUnlessItSucceeded) {
  PROV_REQUIRES("root");
  const std::vector<std::pair<const char*, Ending>> table = {
      {"kill -TERM $$", Ending::kInterrupted},
      {"exit 143", Ending::kInterrupted},
      {"exit 0", Ending::kExited}};
  for (const auto& [script, ending] : table) {
    auto spec = Spec("failing");
    ASSERT_TRUE(WriteFileAtomically(spec.paths.Installer() / "install.sh", script, 0644));
    spec.going_down = [] { return true; };
    const auto record = Run(spec);
    EXPECT_EQ(record.ending, ending) << script;
    EXPECT_EQ(record.reason.has_value(), ending == Ending::kInterrupted);
  }
}

TEST_F(RunnerTest, Runner_KilledUnderASubreaper_LeavesNothingRunning) {
  PROV_REQUIRES("root");
  auto spec = Spec("forking", CgroupBase{CgroupKind::kSubreaper, {}});
  spec.prepare = Given({{"PROVISIONING_JOB_ID", spec.id.job.ToString()}});
  auto runner = StartRunner(spec, clock_);
  ASSERT_TRUE(runner);
  ASSERT_TRUE(WaitFor([&] { return Log(spec).find("forked") != std::string::npos; }));
  ASSERT_TRUE(SendSignal(runner->pidfd, SIGKILL));
  waitpid(static_cast<pid_t>(runner->reference.pid), nullptr, 0);
  const auto left = Contained(spec);
  EXPECT_TRUE(left.Populated()) << "the daemon that called setsid was not found";
  EXPECT_TRUE(left.KillAll(clock_, Seconds{5}));
  const auto log = Log(spec);
  const auto daemon = std::atoi(log.c_str() + log.find("forked ") + 7);
  ASSERT_GT(daemon, 1) << log;
  const auto stat = ReadFile("/proc/" + std::to_string(daemon) + "/stat", 4096);
  EXPECT_TRUE(!stat || stat->find(") Z ") != stat->npos) << *stat;
}

TEST_F(RunnerTest, Runner_KilledUnderASubreaper_TakesTheScriptWithIt) {
  PROV_REQUIRES("root");
  auto spec = Spec("failing", CgroupBase{CgroupKind::kSubreaper, {}});
  ASSERT_TRUE(WriteFileAtomically(spec.paths.Installer() / "install.sh",
                                  "echo pid $$.\nread -t 600 <> <(:)\n", 0644));
  auto runner = StartRunner(spec, clock_);
  ASSERT_TRUE(runner);
  ASSERT_TRUE(WaitFor([&] { return Log(spec).ends_with(".\n"); }));
  const auto log = Log(spec);
  const auto reference = ReferTo(std::atoi(log.c_str() + log.find("pid ") + 4));
  ASSERT_TRUE(reference) << log;
  const auto script = OpenPid(*reference);
  ASSERT_TRUE(script);
  ASSERT_TRUE(SendSignal(runner->pidfd, SIGKILL));
  pollfd gone{script->get(), POLLIN, 0};
  EXPECT_EQ(poll(&gone, 1, 20'000), 1) << "the script outlived its runner";
  waitpid(static_cast<pid_t>(runner->reference.pid), nullptr, 0);
}

TEST_F(RunnerTest, Runner_LockThatCannotBeLookedAt_CountsAsHeld) {
  auto spec = Spec("failing", CgroupBase{CgroupKind::kSubreaper, {}});
  EXPECT_FALSE(RunnerHoldsLock(spec.paths));
  ASSERT_TRUE(WriteFileAtomically(spec.paths.Runner(), "", 0600));
  EXPECT_FALSE(RunnerHoldsLock(spec.paths));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const bool held = RunnerHoldsLock(spec.paths);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(held);
}

TEST_F(RunnerTest, Runner_SecretInManySpellings_IsNowhereInTheAttempt) {
  PROV_REQUIRES("root");
  const std::string token = "p4ss w'ord$canary";
  auto spec = Spec("secretive");
  spec.prepare = Given({{"TOKEN", token}}, {token});
  const auto record = Run(spec);
  EXPECT_EQ(record.exit_code, 0);
  const auto log = Log(spec);
  for (const auto& spelling : Spellings(token)) EXPECT_EQ(log.find(spelling), log.npos) << spelling;
  EXPECT_NE(log.find("plain [masked]\nsplit [masked]\n"), log.npos) << log;
  EXPECT_NE(log.find("::warning the token [masked] is weak\n"), log.npos);
  EXPECT_EQ(ReadFile(spec.paths.Exit(), 1 << 20)->find("canary"), std::string::npos);
}

TEST_F(RunnerTest, Runner_ChildThatHoldsStdout_EndsSoonAndIsListed) {
  PROV_REQUIRES("root");
  auto spec = Spec("holding");
  spec.stdout_grace = Millis{200};
  const auto began = clock_.Steady();
  const auto record = Run(spec);
  EXPECT_LT(clock_.Steady() - began, Seconds{10});
  EXPECT_EQ(record.exit_code, 0);
  ASSERT_EQ(record.left_running.size(), 1u);
  EXPECT_EQ(record.left_running[0].comm, "sleep");
  EXPECT_TRUE(Contained(spec).KillAll(clock_, Seconds{5}));
  Contained(spec).Remove();
}

TEST_F(RunnerTest, Runner_ScriptThatCannotStart_IsRecordedAsNotStarted) {
  PROV_REQUIRES("root");
  auto spec = Spec("failing");
  spec.cgroup.directory = directory_.path() / "no-such-hierarchy";
  const auto record = Run(spec);
  EXPECT_EQ(record.ending, Ending::kNotStarted);
  EXPECT_TRUE(record.reason);
}

TEST_F(RunnerTest, Runner_InputsThatCannotBePrepared_NothingIsStarted) {
  PROV_REQUIRES("root");
  auto spec = Spec("failing");
  spec.prepare = [](const Path&) -> Result<ScriptInputs> {
    return Error{ErrorCode::kPermissionDenied, "the sealed input `token` is another's", {}};
  };
  const auto record = Run(spec);
  EXPECT_EQ(record.ending, Ending::kNotStarted);
  EXPECT_EQ(record.reason, "the sealed input `token` is another's");
  EXPECT_EQ(Log(spec), "");
}

TEST_F(RunnerTest, Runner_SecretFiles_AreThereForTheScriptAndGoneAfterwards) {
  PROV_REQUIRES("root");
  auto spec = Spec("failing");
  ASSERT_TRUE(WriteFileAtomically(spec.paths.Installer() / "install.sh",
                                  "stat -c %a \"$TOKEN_FILE\"; wc -c <\"$TOKEN_FILE\"\n", 0644));
  spec.prepare = [](const Path& directory) -> Result<ScriptInputs> {
    ScriptInputs inputs =
        *Given({{"TOKEN_FILE", (directory / "token").string()}}, {"long-secret"})({});
    inputs.environment.secret_files = {{(directory / "token").string(), "long-secret"}};
    return inputs;
  };
  const auto record = Run(spec);
  EXPECT_EQ(record.exit_code, 0) << record.reason.value_or("");
  EXPECT_EQ(Log(spec), "600\n11\n");
  EXPECT_FALSE(fs::exists(spec.paths.directory / "secrets"));
}

}  // namespace
}  // namespace prov::exec
