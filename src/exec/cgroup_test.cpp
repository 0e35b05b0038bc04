// What is read of a cgroup, and what follows where it cannot be read. Directories stand for cgroups
// where the kernel would not do what a test needs.
#include "exec/cgroup.hpp"

#include <csignal>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "support/requires.hpp"
#include "support/temporary_directory.hpp"

namespace prov::exec {
namespace {

class CgroupTest : public ::testing::Test {
 protected:
  Cgroup Adopted(const std::string& kind) {
    return *Cgroup::Adopt({kind, directory_.path().string(), *ReferTo(getpid()), {}});
  }
  void Write(const std::string& file, const std::string& text) {
    ASSERT_TRUE(WriteFileAtomically(directory_.path() / file, text, 0600));
  }
  std::string Read(const std::string& file) { return *ReadFile(directory_.path() / file, 1000); }
  pid_t StartSleeper() {
    const pid_t child = fork();
    if (child == 0) {
      pause();
      _exit(0);
    }
    sleepers_.push_back(child);
    return child;
  }
  void TearDown() override {
    for (const pid_t each : sleepers_) {
      kill(each, SIGKILL);
      waitpid(each, nullptr, 0);
    }
  }

  SystemClock clock_;
  test::TemporaryDirectory directory_;
  std::vector<pid_t> sleepers_;
};

// A job whose processes could not be listed counted as ended, and the next began beside it.
TEST_F(CgroupTest, WithoutADescriptorLeft_IsPopulated) {
  Write("cgroup.procs", "");
  Write("cgroup.events", "populated 0\nfrozen 0\n");
  (void)ErrnoError("", EMFILE);  // a sanitizer needs a descriptor to look at it the first time
  for (const std::string kind : {"cgroup2", "cgroup1", "subreaper"}) {
    const auto cgroup = Adopted(kind);
    EXPECT_FALSE(cgroup.Populated()) << kind;
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit none{0, before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    const bool populated = cgroup.Populated();
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_TRUE(populated) << kind;
  }
}

TEST_F(CgroupTest, WithMoreProcessesThanAreRead_IsPopulated) {
  std::string procs;
  while (procs.size() < std::size_t{9} << 20) procs += "4194304\n";
  Write("cgroup.procs", procs);
  EXPECT_TRUE(Adopted("cgroup1").Populated());
}

TEST_F(CgroupTest, ThatIsGone_IsNotPopulated) {
  std::filesystem::remove_all(directory_.path());
  for (const std::string kind : {"cgroup2", "cgroup1"}) {
    EXPECT_FALSE(Adopted(kind).Populated()) << kind;
    EXPECT_TRUE(Adopted(kind).KillAll(clock_, Millis{0})) << kind;
  }
}

TEST_F(CgroupTest, KillAll_KillsBeforeItAsks) {
  Write("cgroup.procs", "");
  Write("cgroup.kill", "");
  Write("cgroup.events", "populated 0\nfrozen 0\n");
  EXPECT_TRUE(Adopted("cgroup2").KillAll(clock_, Millis{0}));
  EXPECT_EQ(Read("cgroup.kill"), "1");
}

// As when one that was listed has ended, and its number is another's by now.
TEST_F(CgroupTest, AProcessThatIsListedAndNotInIt_IsNotSignalled) {
  sigset_t held;
  sigset_t before;
  sigemptyset(&held);
  sigaddset(&held, SIGUSR1);
  sigprocmask(SIG_BLOCK, &held, &before);
  const auto stranger = StartSleeper();
  sigprocmask(SIG_SETMASK, &before, nullptr);
  Write("cgroup.procs", std::to_string(stranger) + "\n");
  for (const std::string kind : {"cgroup2", "cgroup1"}) {
    Adopted(kind).Signal(SIGUSR1);
    const auto status = *ReadFile("/proc/" + std::to_string(stranger) + "/status", 8192);
    EXPECT_NE(status.find("ShdPnd:\t0000000000000000\n"), status.npos) << kind << "\n" << status;
  }
}

TEST_F(CgroupTest, Signal_ReachesEveryProcessAlsoBelow) {
  PROV_REQUIRES("root");
  std::vector<CgroupBase> bases{*DetectCgroup(false)};
  if (access("/sys/fs/cgroup/freezer/cgroup.procs", W_OK) == 0)
    bases.push_back({CgroupKind::kV1, "/sys/fs/cgroup/freezer"});
  for (const auto& base : bases) {
    const auto cgroup = Cgroup::Create(base, "provisioning-test-" + std::to_string(getpid()));
    ASSERT_TRUE(cgroup) << cgroup.error().ToString();
    const auto below = cgroup->directory() / "below";
    ASSERT_EQ(mkdir(below.c_str(), 0755), 0);
    for (int i = 0; i < 4; ++i) {
      const auto where = i == 3 ? below : cgroup->directory();
      const auto pid = std::to_string(StartSleeper());
      const UniqueFd procs(open((where / "cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
      ASSERT_TRUE(WriteAll(procs.get(), pid));
    }
    EXPECT_TRUE(cgroup->Populated());
    cgroup->Signal(SIGTERM);
    for (const pid_t each : std::exchange(sleepers_, {})) {
      int status = 0;
      EXPECT_EQ(waitpid(each, &status, 0), each);
      EXPECT_EQ(WTERMSIG(status), SIGTERM) << ContainmentName(base.kind);
    }
    EXPECT_FALSE(cgroup->Populated());
    cgroup->Remove();
    EXPECT_FALSE(std::filesystem::exists(cgroup->directory()));
  }
}

}  // namespace
}  // namespace prov::exec
