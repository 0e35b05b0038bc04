#include "agent/executor/daemon.hpp"

#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "agent/executor/executor.hpp"
#include "agent/executor/keys_watch.hpp"
#include "agent/executor/net_desk.hpp"
#include "agent/executor/net_process.hpp"
#include "agent/exit_status.hpp"
#include "base/json.hpp"
#include "base/service_manager.hpp"

namespace prov::agent {
namespace {

constexpr const char* kSecretKeyWarning =
    "This server holds SECRET_KEY and could speak for every other; enrol it with a token, and "
    "replace the secret after the last was converted.";

int Refuse(const Error& error) {
  std::fprintf(stderr, "provisioning-agent: %s\n", error.ToString().c_str());
  return kCannotStart;
}

Result<Identity> WhoAmI(const AgentConfiguration& configuration, const exec::StatePaths& state) {
  auto identity = ReadIdentity(state);
  // A name that was only taken from the host gives way to the one it was enrolled with.
  if (identity && configuration.agent_id_given && identity->agent_id != configuration.agent_id) {
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
  if (!configuration.secret_key.empty()) warnings.emplace_back(kSecretKeyWarning);
  if (configuration.allow_unsafe_installers_dir)
    warnings.emplace_back("Installers may be changed by others than root here.");
  return warnings;
}

Hello MakeHello(const AgentConfiguration& configuration, const Executor& executor) {
  const auto& identity = executor.identity();
  NetConfiguration net;
  net.agent_id = identity.agent_id;
  net.generation = identity.generation;
  net.panel_url = configuration.panel_url;
  net.panel_ca_file = configuration.panel_ca_file.string();
  net.user = configuration.net_user;
  net.epoch = executor.epoch().ToString();
  net.redis = configuration.redis;
  net.redis_acl = configuration.redis_acl;
  net.rabbitmq = configuration.rabbitmq;
  net.rabbitmq_own_user = configuration.rabbitmq_own_user;
  return {json::Write(net), std::string(identity.http_key.view())};
}

class Daemon {
 public:
  Daemon(const AgentConfiguration& configuration, Executor& executor, NetProcess& net,
         FileLogger& logger, int signals)
      : configuration_(configuration),
        executor_(executor),
        net_(net),
        desk_(executor, net),
        logger_(logger),
        signals_(signals),
        state_{configuration.state_dir},
        keys_watch_(KeysWatch::Open(state_)),
        net_key_(executor.identity().http_key.Clone()) {}

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
      UseNewHttpKey();
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
                             0},
                            {keys_watch_.fd(), POLLIN, 0},
                            {net_.relay().fd(), POLLIN, 0}};
    for (const int runner : executor_.RunnerFds()) fds.push_back({runner, POLLIN, 0});
    auto wait = std::min(executor_.UntilNextTick(), net_.UntilRestart());
    if (watchdog_.count() > 0) wait = std::min(wait, watchdog_);
    if (poll(fds.data(), fds.size(), static_cast<int>(wait.count())) <= 0) return;
    if (fds[0].revents != 0) TakeSignal();
    if (fds[2].revents != 0 && keys_watch_.Changed()) LookAtKeys();
    if (fds[3].revents != 0) net_.relay().Pass();
    if ((fds[1].revents & POLLOUT) != 0) net_.Flush();
    if ((fds[1].revents & (POLLIN | POLLHUP)) != 0 && net_.fd() >= 0) desk_.Take();
  }

  // `enroll` or `rotate-sealing-key` beside a running agent, or keys that came by a command.
  void LookAtKeys() {
    auto read = WhoAmI(configuration_, state_);
    const auto& now = executor_.identity();
    if (!read) return logger_.Error("keys_not_read", {{"reason", read.error().ToString()}});
    if (read->agent_id != now.agent_id)
      return logger_.Error("keys_not_read", {{"reason", "they are another agent's"}});
    const bool other = read->generation != now.generation ||
                       read->event_key.view() != now.event_key.view() ||
                       read->sealing.present.public_key != now.sealing.present.public_key;
    if (other) executor_.UseIdentity(std::move(*read));
  }

  // A net role holds the transport key it was started with.
  void UseNewHttpKey() {
    const auto& key = executor_.identity().http_key;
    if (net_key_.view() == key.view()) return;
    net_key_ = key.Clone();
    net_.Use(MakeHello(configuration_, executor_));
  }

  void TakeSignal() {
    signalfd_siginfo info;
    while (read(signals_, &info, sizeof info) == sizeof info) {
      if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) stop_ = true;
      if (info.ssi_signo == SIGHUP) (void)logger_.Reopen();
    }
  }

  const AgentConfiguration& configuration_;
  Executor& executor_;
  NetProcess& net_;
  NetDesk desk_;
  FileLogger& logger_;
  int signals_;
  exec::StatePaths state_;
  KeysWatch keys_watch_;
  signing::SecretBytes net_key_;
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
                      Warnings(configuration, *cgroup),
                      {}};
  const auto agent_id = setup.identity.agent_id;
  auto executor = Executor::Open(std::move(setup), clock, random, **logger);
  if (!executor) return Refuse(executor.error());
  (*logger)->Info("agent_started", {{"server_id", agent_id},
                                    {"version", PROV_VERSION},
                                    {"epoch", (*executor)->epoch().ToString()},
                                    {"containment", exec::ContainmentName(cgroup->kind)}});
  if (!configuration.secret_key.empty())
    (*logger)->Warning("secret_key_held", {{"reason", kSecretKeyWarning}});
  // Only now: opening a damaged journal begins another epoch.
  NetProcess net(MakeHello(configuration, **executor), host_network.get(), clock, **logger);
  return Daemon(configuration, **executor, net, **logger, signals.get()).Run();
}

}  // namespace prov::agent
