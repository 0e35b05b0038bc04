// crash_points CONTROL POINTS DIRECTORY NAME PROGRAM [ARGUMENT..]: runs a program, and kills it
// where it is told.
//
// A crash point is a system call that changes what is on disk below DIRECTORY, of the program or of
// a process it forked that executes nothing else (the agent's runner). Its name says who, what,
// where, and for which time, with `<id>` for every UUID and `<time>` in a journal.old's name:
//
//     executor fdatasync journal 3
//     runner rename jobs/<id>/1/exit 1
//
// CONTROL is read at each of them. `GENERATION NAME OF A POINT` kills the process before that call;
// with ` torn` at the end, a write is cut to its half, and the process is killed after it.
// `GENERATION -` kills nothing; an empty file does not even count. A new generation counts from one
// again. POINTS gets a line for each: `pid PID` at the start, `point GENERATION NAME` and `killed
// GENERATION NAME`.
//
// Only the programs as users run them are worth killing, and the agent's is linked statically: so
// this is a tracer, and no preloaded library. What a process executes is let go: neither the script
// nor the network process is slowed down.
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <elf.h>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

// Where a call says what it changes: a descriptor, or a path, perhaps below a directory's
// descriptor.
struct Call {
  const char* name;
  int descriptor;      // the argument's number; -1: none
  int path;            // likewise
  int flags = -1;      // open: only what may create
  bool write = false;  // its third argument is how much
};

const std::map<std::uint64_t, Call> kCalls = {
    {SYS_write, {"write", 0, -1, -1, true}}, {SYS_pwrite64, {"pwrite", 0, -1, -1, true}},
    {SYS_writev, {"writev", 0, -1}},         {SYS_pwritev, {"pwritev", 0, -1}},
    {SYS_fsync, {"fsync", 0, -1}},           {SYS_fdatasync, {"fdatasync", 0, -1}},
    {SYS_ftruncate, {"ftruncate", 0, -1}},   {SYS_fallocate, {"fallocate", 0, -1}},
    {SYS_openat, {"create", 0, 1, 2}},       {SYS_mkdirat, {"mkdir", 0, 1}},
    {SYS_unlinkat, {"unlink", 0, 1}},        {SYS_renameat, {"rename", 2, 3}},
    {SYS_renameat2, {"rename", 2, 3}},       {SYS_linkat, {"link", 2, 3}},
#ifdef SYS_open
    {SYS_open, {"create", -1, 0, 1}},        {SYS_mkdir, {"mkdir", -1, 0}},
    {SYS_unlink, {"unlink", -1, 0}},         {SYS_rmdir, {"unlink", -1, 0}},
    {SYS_rename, {"rename", -1, 1}},         {SYS_link, {"link", -1, 1}},
#endif
};

std::string Link(pid_t thread, const std::string& name) {
  std::array<char, PATH_MAX> target{};
  const auto path = "/proc/" + std::to_string(thread) + "/" + name;
  const auto size = readlink(path.c_str(), target.data(), target.size());
  return size > 0 ? std::string(target.data(), static_cast<std::size_t>(size)) : "";
}

std::string Text(pid_t thread, std::uint64_t address) {
  std::string text;
  // Page by page: the next one may not be there.
  while (text.size() < PATH_MAX) {
    std::array<char, 256> piece{};
    const auto until = 256 - (address + text.size()) % 256;
    iovec here{piece.data(), until};
    iovec there{reinterpret_cast<void*>(address + text.size()), until};
    const auto got = process_vm_readv(thread, &here, 1, &there, 1, 0);
    if (got <= 0) return text;
    const std::string_view read(piece.data(), static_cast<std::size_t>(got));
    const auto end = read.find('\0');
    text += read.substr(0, end);
    if (end != std::string_view::npos) return text;
  }
  return text;
}

pid_t ProcessOf(pid_t thread) {
  std::ifstream status("/proc/" + std::to_string(thread) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("Tgid:")) return std::stoi(line.substr(5));
  return thread;
}

bool IsUuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : isxdigit(static_cast<unsigned char>(text[i])) == 0) return false;
  }
  return true;
}

std::string WithoutWhatDiffers(std::string path) {
  for (std::size_t i = 0; i + 36 <= path.size(); ++i)
    if (IsUuid(std::string_view(path).substr(i, 36))) path.replace(i, 36, "<id>");
  constexpr std::string_view kOld = "journal.old-";
  if (path.starts_with(kOld)) path.replace(kOld.size(), path.npos, "<time>");
  return path;
}

class Tracer {
 public:
  Tracer(std::string control, const char* points, std::string directory, std::string name)
      : control_(std::move(control)),
        points_(open(points, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)),
        directory_(std::move(directory) + "/"),
        name_(std::move(name)) {}

