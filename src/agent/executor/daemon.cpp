#include "agent/executor/daemon.hpp"

#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "agent/executor/executor.hpp"
#include "agent/executor/net_desk.hpp"
#include "agent/executor/net_process.hpp"
#include "base/json.hpp"
#include "base/service_manager.hpp"

namespace prov::agent {
namespace {

constexpr int kCannotStart = 2;

int Refuse(const Error& error) {
  std::fprintf(stderr, "provisioning-agent: %s\n", error.ToString().c_str());
  return kCannotStart;
}

Result<UniqueFd> LockState(const exec::StatePaths& state) {
  const auto path = state.root / "lock";
  UniqueFd lock(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return ErrnoError("cannot open " + path.string());
  if (flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  return Error{ErrorCode::kConflict,
               fmt::format("another agent runs with the state directory {}; stop it first, or give "
                           "this one its own with --state-dir",
                           state.root.string()),
               {}};
}

Result<Identity> WhoAmI(const AgentConfiguration& configuration, const exec::StatePaths& state) {
  auto identity = ReadIdentity(state);
  if (identity && identity->agent_id != configuration.agent_id) {
    return Error{ErrorCode::kConflict,
                 fmt::format("this state directory is enrolled as {}, and agent_id is {}; set "
                             "AGENT_ID={}, or use another state directory",
                             identity->agent_id, configuration.agent_id, identity->agent_id),
                 {}};
  }
  if (identity || identity.error().code != ErrorCode::kNotFound) return identity;
  if (!configuration.secret_key.empty())
    return DeriveIdentity(configuration.agent_id, configuration.secret_key, state);
  return Error{ErrorCode::kNotFound,
               fmt::format("this server is not enrolled: get a token with `provisioning-panel "
                           "enroll-token {}` and run `provisioning-agent enroll --panel {}`",
                           configuration.agent_id, configuration.panel_url),
               {}};
}

// The executor has no business with the network; where the kernel lets it, it has none.
UniqueFd LeaveNetwork(Logger& logger) {
  UniqueFd host(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  if (host && unshare(CLONE_NEWNET) == 0) return host;
  logger.Warning("network_not_left", {{"reason", ErrnoError("unshare").message}});
  return {};
}

std::vector<std::string> Warnings(const AgentConfiguration& configuration,
                                  const exec::CgroupBase& cgroup) {
  std::vector<std::string> warnings;
  if (cgroup.kind == exec::CgroupKind::kSubreaper)
    warnings.emplace_back(
        "No control group can be made here: jobs are contained by a subreaper only, and limits "
        "are not enforced.");
  if (!configuration.secret_key.empty())
    warnings.emplace_back(
        "This server holds SECRET_KEY and could speak for every other; enrol it with a token, and "
        "replace the secret after the last was converted.");
  if (configuration.allow_unsafe_installers_dir)
    warnings.emplace_back("Installers may be changed by others than root here.");
  return warnings;
}

NetConfiguration MakeNetConfiguration(const ExecutorSetup& setup) {
  NetConfiguration net;
  net.agent_id = setup.identity.agent_id;
  net.generation = setup.identity.generation;
  net.panel_url = setup.configuration.panel_url;
  net.panel_ca_file = setup.configuration.panel_ca_file.string();
  net.user = setup.configuration.net_user;
  return net;
}

class Daemon {
 public:
  Daemon(Executor& executor, NetProcess& net, FileLogger& logger, int signals)
      : executor_(executor), net_(net), desk_(executor, net), logger_(logger), signals_(signals) {}

  int Run() {
    watchdog_ = WatchdogInterval();
    NotifyServiceManager("READY=1");
    while (!stop_) {
      net_.EnsureRunning();
      desk_.TellState();  // to one just started, before anything else happens
      Wait();
      executor_.Tick();
      if (const auto committed = executor_.Commit(); !committed) {
        logger_.Error("commit_failed", {{"reason", committed.error().ToString()}});
        return 1;
      }
      desk_.Answer();
      if (watchdog_.count() > 0) NotifyServiceManager("WATCHDOG=1");
    }
    NotifyServiceManager("STOPPING=1");
    logger_.Info("agent_stopped", {{"running_jobs", executor_.running()}});
    return 0;
  }

 private:
  void Wait() {
    std::vector<pollfd> fds{{signals_, POLLIN, 0},
                            {net_.fd(),
                             static_cast<short>((desk_.WantsToRead() ? POLLIN : 0) |
                                                (net_.wants_to_write() ? POLLOUT : 0)),
                             0}};
    for (const int runner : executor_.RunnerFds()) fds.push_back({runner, POLLIN, 0});
    auto wait = std::min(executor_.UntilNextTick(), net_.UntilRestart());
    if (watchdog_.count() > 0) wait = std::min(wait, watchdog_);
    if (poll(fds.data(), fds.size(), static_cast<int>(wait.count())) <= 0) return;
    if (fds[0].revents != 0) TakeSignal();
    if ((fds[1].revents & POLLOUT) != 0) net_.Flush();
    if ((fds[1].revents & (POLLIN | POLLHUP)) != 0 && net_.fd() >= 0) desk_.Take();
  }

  void TakeSignal() {
    signalfd_siginfo info;
    while (read(signals_, &info, sizeof info) == sizeof info) {
      if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) stop_ = true;
      if (info.ssi_signo == SIGHUP) (void)logger_.Reopen();
    }
  }

  Executor& executor_;
  NetProcess& net_;
  NetDesk desk_;
  FileLogger& logger_;
  int signals_;
  bool stop_ = false;
  Millis watchdog_{0};
};

UniqueFd WatchSignals() {
  sigset_t watched;
  sigemptyset(&watched);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&watched, signal);
  sigprocmask(SIG_BLOCK, &watched, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return UniqueFd(signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
}

Result<exec::CgroupBase> Containment(const AgentConfiguration& configuration) {
  auto cgroup = exec::DetectCgroup(configuration.allow_subreaper);
  if (cgroup) return cgroup;
  return Error{
      cgroup.error().code,
      cgroup.error().message + "; with `containment: subreaper` jobs run without one, and say so",
      {}};
}

}  // namespace

int RunAgent(const AgentConfiguration& configuration) {
  const exec::StatePaths state{configuration.state_dir};
  if (geteuid() != 0) {
    return Refuse({ErrorCode::kPermissionDenied,
                   "the agent installs software and runs as root; use sudo",
                   {}});
  }
  if (const auto prepared = PrepareStateDirectory(state); !prepared)
    return Refuse(prepared.error());
  auto lock = LockState(state);
  if (!lock) return Refuse(lock.error());
  const SystemClock clock;
  SystemRandom random;
  if (const auto made = MakeDirectories(configuration.log_dir, 0755); !made)
    return Refuse(made.error());
  auto logger =
      FileLogger::Open(configuration.log_dir / "agent.log", configuration.log_level, clock);
  if (!logger) return Refuse(logger.error());
  auto identity = WhoAmI(configuration, state);
  if (!identity) return Refuse(identity.error());
  const auto cgroup = Containment(configuration);
  if (!cgroup) return Refuse(cgroup.error());

  const auto signals = WatchSignals();
  const auto host_network = LeaveNetwork(**logger);
  ExecutorSetup setup{configuration,
                      std::move(*identity),
                      {},
                      state,
                      *cgroup,
                      host_network.get(),
                      Warnings(configuration, *cgroup)};
  auto net_configuration = MakeNetConfiguration(setup);
  const auto http_key = setup.identity.http_key.Clone();
  const auto agent_id = setup.identity.agent_id;
  auto executor = Executor::Open(std::move(setup), clock, random, **logger);
  if (!executor) return Refuse(executor.error());
  (*logger)->Info("agent_started", {{"server_id", agent_id},
                                    {"version", PROV_VERSION},
                                    {"epoch", (*executor)->epoch().ToString()},
                                    {"containment", exec::ContainmentName(cgroup->kind)}});
  // Only now: opening a damaged journal begins another epoch.
  net_configuration.epoch = (*executor)->epoch().ToString();
  NetProcess net({json::Write(net_configuration), std::string(http_key.view())}, host_network.get(),
                 clock, **logger);
  return Daemon(**executor, net, **logger, signals.get()).Run();
}

}  // namespace prov::agent
