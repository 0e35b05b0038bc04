#include "exec/runner_pool.hpp"

#include <array>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/encoding.hpp"
#include "base/json.hpp"

namespace prov::exec {
namespace {

constexpr Seconds kIdleFor{10};
constexpr int kLock = 3;    // in the runner
constexpr int kSocket = 4;  // in the runner
constexpr std::size_t kMaxMessage = 128 * 1024;

// What a runner that exists is told of its next attempt; the rest it knows from the one before.
struct NextAttempt {
  Uuid job;
  std::uint32_t attempt = 1;
  std::uint32_t continuation = 0;
  std::string directory;
  std::string log;
  std::string script;
  std::map<std::string, std::string> environment;
  std::int64_t timeout_seconds = 0;
  bool may_reboot = false;
  std::uint64_t log_dropped_bytes = 0;
  job::ResourceLimits limits;
  std::vector<DeclaredOutput> outputs;
  std::vector<std::string> services;
};
BOOST_DESCRIBE_STRUCT(NextAttempt, (),
                      (job, attempt, continuation, directory, log, script, environment,
                       timeout_seconds, may_reboot, log_dropped_bytes, limits, outputs, services))

NextAttempt MessageOf(const AttemptSpec& spec) {
  return {spec.id.job,
          spec.id.attempt,
          spec.id.continuation,
          spec.paths.directory.string(),
          spec.paths.log.string(),
          spec.script,
          spec.inputs->environment.variables,
          spec.timeout.count(),
          spec.may_reboot,
          spec.log_dropped_bytes,
          spec.limits,
          spec.outputs,
          spec.services};
}

AttemptSpec SpecOf(NextAttempt next, const AttemptSpec& before) {
  AttemptSpec spec;
  spec.id = {next.job, next.attempt, next.continuation};
  spec.paths = {next.directory, next.log};
  spec.script = std::move(next.script);
  spec.inputs = ScriptInputs{{std::move(next.environment), {}}, {}};
  spec.timeout = Seconds{next.timeout_seconds};
  spec.may_reboot = next.may_reboot;
  spec.log_dropped_bytes = next.log_dropped_bytes;
  spec.limits = next.limits;
  spec.outputs = std::move(next.outputs);
  spec.services = std::move(next.services);
  spec.cgroup = before.cgroup;
  return spec;
}

bool IsPlain(const AttemptSpec& spec) {
  return spec.inputs && spec.inputs->secrets.empty() &&
         spec.inputs->environment.secret_files.empty();
}

// Whether the runner may be used for another attempt.
bool LeftNothing(const AttemptSpec& spec, const ExitRecord& record) {
  const auto sensitive = [](const job::Output& output) { return output.sensitive; };
  return IsPlain(spec) && spec.cgroup.kind != CgroupKind::kSubreaper &&
         record.ending == Ending::kExited && record.left_running.empty() && !record.reason &&
         std::ranges::none_of(record.outputs, sensitive);
}

union Control {
  cmsghdr header;
  std::array<char, CMSG_SPACE(sizeof(int))> bytes;
};

bool SendNext(int socket, const std::string& text, int lock) {
  iovec piece{const_cast<char*>(text.data()), text.size()};
  Control control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  auto* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof lock);
  std::memcpy(CMSG_DATA(header), &lock, sizeof lock);
  return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) ==
         static_cast<ssize_t>(text.size());
}

