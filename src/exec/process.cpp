#include "exec/process.hpp"

#include <csignal>
#include <fcntl.h>
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/pidref.hpp"

namespace prov::exec {
namespace {

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Result<Pipe> MakePipe(int flags) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | flags) != 0) return ErrnoError("cannot make a pipe");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// What the child needs, prepared before clone3.
struct ChildPlan {
  char* const* arguments;
  char* const* environment;
  const char* directory;
  int null;
  int out;
  int err;
  int gate;    // a byte comes when the child is contained; -1 when it was born so
  int opener;  // the other end of the gate, which only the parent may hold
  int report;  // an errno goes here when exec fails; closed by exec
  bool dies_with_starter;
};

[[noreturn]] void Fail(int report) {
  const int number = errno;
  (void)!write(report, &number, sizeof number);
  _exit(127);
}

// The agent may be protected from the kernel's out-of-memory killer (its unit says so); what a job
// starts is as any other process. Where that cannot be written it was never lowered either.
void AllowOomKill() {
  const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  (void)!write(fd, "0", 1);
  close(fd);
}

// Only async-signal-safe calls: the parent's heap may be in any state.
[[noreturn]] void RunChild(const ChildPlan& plan) {
  // Before the gate, which a starter that is dead by now never opens.
  if (plan.dies_with_starter && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) Fail(plan.report);
  if (plan.gate >= 0) {
    char go = 0;
    close(plan.opener);  // or a parent that dies now would leave the child here for ever
    if (read(plan.gate, &go, 1) != 1) _exit(127);
  }
  setsid();
  umask(022);
  AllowOomKill();
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal <= 64; ++signal)
    syscall(SYS_rt_sigaction, signal, &standard, nullptr, 8);
  if (chdir(plan.directory) != 0) Fail(plan.report);
  // The sources are above 2 (see AboveStandard), so no dup2 overwrites one still needed.
  if (dup2(plan.null, 0) < 0 || dup2(plan.out, 1) < 0 || dup2(plan.err, 2) < 0) Fail(plan.report);
  if (dup2(plan.report, 3) < 0 || fcntl(3, F_SETFD, FD_CLOEXEC) != 0) Fail(plan.report);
  syscall(SYS_close_range, 4u, ~0u, 0u);
  const std::uint64_t none = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, 8);
  execve(plan.arguments[0], plan.arguments, plan.environment);
  Fail(3);
}

Status AboveStandard(UniqueFd& fd) {
  if (fd.get() > 3) return {};
  UniqueFd moved(fcntl(fd.get(), F_DUPFD_CLOEXEC, 4));
  if (!moved) return ErrnoError("cannot move a descriptor");
  fd = std::move(moved);
  return {};
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const auto& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// As clone3, but for a child that borrows our memory, on our stack, while we wait for its exec: no
// page table is copied and no page afterwards. It must be inlined where it is called, since the
// child cannot return.
#if defined(__x86_64__)
constexpr bool kCanBorrow = true;
[[gnu::always_inline]] inline long CloneBorrowing(clone_args& args, const ChildPlan& plan) {
  long result = SYS_clone3;
  asm volatile("syscall" : "+a"(result) : "D"(&args), "S"(sizeof args) : "rcx", "r11", "memory");
  if (result == 0) RunChild(plan);
  if (result >= 0) return result;
  errno = static_cast<int>(-result);
  return -1;
}
#else
constexpr bool kCanBorrow = false;
long CloneBorrowing(clone_args&, const ChildPlan&) { return -1; }
#endif

// The child leads to RunChild with every signal blocked, so that no handler of ours runs in it. One
// that waits at the gate is opened by us, so it cannot have us wait for its exec.
Result<pid_t> Clone(int cgroup, int& pidfd, const ChildPlan& plan) {
  clone_args args{};
  args.flags = CLONE_PIDFD | (cgroup >= 0 ? CLONE_INTO_CGROUP : 0);
  args.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  args.cgroup = cgroup >= 0 ? static_cast<std::uint64_t>(cgroup) : 0;
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  long pid;
  if (kCanBorrow && plan.gate < 0) {
    args.flags |= CLONE_VM | CLONE_VFORK;
    pid = CloneBorrowing(args, plan);
  } else {
    pid = syscall(SYS_clone3, &args, sizeof args);
    if (pid == 0) RunChild(plan);
  }
  const int failed = errno;
  sigprocmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return ErrnoError("cannot start a process", failed);
  return static_cast<pid_t>(pid);
}

}  // namespace

Result<Process> StartProcess(const ProcessSpec& spec, const Cgroup& cgroup) {
  const auto arguments = Pointers(spec.arguments);
  const auto environment = Pointers(spec.environment);
  UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!null) return ErrnoError("cannot open /dev/null");
  PROV_TRY(auto out, MakePipe(0));
  PROV_TRY(auto err, MakePipe(0));
  PROV_TRY(auto gate, MakePipe(0));
  PROV_TRY(auto report, MakePipe(0));
  for (auto* fd : {&null, &out.write, &err.write, &gate.read, &report.write})
    PROV_CHECK(AboveStandard(*fd));
  UniqueFd into;
  if (cgroup.kind() == CgroupKind::kV2) {
    PROV_TRY(into, cgroup.OpenDirectory());
  }
  ChildPlan plan{
      arguments.data(),   environment.data(),    spec.directory.c_str(),      null.get(),
      out.write.get(),    err.write.get(),       into ? -1 : gate.read.get(), gate.write.get(),
      report.write.get(), spec.dies_with_starter};
  int pidfd = -1;
  PROV_TRY(const auto pid, Clone(into.get(), pidfd, plan));
  Process process{pid, UniqueFd(pidfd), std::move(out.read), std::move(err.read)};
  report.write.Reset();
  gate.read.Reset();
  if (!into) {
    const auto contained = cgroup.Add(pid);
    if (!contained) {
      SendSignal(process.pidfd, SIGKILL);  // it waits at the gate and has run nothing
      waitpid(pid, nullptr, 0);
      return contained.error();
    }
    PROV_CHECK(WriteAll(gate.write.get(), "1"));
  }
  int failed = 0;
  ssize_t got;
  do got = read(report.read.get(), &failed, sizeof failed);
  while (got < 0 && errno == EINTR);
  if (got == sizeof failed) {
    waitpid(pid, nullptr, 0);
    return ErrnoError("cannot run " + spec.arguments[0], failed);
  }
  for (const auto* fd : {&process.out, &process.err}) fcntl(fd->get(), F_SETFL, O_NONBLOCK);
  return process;
}

}  // namespace prov::exec