  int Run(char** program) {
    Start(program);
    int status = 0;
    for (pid_t thread; (thread = waitpid(-1, &status, __WALL)) > 0;) {
      if (WIFSTOPPED(status))
        Stopped(thread, status);
      else if (thread == first_)
        outcome_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    return outcome_;
  }

 private:
  void Say(const std::string& line) {
    const auto whole = line + "\n";
    if (write(points_, whole.data(), whole.size()) != static_cast<ssize_t>(whole.size())) abort();
  }

  void Start(char** program) {
    int go[2];
    if (pipe2(go, O_CLOEXEC) != 0) abort();
    first_ = fork();
    if (first_ == 0) {
      char byte = 0;
      if (read(go[0], &byte, 1) != 1) _exit(126);
      execv(program[0], program);
      perror(program[0]);
      _exit(127);
    }
    const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                         PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
    if (ptrace(PTRACE_SEIZE, first_, nullptr, options) != 0) {
      perror("ptrace");
      exit(126);
    }
    Say("pid " + std::to_string(first_));
    if (ptrace(PTRACE_INTERRUPT, first_, nullptr, nullptr) != 0 || write(go[1], "x", 1) != 1)
      abort();
    close(go[0]);
    close(go[1]);
  }

  void Stopped(pid_t thread, int status) {
    const int signal = WSTOPSIG(status);
    const int event = status >> 16;
    if (event == PTRACE_EVENT_EXEC && ProcessOf(thread) != first_) {
      ptrace(PTRACE_DETACH, thread, nullptr, nullptr);
      return;
    }
    if (event == PTRACE_EVENT_STOP &&
        signal != SIGTRAP) {  // it was stopped, by SIGSTOP for example
      ptrace(PTRACE_LISTEN, thread, nullptr, nullptr);
      return;
    }
    long delivered = 0;
    if (signal == (SIGTRAP | 0x80))
      SystemCall(thread);
    else if (event == 0)
      delivered = signal;
    ptrace(PTRACE_SYSCALL, thread, nullptr, delivered);
  }

  void SystemCall(pid_t thread) {
    __ptrace_syscall_info info{};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) <= 0) return;
    if (info.op == PTRACE_SYSCALL_INFO_EXIT && torn_.erase(thread) > 0) return Kill(thread);
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY) return;
    const auto call = kCalls.find(info.entry.nr);
    if (call == kCalls.end()) return;
    if (const auto point = Point(thread, call->second, info.entry.args))
      Reached(thread, call->second, *point);
  }

  std::optional<std::string> Point(pid_t thread, const Call& call,
                                   std::span<const std::uint64_t> arguments) const {
    if (call.flags >= 0 && (arguments[call.flags] & O_CREAT) == 0) return std::nullopt;
    std::string path;
    if (call.path >= 0) path = Text(thread, arguments[call.path]);
    if (!path.starts_with('/') && call.descriptor >= 0) {
      const auto descriptor = static_cast<int>(arguments[call.descriptor]);
      const auto base = descriptor == AT_FDCWD ? "cwd" : "fd/" + std::to_string(descriptor);
      path = Link(thread, base) + (call.path < 0 ? "" : "/" + path);
    }
    if (path + "/" == directory_) return name_ + " " + call.name + " .";
    if (!path.starts_with(directory_)) return std::nullopt;
    const auto who = ProcessOf(thread) == first_ ? name_ : "runner";
    return who + " " + call.name + " " + WithoutWhatDiffers(path.substr(directory_.size()));
  }

  void Reached(pid_t thread, const Call& call, const std::string& point) {
    std::ifstream file(control_);
    std::string generation;
    std::string wanted;
    file >> generation >> std::ws;
    std::getline(file, wanted);
    if (generation.empty()) return;
    if (generation != generation_) {
      generation_ = generation;
      counts_.clear();
    }
    const auto name = point + " " + std::to_string(++counts_[point]);
    Say("point " + generation + " " + name);
    if (wanted == name) {
      Say("killed " + generation + " " + wanted);
      return Kill(thread);
    }
    if (wanted != name + " torn" || !call.write) return;
    Say("killed " + generation + " " + wanted);
    user_regs_struct registers{};
    iovec piece{&registers, sizeof registers};
    ptrace(PTRACE_GETREGSET, thread, NT_PRSTATUS, &piece);
#if defined(__x86_64__)
    registers.rdx /= 2;
#else
    registers.regs[2] /= 2;
#endif
    ptrace(PTRACE_SETREGSET, thread, NT_PRSTATUS, &piece);
    torn_.insert(thread);
  }

  static void Kill(pid_t thread) { kill(ProcessOf(thread), SIGKILL); }

  std::string control_;
  int points_;
  std::string directory_;
  std::string name_;
  pid_t first_ = -1;
  int outcome_ = 0;
  std::string generation_;
  std::map<std::string, int> counts_;
  std::set<pid_t> torn_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) {
    fputs("crash_points CONTROL POINTS DIRECTORY NAME PROGRAM [ARGUMENT..]\n", stderr);
    return 2;
  }
  return Tracer(argv[1], argv[2], argv[3], argv[4]).Run(argv + 5);
}
