// One attempt, from its cgroup to its exit record. Runs in a process of its own, forked from the
// executor without exec; it stays outside the job's cgroup, talks by files only (`log`, and `exit`
// last), and goes on when the executor dies. SIGTERM to it means cancel where CancelAttempt sent
// it; a stranger's (a machine that goes down sends one to every process) it lives through.
//
// ::progress, ::output and ::warning lines stand in the log as printed (a sensitive output's does
// not): whoever follows the log reads progress from it with contract::ParseScriptLine.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "contract/environment.hpp"
#include "exec/cgroup.hpp"
#include "exec/log_frames.hpp"
#include "exec/log_pump.hpp"
#include "exec/shutdown.hpp"
#include "exec/spool.hpp"

namespace prov::exec {

// What the script is given, made in the runner just before it starts: sensitive inputs are in the
// clear in no other process.
struct ScriptInputs {
  contract::Environment environment;
  std::vector<std::string> secrets;  // what must never be seen in the log
};

struct AttemptSpec {
  AttemptId id;
  AttemptPaths paths;  // made by MakeAttempt, with the verified copy at paths.Installer()
  std::string script;  // a bare file name in that copy
  // Unseals and validates the inputs and builds the environment (contract::BuildEnvironment), with
  // secret files in the directory given. An error is the attempt's reason: the script is not
  // started. kInvalidArgument: an input breaks a rule; kPermissionDenied: a sealed one does not
  // open.
  std::function<Result<ScriptInputs>(const Path& secret_directory)> prepare;
  // Where the script runs, as a descriptor of a network namespace; -1: the caller's own.
  int network_namespace = -1;
  Seconds timeout{3600};
  Millis grace{10'000};                 // between TERM and KILL
  Millis stdout_grace{2'000};           // after the leader, for who still holds stdout
  bool may_reboot = false;              // exit code 194 asks for a reboot
  std::uint64_t log_dropped_bytes = 0;  // by the runs before a reboot
  job::ResourceLimits limits;
  CgroupBase cgroup;
  LogLimits log;
  std::vector<DeclaredOutput> outputs;
  // Asked after exit 0, until it is well or `services_within` passed: a sentence while the declared
  // services are not active. It is asked without waiting. Empty: none declared.
  std::function<std::optional<std::string>()> check_services;
  Seconds services_within{30};
  // Asked when a script ends otherwise than well; tests put their own in its place.
  std::function<bool()> going_down = SystemIsGoingDown;
};

// Blocks until the attempt is over and its log and exit record are durable. A script that could not
// be started is an ExitRecord too (kNotStarted); an error means that not even that could be
// written. SIGTERM must be blocked by the caller beforehand, so that an early cancel is not lost.
Result<ExitRecord> RunAttempt(const AttemptSpec& spec, const Clock& clock);

struct Runner {
  PidRef reference;
  UniqueFd pidfd;  // readable when it is gone
};
// Forks a runner for the attempt; call it from a single-threaded process. While the caller lives it
// is the caller who makes what the runner leaves durable (its journal, or KeepAttempt); where it
// died the runner does so, as RunAttempt. The child keeps no
// descriptor of the caller's above 2 but the lock of the attempt, which it holds as long as it
// lives: taken before the fork, so that there is no moment in which a runner goes unnoticed.
Result<Runner> StartRunner(const AttemptSpec& spec, const Clock& clock);
// Whether a runner of this attempt lives, also one that has not yet said where it is contained.
// True where that cannot be found out: doubt starts nothing.
bool RunnerHoldsLock(const AttemptPaths& attempt);

// Has a living runner end its attempt. What says so is a file, so that it holds whoever signals.
Status CancelAttempt(const AttemptPaths& attempt, const UniqueFd& runner);

// Takes away what an attempt leaves besides its record: its installer copy and its secrets. Also
// for an attempt whose runner died.
void CleanAttempt(const AttemptPaths& attempt);

}  // namespace prov::exec
