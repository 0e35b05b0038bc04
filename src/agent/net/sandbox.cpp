#include "agent/net/sandbox.hpp"

#include <cerrno>
#include <fcntl.h>
#include <linux/landlock.h>
#include <memory>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

namespace prov::agent {
namespace {

// What the event loop, TLS, the resolver and its thread, memory and the log to standard error take.
constexpr int kAllowed[] = {
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev),
    SCMP_SYS(close), SCMP_SYS(lseek), SCMP_SYS(fcntl), SCMP_SYS(dup),
    // files, besides openat
    SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(statx),
    SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink),
    SCMP_SYS(readlinkat), SCMP_SYS(getdents64), SCMP_SYS(getcwd),
    // sockets, besides socket
    SCMP_SYS(bind), SCMP_SYS(connect), SCMP_SYS(shutdown), SCMP_SYS(getsockname),
    SCMP_SYS(getpeername), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg), SCMP_SYS(recvmmsg), SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(sendmmsg),
    // waiting
    SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select), SCMP_SYS(pselect6), SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2),
    SCMP_SYS(eventfd2), SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime),
    SCMP_SYS(timerfd_gettime), SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep), SCMP_SYS(futex),
    SCMP_SYS(restart_syscall),
    // time, randomness, itself
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time),
    SCMP_SYS(getrandom), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid),
    SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(uname), SCMP_SYS(sysinfo), SCMP_SYS(getrlimit),
    SCMP_SYS(prlimit64), SCMP_SYS(getrusage), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
    // threads and signals
    SCMP_SYS(set_robust_list), SCMP_SYS(set_tid_address), SCMP_SYS(rseq), SCMP_SYS(arch_prctl),
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
    SCMP_SYS(tgkill), SCMP_SYS(exit), SCMP_SYS(exit_group),
    // memory, besides what can be executed
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise)};

using Filter = std::unique_ptr<void, decltype(&seccomp_release)>;

Status Forbidden(int failed, std::string_view what) {
  if (failed == 0) return {};
  return ErrnoError(fmt::format("cannot limit system calls ({})", what), -failed);
}

Status LimitSystemCalls() {
  const Filter filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)), &seccomp_release);
  if (!filter) return ErrnoError("cannot limit system calls");
  for (const int call : kAllowed)
    PROV_CHECK(Forbidden(seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0), "list"));
  const auto allow = [&](int call, std::vector<scmp_arg_cmp> when) {
    return Forbidden(seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, call,
                                            static_cast<unsigned>(when.size()), when.data()),
                     "conditions");
  };
  const auto without = [](unsigned argument, std::uint64_t bits) {
    return SCMP_CMP64(argument, SCMP_CMP_MASKED_EQ, bits, 0);
  };
  constexpr std::uint64_t kWrites = O_ACCMODE | O_CREAT | O_TRUNC;
  PROV_CHECK(allow(SCMP_SYS(open), {without(1, kWrites)}));
  PROV_CHECK(allow(SCMP_SYS(openat), {without(2, kWrites)}));
  for (const int family : {AF_INET, AF_INET6}) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
      PROV_CHECK(
          allow(SCMP_SYS(socket),
                {SCMP_CMP32(0, SCMP_CMP_EQ, static_cast<std::uint32_t>(family)),
                 SCMP_CMP32(1, SCMP_CMP_MASKED_EQ, 0xff, static_cast<std::uint32_t>(type))}));
    }
  }
  // The event loop's and the resolver's. Another, of a terminal, types into it.
  for (const std::uint64_t request : {FIONBIO, FIONREAD})
    PROV_CHECK(allow(SCMP_SYS(ioctl), {SCMP_CMP64(1, SCMP_CMP_EQ, request)}));
  PROV_CHECK(allow(SCMP_SYS(mmap), {without(2, PROT_EXEC)}));
  PROV_CHECK(allow(SCMP_SYS(mprotect), {without(2, PROT_EXEC)}));
  // The resolver has a thread. What clone3 is asked for cannot be seen, and without it the C
  // library takes clone.
  PROV_CHECK(
      allow(SCMP_SYS(clone), {SCMP_CMP64(0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)}));
  PROV_CHECK(Forbidden(seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0),
                       "clone3"));
  return Forbidden(seccomp_load(filter.get()), "load");
}

// False where the kernel has none.
Result<bool> LimitFiles(const std::vector<Path>& readable) {
  const auto version =
      syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) return false;
  landlock_ruleset_attr handled{};
  handled.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;  // all of the first version
  const UniqueFd rules(
      static_cast<int>(syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0)));
  if (!rules) return ErrnoError("cannot limit files");
  for (const auto& directory : readable) {
    const UniqueFd fd(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!fd) continue;  // what is not there needs no leave
    landlock_path_beneath_attr rule{};
    rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
    rule.parent_fd = fd.get();
    if (syscall(SYS_landlock_add_rule, rules.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
      return ErrnoError("cannot limit files to " + directory.string());
  }
  if (syscall(SYS_landlock_restrict_self, rules.get(), 0) != 0)
    return ErrnoError("cannot limit files");
  return true;
}

}  // namespace

Result<bool> EnterSandbox(const std::vector<Path>& readable) {
  auto directories = readable;
  // Names: resolv.conf may be a link into the resolver's own directory.
  for (const char* each :
       {"/etc", "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager"})
    directories.emplace_back(each);
  PROV_TRY(const bool files, LimitFiles(directories));
  PROV_CHECK(LimitSystemCalls());
  return files;
}

}  // namespace prov::agent
