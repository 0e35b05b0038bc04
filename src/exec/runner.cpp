#include "exec/runner.hpp"

#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/json.hpp"
#include "contract/exit_code.hpp"
#include "exec/process.hpp"
#include "exec/services.hpp"
#include "job/limits.hpp"

namespace prov::exec {
namespace {

constexpr std::size_t kReadBytes = 256 * 1024;

Status DeliverSecretFiles(const Path& directory, const std::vector<contract::SecretFile>& files) {
  if (mkdir(directory.c_str(), 0700) != 0) return ErrnoError("cannot make the secrets' directory");
  if (mount("tmpfs", directory.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
            "mode=0700,size=32m") != 0) {
    return ErrnoError("cannot mount a private tmpfs for the secrets");
  }
  for (const auto& secret : files) {
    UniqueFd fd(open(secret.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd) return ErrnoError("cannot write a secret's file");
    PROV_CHECK(WriteAll(fd.get(), secret.content));
  }
  return {};
}

void CleanSecrets(const AttemptPaths& attempt) {
  const auto directory = attempt.Secrets();
  if (rmdir(directory.c_str()) == 0 || errno == ENOENT) return;
  umount2(directory.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
}

std::vector<std::string> AsPairs(const std::map<std::string, std::string>& variables) {
  std::vector<std::string> pairs;
  for (const auto& [name, value] : variables) pairs.push_back(name + "=" + value);
  return pairs;
}

// By which the job's processes can be told where no cgroup holds them.
std::vector<std::string> Marks(const std::map<std::string, std::string>& variables) {
  std::vector<std::string> marks;
  for (const char* name : {"PROVISIONING_JOB_ID", "PROVISIONING_ATTEMPT"}) {
    const auto found = variables.find(name);
    if (found != variables.end()) marks.push_back(found->first + "=" + found->second);
  }
  return marks;
}

// The loop that watches one script.
class Watch {
 public:
  Watch(const AttemptSpec& spec, const Clock& clock, const Cgroup& cgroup, Process& process,
        LogWriter& log, LogPump& pump, int signals)
      : spec_(spec),
        clock_(clock),
        cgroup_(cgroup),
        process_(process),
        log_(log),
        pump_(pump),
        signals_(signals),
        deadline_(clock.Steady() + spec.timeout) {}

  void Run(ExitRecord& record) {
    while (!Over()) {
      Poll();
      const auto now = clock_.Steady();
      if (!leader_gone_) ReapLeader(record, now);
      if (!leader_gone_ && !ending_) {
        if (canceled_)
          End(Ending::kCanceled, now);
        else if (now >= deadline_)
          End(Ending::kTimedOut, now);
      }
      if (ending_ && now >= kill_at_) {
        (void)cgroup_.KillAll(clock_, Millis{5000});
        kill_at_ = now + Seconds{1};
      }
      log_.Flush();
    }
    // What is still in the pipes, and no more: who holds them may go on writing.
    for (int i = 0; i < 16 && process_.out; ++i) Read(process_.out, Stream::kOut);
    for (int i = 0; i < 16 && process_.err; ++i) Read(process_.err, Stream::kErr);
    if (record.ending == Ending::kExited && record.exit_code == 0 && !ending_ &&
        (spec_.check_services || !spec_.services.empty()))
      AwaitServices(record);
    if (ending_) {
      record.ending = *ending_;
      record.reason.reset();
    }
    pump_.End();
    // Behind what the script printed, which may be read only now.
    if (reboots_ && !ending_)
      pump_.Notice("[exit code 194: the server reboots, then the script runs again]");
    log_.Flush();
  }

 private:
  bool Over() const {
    if (!leader_gone_) return false;
    if (ending_) return !cgroup_.Populated();
    return (!process_.out && !process_.err) || clock_.Steady() >= drained_by_;
  }

  void Poll() {
    auto until = deadline_;
    if (leader_gone_) until = drained_by_;
    auto wait = std::chrono::duration_cast<Millis>(until - clock_.Steady()).count() + 1;
    if (ending_) wait = 10;  // until the cgroup is empty, which nothing else announces everywhere
    wait = std::clamp<long>(wait, 0, 60'000);
    pollfd fds[] = {{process_.out.get(), POLLIN, 0},
                    {process_.err.get(), POLLIN, 0},
                    {leader_gone_ ? -1 : process_.pidfd.get(), POLLIN, 0},
                    {canceled_ ? -1 : signals_, POLLIN, 0}};
    if (poll(fds, 4, static_cast<int>(wait)) <= 0) return;
    if (fds[0].revents != 0) Read(process_.out, Stream::kOut);
    if (fds[1].revents != 0) Read(process_.err, Stream::kErr);
    if (fds[3].revents != 0) TakeSignal();
  }

  void TakeSignal() {
    signalfd_siginfo info;
    canceled_ = read(signals_, &info, sizeof info) == sizeof info &&
                access(spec_.paths.Cancel().c_str(), F_OK) == 0;
  }

  // Part of the job: a cancel and the timeout end it as they end the script.
  void AwaitServices(ExitRecord& record) {
    const auto until = clock_.Steady() + spec_.services_within;
    for (;;) {
      record.services_error = spec_.check_services
                                  ? spec_.check_services()
                                  : CheckServices(spec_.services, clock_, Seconds{0});
      if (!record.services_error) return;
      const auto now = clock_.Steady();
      if (canceled_ || now >= deadline_) {
        ending_ = canceled_ ? Ending::kCanceled : Ending::kTimedOut;
        return record.services_error.reset();
      }
      if (now >= until) {
        *record.services_error += fmt::format(" {} s later", spec_.services_within.count());
        return;
      }
      pollfd signal{signals_, POLLIN, 0};
      if (poll(&signal, 1, 250) > 0) TakeSignal();
    }
  }

  void Read(UniqueFd& from, Stream stream) {
    const auto got = read(from.get(), buffer_.get(), kReadBytes);
    if (got > 0) return pump_.Feed(stream, {buffer_.get(), static_cast<std::size_t>(got)});
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    from.Reset();
  }

  void ReapLeader(ExitRecord& record, SteadyTime now) {
    int status = 0;
    if (waitpid(process_.pid, &status, WNOHANG) != process_.pid) return;
    leader_gone_ = true;
    drained_by_ = now + spec_.stdout_grace;
    if (WIFSIGNALED(status)) {
      record.ending = Ending::kSignaled;
      record.signal = WTERMSIG(status);
    } else {
      record.ending = Ending::kExited;
      record.exit_code = WEXITSTATUS(status);
    }
    const bool exited = record.ending == Ending::kExited;
    if (exited && spec_.may_reboot && record.exit_code == contract::kExitReboot) {
      reboots_ = true;
      return;
    }
    if ((exited && record.exit_code == 0) || !spec_.going_down()) return;
    record.ending = Ending::kInterrupted;
    record.reason = "the machine went down while the script ran";
  }

  void End(Ending why, SteadyTime now) {
    ending_ = why;
    kill_at_ = now + spec_.grace;
    pump_.Notice(why == Ending::kCanceled ? "[canceled: the job is being ended]"
                                          : "[timed out: the job is being ended]");
    cgroup_.Signal(SIGTERM);
  }

  const AttemptSpec& spec_;
  const Clock& clock_;
  const Cgroup& cgroup_;
  Process& process_;
  LogWriter& log_;
  LogPump& pump_;
  int signals_;
  SteadyTime deadline_;
  SteadyTime drained_by_{};
  SteadyTime kill_at_{};
  std::optional<Ending> ending_;
  bool leader_gone_ = false;
  bool reboots_ = false;  // so the script said
  bool canceled_ = false;
  // Not zeroed: a script that prints little touches none of it.
  std::unique_ptr<char[]> buffer_ = std::make_unique_for_overwrite<char[]>(kReadBytes);
};

// After the script: what stays is listed after a success, and ended after anything else.
void Settle(const Clock& clock, const Cgroup& cgroup, ExitRecord& record) {
  record.oom = cgroup.OutOfMemory();
  if (record.ending == Ending::kExited && record.exit_code == 0) {
    record.left_running = cgroup.Describe();
    if (record.left_running.size() > job::kMostLeftRunning)
      record.left_running.resize(job::kMostLeftRunning);
  } else if (!cgroup.KillAll(clock, Millis{5000})) {
    record.reason = "Some processes of the job could not be ended.";
  }
  cgroup.Remove();
}

Status Execute(const AttemptSpec& spec, const Clock& clock, ExitRecord& record) {
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  UniqueFd signals(signalfd(-1, &term, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return ErrnoError("cannot watch for a cancel");
  PROV_TRY(auto log,
           spec.id.continuation == 0
               ? LogWriter::Create(spec.paths.Log(), spec.log, clock)
               : LogWriter::Continue(spec.paths.Log(), spec.log, clock, spec.log_dropped_bytes));
  auto prepared = spec.inputs ? *spec.inputs : spec.prepare(spec.paths.Secrets());
  if (!prepared) {
    record.invalid_inputs = prepared.error().code == ErrorCode::kInvalidArgument;
    record.unopened_inputs = prepared.error().code == ErrorCode::kPermissionDenied;
    return prepared.error();
  }
  const auto& inputs = *prepared;
  const auto& files = inputs.environment.secret_files;
  if (!files.empty()) PROV_CHECK(DeliverSecretFiles(spec.paths.Secrets(), files));
  PROV_TRY(const auto cgroup, Cgroup::Create(spec.cgroup, "provisioning-" + spec.id.job.ToString() +
                                                              "-" + spec.id.DirectoryName()));
  PROV_TRY(const auto self, ReferTo(getpid()));
  PROV_CHECK(WriteContainment(
      spec.paths, {std::string(ContainmentName(cgroup.kind())), cgroup.directory().string(), self,
                   Marks(inputs.environment.variables)}));
  LogPump pump(log, spec.outputs, inputs.secrets);
  if (spec.id.continuation > 0)
    pump.Notice("[the server has rebooted: the script runs again, from the top]");
  if (cgroup.kind() == CgroupKind::kSubreaper)
    pump.Warn("This job is contained by a subreaper only: no limit is enforced.");
  else
    for (const auto& sentence : cgroup.Limit(spec.limits)) pump.Warn(sentence);
  const ProcessSpec script{{"/bin/bash", spec.script},
                           AsPairs(inputs.environment.variables),
                           spec.paths.Installer(),
                           cgroup.kind() == CgroupKind::kSubreaper};
  auto process = StartProcess(script, cgroup);
  if (!process) {
    cgroup.Remove();
    return process.error();
  }
  Watch(spec, clock, cgroup, *process, log, pump, signals.get()).Run(record);
  Settle(clock, cgroup, record);
  record.outputs = pump.Outputs();
  if (!pump.sensitive_outputs().empty() &&
      !WriteFileAtomically(spec.paths.SensitiveOutputs(), json::Write(pump.sensitive_outputs()),
                           0600)) {
    pump.Warn("The sensitive outputs could not be kept.");
  }
  if (auto totals = log.Finish()) {
    record.log = {totals->lines, totals->bytes, totals->dropped_bytes == 0, totals->dropped_bytes,
                  totals->sha256};
  } else if (!record.reason) {
    record.reason = "The log is incomplete: " + totals.error().ToString();
  }
  return {};
}

}  // namespace

Status EnterNetwork(int network_namespace) {
  if (network_namespace >= 0 && setns(network_namespace, CLONE_NEWNET) != 0)
    return ErrnoError("cannot enter the server's network namespace");
  return {};
}

Result<ExitRecord> RunFollowedAttempt(const AttemptSpec& spec, const Clock& clock,
                                      const Status& entered, pid_t follower) {
  ExitRecord record;
  record.job = spec.id.job;
  record.attempt = spec.id.attempt;
  record.continuation = spec.id.continuation;
  record.started_at = clock.Now();
  if (auto executed = entered ? Execute(spec, clock, record) : entered; !executed) {
    record.ending = Ending::kNotStarted;
    record.reason = executed.error().ToString();
  }
  CleanSecrets(spec.paths);
  record.finished_at = clock.Now();
  // A child whose parent died is another's.
  const bool alone = follower == 0 || getppid() != follower;
  if (alone) {
    if (const auto kept = KeepAttempt(spec.paths); !kept && !record.reason)
      record.reason = "The log is incomplete: " + kept.error().ToString();
  }
  auto written = WriteExit(spec.paths, record);
  if (!written && written.error().code == ErrorCode::kTooLarge) {
    // What the script printed must not hide how it ended.
    record.outputs.clear();
    record.left_running.clear();
    record.reason = "The outputs and what was left running are too long to be reported.";
    written = WriteExit(spec.paths, record);
  }
  PROV_CHECK(written);
  if (alone) PROV_CHECK(KeepAttempt(spec.paths));
  return record;
}

Result<ExitRecord> RunAttempt(const AttemptSpec& spec, const Clock& clock) {
  return RunFollowedAttempt(spec, clock, EnterNetwork(spec.network_namespace), 0);
}

bool RunnerHoldsLock(const AttemptPaths& attempt) {
  const UniqueFd lock(open(attempt.Runner().c_str(), O_RDWR | O_CLOEXEC));
  if (!lock) return errno != ENOENT && errno != ENOTDIR;
  return flock(lock.get(), LOCK_EX | LOCK_NB) != 0;
}

Status CancelAttempt(const AttemptPaths& attempt, const UniqueFd& runner) {
  // A link needs no room on a disk that is full.
  if (link(attempt.Runner().c_str(), attempt.Cancel().c_str()) != 0 && errno != EEXIST)
    return ErrnoError("cannot mark the attempt as canceled");
  SendSignal(runner, SIGTERM);
  return {};
}

void CleanAttempt(const AttemptPaths& attempt) {
  CleanSecrets(attempt);
  std::error_code ignored;
  std::filesystem::remove_all(attempt.Installer(), ignored);
}

}  // namespace prov::exec
