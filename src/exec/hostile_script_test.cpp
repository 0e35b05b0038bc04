// Scripts that try to keep the platform from knowing how they ended.
#include <fcntl.h>
#include <sys/wait.h>

#include <gtest/gtest.h>

#include "exec/runner_pool.hpp"
#include "job/limits.hpp"
#include "support/requires.hpp"
#include "support/temporary_directory.hpp"

namespace prov::exec {
namespace {

class HostileScript : public ::testing::Test {
 protected:
  ExitRecord Run(const std::string& script, std::vector<DeclaredOutput> outputs = {},
                 std::vector<std::string> secrets = {}) {
    SystemRandom random;
    AttemptSpec spec;
    spec.id.job = Uuid::MakeV7(clock_, random);
    spec.paths = *MakeAttempt({directory_.path()}, spec.id);
    std::filesystem::create_directory(spec.paths.Installer());
    EXPECT_TRUE(WriteFileAtomically(spec.paths.Installer() / "install.sh", script, 0644));
    paths_ = spec.paths;
    spec.script = "install.sh";
    spec.outputs = std::move(outputs);
    spec.prepare = [=](const Path&) -> Result<ScriptInputs> {
      return ScriptInputs{{{{"PATH", "/usr/bin:/bin"}}, {}}, secrets};
    };
    spec.cgroup = *DetectCgroup(true);
    spec.grace = Millis{100};
    auto runner = StartRunner(spec, clock_);
    EXPECT_TRUE(runner);
    waitpid(static_cast<pid_t>(runner->reference.pid), nullptr, 0);
    const auto containment = ReadContainment(spec.paths);
    if (containment && *containment) {
      const auto cgroup = Cgroup::Adopt(**containment);
      (void)cgroup->KillAll(clock_, Seconds{5});
      cgroup->Remove();
    }
    auto record = ReadExit(spec.paths);
    EXPECT_TRUE(record) << record.error().ToString();
    EXPECT_TRUE(record && *record) << "nobody knows how it ended";
    return record && *record ? **record : ExitRecord{};
  }

  // What reached the log of the last one.
  std::string Log() const {
    std::string text;
    const auto bytes = ReadFile(paths_.Log(), std::size_t{1} << 20);
    if (!bytes) return text;
    for (const auto& frame : ParseFrames(*bytes).frames) text += frame.bytes;
    return text;
  }

  SystemClock clock_;
  test::TemporaryDirectory directory_;
  AttemptPaths paths_;
};

TEST_F(HostileScript, OutputsThatDoNotFitTheExitRecord_ItsEndIsRecordedAllTheSame) {
  PROV_REQUIRES("root");
  std::vector<DeclaredOutput> outputs;
  for (int i = 0; i < 20; ++i) outputs.push_back({"out" + std::to_string(i), "Label", false});
  const auto record = Run(
      "for i in {0..19}; do printf '::output out%d=' $i; head -c 4000 /dev/zero | tr '\\0' '\\1'; "
      "echo; done\nexit 3\n",
      outputs);
  EXPECT_EQ(record.ending, Ending::kExited);
  EXPECT_EQ(record.exit_code, 3);
  EXPECT_TRUE(record.outputs.empty());
}

TEST_F(HostileScript, MoreOutputsThanAJobMayHave_AreLeftOutAndTheLogSaysSo) {
  PROV_REQUIRES("root");
  std::vector<DeclaredOutput> outputs;
  for (std::size_t i = 0; i <= job::kMostOutputs; ++i)
    outputs.push_back({"out" + std::to_string(i), "Label", i == 0});
  const auto record =
      Run("for i in {0..100}; do echo \"::output out$i=value\"; done\n"
          "echo ::output out99=another\n",
          outputs);
  EXPECT_EQ(record.exit_code, 0);
  ASSERT_EQ(record.outputs.size(), job::kMostOutputs);
  EXPECT_EQ(record.outputs.back().name, "out99");
  EXPECT_EQ(record.outputs.back().value, "another");
  EXPECT_NE(Log().find("::warning The output out100 was left out: a job has at most 100."),
            std::string::npos)
      << Log();
}

TEST_F(HostileScript, ADaemonWithANameThatIsNoText_IsListedAndTheRecordReadable) {
  PROV_REQUIRES("root");
  const auto record =
      Run("(printf '\\xff\\xfe\\n' >/proc/self/comm; printf '\\xff\\xfe' >/proc/$BASHPID/comm; "
          "read -t 300 <> <(:)) </dev/null >/dev/null 2>&1 &\n"
          "while [ \"$(cat /proc/$!/comm)\" = bash ]; do :; done\nexit 0\n");
  EXPECT_EQ(record.exit_code, 0);
  EXPECT_FALSE(record.left_running.empty());
}

TEST_F(HostileScript, ASecretWhereAWarningIsCut_IsMaskedAllTheSame) {
  PROV_REQUIRES("root");
  const auto record =
      Run("printf '::warning %0492d' 0; echo secret-canary\n", {}, {"secret-canary"});
  EXPECT_EQ(record.exit_code, 0);
  EXPECT_EQ(Log().find("secret"), std::string::npos);
}

TEST_F(HostileScript, ASensitiveOutputOfAnyLength_IsNotInTheLog) {
  PROV_REQUIRES("root");
  for (const char* bytes : {"70000", "300000"}) {
    const auto record = Run(std::string("printf '::output key='; head -c ") + bytes +
                                " /dev/zero | tr '\\0' k; echo; echo behind\n",
                            {{"key", "Key", true}});
    EXPECT_EQ(record.exit_code, 0);
    EXPECT_EQ(Log().find("kk"), std::string::npos) << bytes;
    EXPECT_NE(Log().find("behind"), std::string::npos) << bytes;
    EXPECT_EQ(Log().find("too long") != std::string::npos, bytes == std::string_view("300000"));
  }
}

TEST_F(HostileScript, OutputsWithoutEnd_CostNoMoreThanTheirLines) {
  PROV_REQUIRES("root");
  const auto record =
      Run("for ((i = 0; i < 5000; ++i)); do echo \"::output key=value-number-$i\"; "
          "echo \"::output undeclared=$i\"; done; echo 'value-number-7 is masked'\n",
          {{"key", "Key", true}});
  EXPECT_EQ(record.exit_code, 0);
  EXPECT_NE(Log().find("[masked] is masked"), std::string::npos);
  EXPECT_EQ(Log().find("key="), std::string::npos);
}

TEST_F(HostileScript, AnUndeclaredOutput_IsWarnedOfInTheLogAndMasked) {
  PROV_REQUIRES("root");
  Run("echo ::output secret_canary=1\n", {}, {"secret_canary"});
  EXPECT_NE(Log().find("::warning The script printed the output [masked], which"),
            std::string::npos)
      << Log();
}

TEST_F(HostileScript, TheAgentsProtectionFromTheOomKiller_IsNotTheJobs) {
  PROV_REQUIRES("root");
  const auto adjust = [](std::string_view value) {
    const UniqueFd fd(open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
    return WriteAll(fd.get(), value).has_value();
  };
  const auto before = *ReadFile("/proc/self/oom_score_adj", 16);
  // Raising it is everybody's right, and back to 0 too; lowering it below may be refused here.
  ASSERT_TRUE(adjust("300"));
  Run("echo score $(</proc/self/oom_score_adj)\n");
  EXPECT_TRUE(adjust(before));
  EXPECT_NE(Log().find("score 0\n"), std::string::npos) << Log();
}

}  // namespace
}  // namespace prov::exec
