// What a process can do that has entered the sandbox of the net role, each in a child of its own.
#include "agent/net/sandbox.hpp"

#include <arpa/inet.h>
#include <csignal>
#include <fcntl.h>
#include <functional>
#include <netdb.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "support/temporary_directory.hpp"

namespace prov::agent {
namespace {

constexpr int kNoSandbox = 100;

// errno of what was tried in there, 0 where it went well; kNoSandbox where it could not be entered.
int Tried(const std::vector<Path>& readable, const std::function<bool()>& attempt) {
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (!EnterSandbox(readable)) _exit(kNoSandbox);
    errno = 0;
    _exit(attempt() ? 0 : errno);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool Opens(const Path& file, int flags) { return open(file.c_str(), flags, 0600) >= 0; }

TEST(Sandbox, WhatAnIntruderWouldWant_IsRefused) {
  const test::TemporaryDirectory directory;
  const auto file = directory.path() / "file";
  ASSERT_TRUE(WriteFileAtomically(file, "text", 0600));
  const std::vector<Path> readable{directory.path()};
  struct Row {
    const char* what;
    std::function<bool()> attempt;
  };
  const Row rows[] = {
      {"start a program",
       [] {
         char name[] = "/bin/true";
         char* arguments[] = {name, nullptr};
         return execv(name, arguments) == 0;
       }},
      {"fork", [] { return syscall(SYS_fork) >= 0; }},
      {"clone a process", [] { return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) >= 0; }},
      {"write a file", [&] { return Opens(file, O_WRONLY); }},
      {"read and write a file", [&] { return Opens(file, O_RDWR); }},
      {"make a file", [&] { return Opens(directory.path() / "new", O_RDONLY | O_CREAT); }},
      {"cut a file", [&] { return Opens(file, O_RDONLY | O_TRUNC); }},
      {"remove a file", [&] { return unlink(file.c_str()) == 0; }},
      {"make a directory", [&] { return mkdir((directory.path() / "d").c_str(), 0700) == 0; }},
      {"a socket to local services", [] { return socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }},
      {"a socket to the kernel", [] { return socket(AF_NETLINK, SOCK_RAW, 0) >= 0; }},
      {"a raw socket", [] { return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0; }},
      {"listen",
       [] {
         const int fd = socket(AF_INET, SOCK_STREAM, 0);
         return listen(fd, 1) == 0;
       }},
      {"trace", [] { return ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0; }},
      {"signal another process", [] { return kill(getppid(), 0) == 0; }},
      {"memory that can be executed",
       [] {
         return mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
                MAP_FAILED;
       }},
      {"mount", [] { return syscall(SYS_mount, "none", "/mnt", "tmpfs", 0, nullptr) == 0; }},
      {"a namespace", [] { return syscall(SYS_unshare, CLONE_NEWUSER) == 0; }},
      {"io_uring", [] { return syscall(SYS_io_uring_setup, 1, nullptr) >= 0; }},
      {"type into a terminal",
       [] {
         char typed = 'x';
         return ioctl(-1, TIOCSTI, &typed) == 0;  // else EBADF, whatever the kernel thinks of it
       }},
      {"type into a terminal, with bits that the kernel drops",
       [] {
         char typed = 'x';
         return syscall(SYS_ioctl, -1, TIOCSTI | (1UL << 32), &typed) == 0;
       }},
      {"take a terminal", [] { return ioctl(-1, TIOCSCTTY, 1) == 0; }},
      {"bpf", [] { return syscall(SYS_bpf, 0, nullptr, 0) >= 0; }},
  };
  for (const auto& row : rows) EXPECT_EQ(Tried(readable, row.attempt), EPERM) << row.what;
}

TEST(Sandbox, WhatTheNetRoleDoes_GoesOn) {
  const test::TemporaryDirectory directory;
  const auto file = directory.path() / "file";
  ASSERT_TRUE(WriteFileAtomically(file, "text", 0600));
  const std::vector<Path> readable{directory.path()};
  EXPECT_EQ(Tried(readable, [&] { return Opens(file, O_RDONLY | O_CLOEXEC); }), 0);
  EXPECT_EQ(Tried(readable, [] { return Opens("/etc/hosts", O_RDONLY); }), 0);
  EXPECT_EQ(Tried(readable, [] { return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0; }), 0);
  EXPECT_EQ(Tried(readable, [] { return socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0) >= 0; }),
            0);
  for (const unsigned long request : {FIONBIO, FIONREAD}) {
    EXPECT_EQ(Tried(readable,
                    [=] {
                      int value = 1;
                      return ioctl(socket(AF_INET, SOCK_DGRAM, 0), request, &value) == 0;
                    }),
              0);
  }
  EXPECT_EQ(Tried(readable,
                  [] {
                    pthread_t thread;
                    const auto nothing = [](void*) -> void* { return nullptr; };
                    return pthread_create(&thread, nullptr, nothing, nullptr) == 0 &&
                           pthread_join(thread, nullptr) == 0;
                  }),
            0);
  EXPECT_EQ(Tried(readable,
                  [] {
                    addrinfo* found = nullptr;
                    return getaddrinfo("localhost", "5000", nullptr, &found) == 0;
                  }),
            0);
}

TEST(Sandbox, WhereThereIsLandlock_OtherFilesCannotBeRead) {
  const auto version =
      syscall(SYS_landlock_create_ruleset, nullptr, 0, 1U << 0 /* the version, please */);
  const test::TemporaryDirectory directory;
  const test::TemporaryDirectory other;
  const auto file = other.path() / "file";
  ASSERT_TRUE(WriteFileAtomically(file, "text", 0600));
  const int got = Tried({directory.path()}, [&] { return Opens(file, O_RDONLY); });
  EXPECT_EQ(got, version < 1 ? 0 : EACCES);
}

}  // namespace
}  // namespace prov::agent
