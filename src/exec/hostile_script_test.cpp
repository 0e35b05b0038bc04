// Scripts that try to keep the platform from knowing how they ended.
#include <sys/wait.h>

#include <gtest/gtest.h>

#include "exec/runner.hpp"
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

  SystemClock clock_;
  test::TemporaryDirectory directory_;
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
  ASSERT_EQ(record.warnings.size(), 1u);
  EXPECT_EQ(record.warnings[0].find("secret"), std::string::npos);
}

}  // namespace
}  // namespace prov::exec
