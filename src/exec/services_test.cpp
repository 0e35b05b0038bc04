#include "exec/services.hpp"

#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temporary_directory.hpp"

namespace prov::exec {
namespace {

namespace fs = std::filesystem;

TEST(Services, AUnitThatDoesNotExist_IsNamedAtTheDeadline) {
  const SystemClock clock;
  const auto missing = CheckServices({"no-such-unit-at-all"}, clock, Seconds{0});
  ASSERT_TRUE(missing);
  EXPECT_THAT(*missing, testing::HasSubstr("no-such-unit-at-all.service is not active"));
}

TEST(Services, NoServices_NothingIsMissing) {
  const SystemClock clock;
  EXPECT_FALSE(CheckServices({}, clock, Seconds{0}));
}

// A process that waits for its input and ends with the test.
class Child {
 public:
  explicit Child(std::vector<std::string> arguments) {
    int input[2];
    EXPECT_EQ(pipe2(input, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input[0], 0);
    std::vector<char*> argv;
    for (auto& each : arguments) argv.push_back(each.data());
    argv.push_back(nullptr);
    EXPECT_EQ(posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), nullptr), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(input[0]);
    input_ = UniqueFd(input[1]);
  }
  Child(const Child&) = delete;
  ~Child() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  UniqueFd input_;
};

class WithoutSystemd : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(MakeDirectories(root_.path() / "etc/systemd/system", 0755));
    fs::copy_file("/bin/cat", Daemon());
  }
  void Unit(std::string_view name, std::string_view service) {
    ASSERT_TRUE(WriteFileAtomically(root_.path() / "etc/systemd/system" / name,
                                    fmt::format("[Service]\n{}\n", service), 0644));
  }
  void Script(const Path& path, std::string_view first_line) {
    ASSERT_TRUE(WriteFileAtomically(path, fmt::format("{}\nread line\n", first_line), 0755));
  }
  // As if it had been written that many seconds from now.
  void WritePidFile(const Path& path, pid_t pid, time_t seconds) {
    ASSERT_TRUE(WriteFileAtomically(path, fmt::format("{}\n", pid), 0644));
    const timespec now{.tv_sec = time(nullptr) + seconds, .tv_nsec = 0};
    const timespec times[] = {now, now};
    ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }
  bool Runs(const std::string& unit) { return RunsWithoutSystemd(unit, root_.path()); }
  // A process that was just started has no arguments to read yet, and env is another program for a
  // moment.
  bool RunsSoon(const std::string& unit) {
    const auto deadline = std::chrono::steady_clock::now() + Seconds{10};
    while (!Runs(unit)) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }
  Path Daemon() const { return root_.path() / "a daemon"; }

  test::TemporaryDirectory root_;
};

TEST_F(WithoutSystemd, AProcessOfTheProgram_IsAsked) {
  Unit("d.service", fmt::format("ExecStart=-\"{}\" -x", Daemon().string()));
  EXPECT_FALSE(Runs("d.service"));
  const Child child({Daemon()});
  EXPECT_TRUE(RunsSoon("d.service"));
}

TEST_F(WithoutSystemd, AProgramReplacedByAnUpgrade_StillRuns) {
  Unit("d.service", fmt::format("ExecStart=\"{}\"", Daemon().string()));
  const Child child({Daemon()});
  fs::remove(Daemon());
  fs::copy_file("/bin/cat", Daemon());
  EXPECT_TRUE(RunsSoon("d.service"));
}

TEST_F(WithoutSystemd, AScript_IsWhatItsInterpreterWasGiven) {
  const auto script = root_.path() / "script";
  for (const char* first_line : {"#!/bin/sh", "#!/bin/sh -e", "#!/usr/bin/env -S sh -e"}) {
    Script(script, first_line);
    Unit("s.service", fmt::format("ExecStart={}", script.string()));
    EXPECT_FALSE(Runs("s.service")) << first_line;
    const Child child({script});
    EXPECT_TRUE(RunsSoon("s.service")) << first_line;
  }
  Script(root_.path() / "other", "#!/bin/sh");
  const Child other({root_.path() / "other"});
  EXPECT_FALSE(Runs("s.service")) << "the same interpreter with another script";
}

TEST_F(WithoutSystemd, AProgramWithoutADirectory_IsLookedFor) {
  Unit("d.service", "ExecStart=cat");
  const Child child({"/bin/cat"});
  EXPECT_TRUE(RunsSoon("d.service"));
}

TEST_F(WithoutSystemd, AnInstance_IsItsTemplates) {
  Unit("d@.service", fmt::format("ExecStart={}/%i", root_.path().string()));
  fs::rename(Daemon(), root_.path() / "one");
  const Child child({root_.path() / "one"});
  EXPECT_TRUE(RunsSoon("d@one.service"));
  EXPECT_FALSE(Runs("d@two.service"));
}

TEST_F(WithoutSystemd, AProgramThatHandsOver_IsFoundByItsPidFile) {
  const auto file = root_.path() / "pid";
  Unit("d.service", fmt::format("ExecStart=/bin/true\nPIDFile={}", file.string()));
  EXPECT_FALSE(Runs("d.service")) << "no file";
  const Child child({Daemon()});
  WritePidFile(file, child.pid(), 0);
  EXPECT_TRUE(RunsSoon("d.service"));
}

TEST_F(WithoutSystemd, AStalePidFileThatNamesAStranger_IsNotBelieved) {
  const auto file = root_.path() / "pid";
  Unit("d.service", fmt::format("ExecStart=/bin/true\nPIDFile={}", file.string()));
  const Child stranger({Daemon()});
  WritePidFile(file, stranger.pid(), -60);
  EXPECT_FALSE(Runs("d.service"));
}

TEST_F(WithoutSystemd, WhatOnlySystemdRunsOrDoesNotStay_IsNotAsked) {
  EXPECT_TRUE(Runs("d.timer"));
  EXPECT_TRUE(Runs("d.socket"));
  Unit("once.service", "Type=oneshot\nExecStart=/bin/true");
  EXPECT_TRUE(Runs("once.service"));
}

TEST_F(WithoutSystemd, AUnitThatDoesNotExist_DoesNotRun) { EXPECT_FALSE(Runs("d.service")); }

}  // namespace
}  // namespace prov::exec
