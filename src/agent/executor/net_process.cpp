#include "agent/executor/net_process.hpp"

#include <csignal>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace prov::agent {
namespace {

constexpr Millis kLongestPause{10'000};
constexpr Millis kLivedLong{30'000};  // after which a new end is no sign of a bad start

[[noreturn]] void BecomeNetRole(int socket, int network_namespace, int says) {
  if (network_namespace >= 0 && setns(network_namespace, CLONE_NEWNET) != 0) _exit(126);
  if (!LeaveTerminal(says)) _exit(126);
  if (socket == kChannel) {
    // dup2 onto itself would keep the close-on-exec flag.
    const int other = dup(socket);
    if (other < 0) _exit(126);
    dup2(other, kChannel);
  } else {
    dup2(socket, kChannel);
  }
  syscall(SYS_close_range, kChannel + 1u, ~0u, 0u);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  char name[] = "provisioning-agent";
  char role[] = "net-role";
  char* arguments[] = {name, role, nullptr};
  char locale[] = "LANG=C.UTF-8";
  char* environment[] = {locale, nullptr};
  execve("/proc/self/exe", arguments, environment);
  _exit(127);
}

Result<pid_t> ForkNetRole(int socket, int network_namespace, int says) {
  const pid_t pid = fork();
  if (pid < 0) return ErrnoError("cannot fork the net role");
  if (pid == 0) BecomeNetRole(socket, network_namespace, says);
  return pid;
}

}  // namespace

NetProcess::NetProcess(Hello hello, int network_namespace, const Clock& clock, Logger& logger)
    : NetProcess(
          std::move(hello),
          [this, network_namespace](int socket) {
            return ForkNetRole(socket, network_namespace, relay_.says());
          },
          clock, logger) {
  relay_ = TerminalRelay(STDERR_FILENO);
}

NetProcess::NetProcess(Hello hello, StartProcess start, const Clock& clock, Logger& logger)
    : hello_(std::move(hello)), start_(std::move(start)), clock_(clock), logger_(logger) {}

NetProcess::~NetProcess() { Stop(); }

void NetProcess::Use(Hello hello) {
  Stop();
  hello_ = std::move(hello);
  start_at_ = clock_.Steady();
}

void NetProcess::EnsureRunning() {
  if (socket_ || clock_.Steady() < start_at_) return;
  if (const auto started = Start(); !started) Ended(started.error().ToString());
}

Status NetProcess::Start() {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return ErrnoError("cannot make a socket pair");
  UniqueFd ours(pair[0]);
  const UniqueFd theirs(pair[1]);
  PROV_TRY(pid_, start_(theirs.get()));
  ++starts_;
  socket_ = std::move(ours);
  reader_ = FrameReader();
  outgoing_.clear();
  started_at_ = clock_.Steady();
  Send(hello_);
  return {};
}

void NetProcess::Send(const Message& message) {
  if (!socket_) return;
  AppendFrame(outgoing_, message);
  Flush();
}

void NetProcess::Flush() {
  while (socket_ && !outgoing_.empty()) {
    const auto sent =
        send(socket_.get(), outgoing_.data(), outgoing_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) {
      outgoing_.erase(0, static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == EINTR) {
      return;
    } else {
      return Ended("it does not read");
    }
  }
}

std::vector<Message> NetProcess::Read() {
  std::vector<Message> messages;
  std::string buffer(64 * 1024, '\0');
  const auto got = recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return messages;
  if (got <= 0) {
    Ended("it has gone");
    return messages;
  }
  reader_.Feed(std::string_view(buffer).substr(0, static_cast<std::size_t>(got)));
  for (Message message;;) {
    const auto next = reader_.Next(message);
    if (!next) {
      Ended(next.error().message);
      return {};
    }
    if (!*next) return messages;
    messages.push_back(std::move(message));
  }
}

void NetProcess::Ended(std::string_view why) {
  const auto now = clock_.Steady();
  if (now - started_at_ > kLivedLong) pause_ = Millis{200};
  Stop();
  logger_.Warning("net_process_ended", {{"reason", why}, {"restart_in_ms", pause_.count()}});
  start_at_ = now + pause_;
  pause_ = std::min(2 * pause_, kLongestPause);
}

void NetProcess::Stop() {
  socket_.Reset();
  outgoing_.clear();
  if (pid_ <= 0) return;
  // Our own child, not reaped yet, so the number is still its.
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

Millis NetProcess::UntilRestart() const {
  if (socket_) return Millis{60'000};
  return std::max(Millis{0},
                  std::chrono::duration_cast<Millis>(start_at_ - clock_.Steady()) + Millis{1});
}

}  // namespace prov::agent