// Waits for what comes next, with its lock at kLock. False when nobody is there any more.
bool ReceiveNext(std::string& text) {
  text.resize(kMaxMessage);
  iovec piece{text.data(), text.size()};
  Control control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  ssize_t got;
  do got = recvmsg(kSocket, &message, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  const auto* const header = CMSG_FIRSTHDR(&message);
  if (got <= 0 || header == nullptr || header->cmsg_type != SCM_RIGHTS) return false;
  int lock = -1;
  std::memcpy(&lock, CMSG_DATA(header), sizeof lock);
  if (lock != kLock) {
    dup3(lock, kLock, O_CLOEXEC);
    close(lock);
  }
  text.resize(static_cast<std::size_t>(got));
  return true;
}

Result<UniqueFd> LockAttempt(const AttemptPaths& paths) {
  UniqueFd lock(open(paths.Runner().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock || flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return ErrnoError("cannot lock the attempt for its runner");
  return lock;
}

// The life of a runner: the attempt it was forked for, and those that come after it.
int RunAttempts(AttemptSpec spec, const Clock& clock, const Status& entered, pid_t follower) {
  for (std::string text;;) {
    const auto record = RunFollowedAttempt(spec, clock, entered, follower);
    if (!record) return 1;
    if (!LeftNothing(spec, *record)) return 0;
    close(kLock);
    if (send(kSocket, "", 1, MSG_NOSIGNAL) != 1 || !ReceiveNext(text)) return 0;
    auto next = json::Parse<NextAttempt>(text);
    if (!next) return 1;
    spec = SpecOf(std::move(*next), spec);
  }
}

void Place(int from, int at) {
  if (from == at)
    fcntl(at, F_SETFD, FD_CLOEXEC);
  else
    dup3(from, at, O_CLOEXEC);
}

// `socket` is the runner's end; -1 where it is for this attempt alone.
Result<Runner> Fork(const AttemptSpec& spec, const Clock& clock, const UniqueFd& lock,
                    const UniqueFd& socket) {
  sigset_t term;
  sigset_t before;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  sigprocmask(SIG_BLOCK, &term, &before);
  const pid_t starter = getpid();
  const pid_t pid = fork();
  const int failed = errno;
  if (pid == 0) {
    setsid();
    const auto entered = EnterNetwork(spec.network_namespace);  // its descriptor goes below
    // Out of the way first: each may stand where the other is to be.
    const int held = fcntl(lock.get(), F_DUPFD_CLOEXEC, kSocket + 1);
    if (socket) Place(socket.get(), kSocket);
    Place(held, kLock);
    syscall(SYS_close_range, (socket ? kSocket : kLock) + 1u, ~0u, 0u);
    prctl(PR_SET_NAME, "prov-runner");
    if (socket) _exit(RunAttempts(spec, clock, entered, starter));
    _exit(RunFollowedAttempt(spec, clock, entered, starter) ? 0 : 1);
  }
  sigprocmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return ErrnoError("cannot fork a runner", failed);
  PROV_TRY(auto reference, ReferTo(pid));
  // Not reaped yet, so the number is still its own.
  UniqueFd held(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!held) return ErrnoError("cannot hold the runner");
  return Runner{std::move(reference), std::move(held), {}};
}

}  // namespace

Result<Runner> StartRunner(const AttemptSpec& spec, const Clock& clock) {
  PROV_TRY(const auto lock, LockAttempt(spec.paths));
  return Fork(spec, clock, lock, UniqueFd());
}

Result<Runner> RunnerPool::Start(const AttemptSpec& spec, const Clock& clock) {
  if (!IsPlain(spec)) return StartRunner(spec, clock);
  PROV_TRY(const auto lock, LockAttempt(spec.paths));
  const auto text = json::Write(MessageOf(spec));
  while (!idle_.empty() && text.size() < kMaxMessage && IsUtf8(text)) {
    auto runner = std::move(idle_.back().runner);
    idle_.pop_back();
    if (SendNext(runner.socket.get(), text, lock.get())) return runner;
    leaving_.push_back(static_cast<pid_t>(runner.reference.pid));
  }
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return ErrnoError("cannot make a socket for a runner");
  UniqueFd mine(ends[0]);
  const UniqueFd theirs(ends[1]);
  PROV_TRY(auto runner, Fork(spec, clock, lock, theirs));
  runner.socket = std::move(mine);
  return runner;
}

void RunnerPool::Ended(Runner runner, const Clock& clock) {
  char byte = 0;
  if (runner.socket && recv(runner.socket.get(), &byte, 1, MSG_DONTWAIT) == 1)
    return idle_.push_back({std::move(runner), clock.Steady()});
  if (runner.reference.pid > 0) leaving_.push_back(static_cast<pid_t>(runner.reference.pid));
  Tidy(clock);
}

void RunnerPool::Tidy(const Clock& clock) {
  std::erase_if(idle_, [&](Idle& idle) {
    if (clock.Steady() - idle.since < kIdleFor) return false;
    leaving_.push_back(static_cast<pid_t>(idle.runner.reference.pid));
    return true;  // its socket goes, and that is its sign
  });
  std::erase_if(leaving_, [](pid_t pid) { return waitpid(pid, nullptr, WNOHANG) != 0; });
}

}  // namespace prov::exec
