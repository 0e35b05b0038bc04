#include "agent/executor/terminal.hpp"

#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <poll.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace prov::agent {
namespace {

class Terminal : public ::testing::Test {
 protected:
  void SetUp() override {
    person_ = UniqueFd(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
    ASSERT_TRUE(person_) << strerror(errno);
    ASSERT_EQ(grantpt(person_.get()), 0);
    ASSERT_EQ(unlockpt(person_.get()), 0);
    char name[64];
    ASSERT_EQ(ptsname_r(person_.get(), name, sizeof name), 0);
    terminal_ = UniqueFd(open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
    ASSERT_TRUE(terminal_) << strerror(errno);
  }
  // What a process did that has the terminal for its own, as one that a shell has started.
  int InAShell(const std::function<int()>& act) const {
    const pid_t shell = fork();
    if (shell == 0) {
      setsid();
      ioctl(terminal_.get(), TIOCSCTTY, 0);
      for (int fd = 0; fd <= 2; ++fd) dup2(terminal_.get(), fd);
      const pid_t started = fork();
      if (started == 0) _exit(act());
      _exit(Ended(started));
    }
    return Ended(shell);
  }
  static int Ended(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  }
  // A line.
  std::string Shown() const {
    std::string line;
    pollfd ready{person_.get(), POLLIN, 0};
    while (!line.ends_with('\n') && poll(&ready, 1, 10'000) > 0) {
      char byte = 0;
      if (read(person_.get(), &byte, 1) == 1) line += byte;
    }
    return line;
  }

  UniqueFd person_;  // whoever sits before it
  UniqueFd terminal_;
};

TEST_F(Terminal, LeftForGood_NothingOfItIsHeld) {
  ASSERT_EQ(InAShell([] { return open("/dev/tty", O_RDWR) >= 0 ? 0 : 1; }), 0);
  EXPECT_EQ(InAShell([] {
              if (!LeaveTerminal(-1)) return 1;
              for (int fd = 0; fd <= 2; ++fd)
                if (isatty(fd) != 0 || fcntl(fd, F_GETFD) < 0) return 2;
              return open("/dev/tty", O_RDWR) < 0 && getsid(0) == getpid() ? 0 : 3;
            }),
            0);
}

TEST_F(Terminal, WhatIsSaid_IsShownAsLettersAlone) {
  TerminalRelay relay(terminal_.get());
  ASSERT_GE(relay.says(), 0);
  ASSERT_TRUE(WriteAll(relay.says(), "\x1b]0;x\x07 no\xc2\x9bm\x7f\n"));
  relay.Pass();
  EXPECT_EQ(Shown(), "?]0;x? no??m?\r\n");
}

TEST_F(Terminal, Stopped_StopsNobody) {
  TerminalRelay relay(terminal_.get());
  ASSERT_EQ(tcflow(terminal_.get(), TCOOFF), 0);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(WriteAll(relay.says(), std::string(4096, 'x')));
    relay.Pass();
  }
  ASSERT_EQ(tcflow(terminal_.get(), TCOON), 0);
  EXPECT_FALSE(fcntl(terminal_.get(), F_GETFL) & O_NONBLOCK) << "the shell's own waits as before";
}

TEST_F(Terminal, WhatIsNone_IsHandedOn) {
  const UniqueFd file(open("/dev/null", O_WRONLY | O_CLOEXEC));
  const TerminalRelay relay(file.get());
  EXPECT_EQ(relay.says(), -1);
  EXPECT_EQ(relay.fd(), -1);
}

}  // namespace
}  // namespace prov::agent
