#include "agent/executor/terminal.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

namespace prov::agent {

bool LeaveTerminal(int says) {
  const int null = open("/dev/null", O_RDWR);
  if (null < 0 || setsid() < 0) return false;
  if (says < 0 && isatty(STDERR_FILENO) != 0) says = null;  // rather unheard than with a terminal
  return dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0 &&
         (says < 0 || dup2(says, STDERR_FILENO) >= 0);
}

TerminalRelay::TerminalRelay(int standard_error) {
  if (isatty(standard_error) == 0) return;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return;
  said_ = UniqueFd(ends[0]);
  says_ = UniqueFd(ends[1]);
  // Opened anew, since the shell shares the other and would not wait there either.
  terminal_ = UniqueFd(open(fmt::format("/proc/self/fd/{}", standard_error).c_str(),
                            O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

void TerminalRelay::Pass() {
  std::array<char, 4096> said;
  const auto got = read(said_.get(), said.data(), said.size());
  if (got <= 0) return;
  const auto end = said.begin() + got;
  // No sequence that a terminal obeys begins with a letter.
  std::replace_if(
      said.begin(), end, [](char byte) { return byte != '\n' && (byte < ' ' || byte > '~'); }, '?');
  // In the background of a terminal that wants none of it, to write is to be stopped.
  sigset_t stop;
  sigset_t before;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTTOU);
  sigprocmask(SIG_BLOCK, &stop, &before);
  [[maybe_unused]] const auto shown =
      write(terminal_.get(), said.data(), static_cast<std::size_t>(got));
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace prov::agent
