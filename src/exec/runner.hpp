// One attempt, from its cgroup to its exit record. Runs in a process of its own (runner_pool.hpp),
// forked from the executor without exec; it stays outside the job's cgroup, talks by files only
// (`log`, and `exit` last), and goes on when the executor dies. SIGTERM to it means cancel where
// CancelAttempt sent it; a stranger's (a machine that goes down sends one to every process) it
// lives through.
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
  // Where nothing of it is secret. Otherwise `prepare` makes it, in the runner.
  std::optional<ScriptInputs> inputs;
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
  // Looked at after exit 0, until all are active or `services_within` passed.
  std::vector<std::string> services;
  Seconds services_within{30};
  // Tests put their own in the place of CheckServices: a sentence while they are not active.
  std::function<std::optional<std::string>()> check_services;
  // Asked when a script ends otherwise than well; tests put their own in its place.
  std::function<bool()> going_down = SystemIsGoingDown;
};

// Blocks until the attempt is over and its log and exit record are durable. A script that could not
// be started is an ExitRecord too (kNotStarted); an error means that not even that could be
// written. SIGTERM must be blocked by the caller beforehand, so that an early cancel is not lost.
Result<ExitRecord> RunAttempt(const AttemptSpec& spec, const Clock& clock);

// The executor has no network of its own, and a script without one would fail attempt by attempt.
Status EnterNetwork(int network_namespace);
// As RunAttempt, in a child of `follower`: as long as that lives it is the one who makes durable
// what the attempt leaves (its journal, or KeepAttempt). An error in `entered` is why the script is
// not started.
Result<ExitRecord> RunFollowedAttempt(const AttemptSpec& spec, const Clock& clock,
                                      const Status& entered, pid_t follower);

// Whether a runner of this attempt lives, also one that has not yet said where it is contained.
// True where that cannot be found out: doubt starts nothing.
bool RunnerHoldsLock(const AttemptPaths& attempt);

// Has a living runner end its attempt. What says so is a file, so that it holds whoever signals.
Status CancelAttempt(const AttemptPaths& attempt, const UniqueFd& runner);

// Takes away what an attempt leaves besides its record: its installer copy and its secrets. Also
// for an attempt whose runner died.
void CleanAttempt(const AttemptPaths& attempt);

}  // namespace prov::exec
