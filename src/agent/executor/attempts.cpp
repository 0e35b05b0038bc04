// Attempts: started, followed, concluded (docs/contract.md, "The script"; docs/formats/states.md).
#include <csignal>
#include <poll.h>

#include <fmt/format.h>

#include "agent/executor/executor.hpp"
#include "agent/executor/job_log.hpp"
#include "agent/executor/outcome.hpp"
#include "base/json.hpp"
#include "contract/exit_code.hpp"
#include "exec/spool.hpp"
#include "job/retry.hpp"

namespace prov::agent {
namespace {

constexpr Millis kOrphansEndWithin{5000};
constexpr Millis kOrphansLoggedEvery{600'000};
// A descriptor or memory that is missing comes back; a disk that does not read does not.
constexpr Millis kLogAwaited{600'000};

}  // namespace

Result<std::shared_ptr<const PreparedJob>> Executor::Prepared(const Uuid& id, Job& job) {
  if (!job.prepared) {
    std::string sealed;
    if (job.envelope.empty()) {
      PROV_TRY(sealed, ReadFile(setup_.state.Envelope(id), job::kMaxEnvelopeBytes));
    }
    PROV_TRY(auto loaded, LoadPreparedJob(setup_.configuration, installers_,
                                          sealed.empty() ? job.envelope : sealed, setup_.identity));
    job.prepared = std::make_shared<const PreparedJob>(std::move(loaded));
  }
  return job.prepared;
}

bool Executor::HasRun(const exec::AttemptId& attempt) const {
  const auto paths = setup_.state.Attempt(attempt);
  // The runner's lock is there before its fork.
  for (const auto& left : {paths.Runner(), paths.Log(), paths.Exit()}) {
    std::error_code fault;
    if (std::filesystem::exists(left, fault) || fault) return true;
  }
  return false;
}

void Executor::Await(const Uuid& id, Job& job) {
  if (!exec::AttemptExists(setup_.state, {id, 1, 0})) return waiting_.push_back(id);
  job.state.attempt = 1;
  RecoverAttempt(id, job);
}

void Executor::StartWaiting() {
  const auto now = clock_.Steady();
  std::erase_if(retrying_, [&](const auto& retry) {
    if (retry.second > now) return false;
    waiting_.push_front(retry.first);
    return true;
  });
  if (!rebooting_.empty()) return;
  while (Busy() < setup_.configuration.max_parallel_jobs) {
    // A drained server takes up no new job; one that is under way is brought to its end.
    const auto next = std::ranges::find_if(waiting_, [this](const Uuid& id) {
      return !drained_ || jobs_.at(id).state.status != job::Status::kAccepted;
    });
    if (next == waiting_.end()) return;
    const auto id = *next;
    waiting_.erase(next);
    StartAttempt(id, jobs_.at(id));
  }
}

// One whose log waits to be reported, while the panel is away, keeps nobody from running; what it
// left does, until that has ended.
std::size_t Executor::Busy() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(running_, [](const auto& each) { return !each.second.over; }));
}

void Executor::StartAttempt(const Uuid& id, Job& job) {
  auto spec = MakeSpec(id, job);
  if (!spec) {
    job::StateChange change;
    change.reason = "the attempt could not be started: " + spec.error().ToString();
    change.status = job::Status::kRejected;
    if (job.state.status != job::Status::kAccepted) SetFailed(change, job::FailureKind::kUnknown);
    return EndJob(id, job, std::move(change));
  }
  job.state.attempt = spec->id.attempt;
  job.state.due.reset();
  job.state.continuation.reset();
  job.state.reboot_from.reset();
  if (spec->id.continuation > 0) {
    // For the panel it has been running all the while.
    job.state.continuation = spec->id.continuation;
    Append({.job = id, .state = job.state});
  } else {
    job.log = {job.state.attempt, 0, 1, 1};
    job::StateChange change;
    change.status = job::Status::kRunning;
    Change(id, job, std::move(change));
  }
  job.follower = std::make_unique<LogFollower>(spec->paths.Log(), job.log);
  running_[id] = {};
  logger_.Info("execution_started",
               {{"attempt", job.state.attempt},
                {"continuation", spec->id.continuation},
                {"server_id", setup_.identity.agent_id},
                {"user_id", job.state.user_id}},
               Subject(id, job));
  effects_.push_back([this, id, spec = std::make_shared<exec::AttemptSpec>(std::move(*spec))] {
    auto& running = running_.at(id);
    auto runner = start_(*spec, clock_);
    if (runner) {
      running.runner = std::move(*runner);
      running.child = true;
      return;
    }
    if (exec::RunnerHoldsLock(spec->paths)) return;  // it runs, and could not be held: follow it
    // Told in the same way as everything else about an attempt.
    exec::ExitRecord record;
    record.job = id;
    record.attempt = spec->id.attempt;
    record.continuation = spec->id.continuation;
    record.reason = runner.error().ToString();
    record.started_at = record.finished_at = clock_.Now();
    (void)exec::WriteExit(spec->paths, record);
    running.gone = true;
  });
}

Result<exec::AttemptSpec> Executor::MakeSpec(const Uuid& id, Job& job) {
  PROV_TRY(const auto prepared, Prepared(id, job));
  const auto& [order, manifest] = *prepared;
  exec::AttemptSpec spec;
  spec.id = {id, job.state.attempt + 1, 0};
  if (job.state.reboot_from) {
    spec.id = Current(id, job);
    if (const auto before = exec::ReadExit(setup_.state.Attempt(spec.id)); before && *before)
      spec.log_dropped_bytes = (*before)->log.dropped_bytes;
    ++spec.id.continuation;
  }
  spec.may_reboot = contract::MayReboot(manifest.reboot, spec.id.continuation);
  // Again, since it may have been replaced while the job waited.
  PROV_CHECK(CheckLibrary(setup_.configuration));
  const auto script_state = setup_.configuration.app_state_dir / order.app_id;
  PROV_CHECK(MakeDirectories(script_state, 0700));
  PROV_TRY(spec.paths, exec::MakeAttempt(setup_.state, spec.id));
  PROV_CHECK(installers_.HandOut(order.installer_digest, spec.paths.Installer()));
  contract::EnvironmentFacts facts;
  facts.job_id = id.ToString();
  facts.attempt = spec.id.attempt;
  facts.action = order.action;
  facts.lib = setup_.configuration.library.string();
  facts.state_dir = script_state.string();
  facts.proxies = setup_.configuration.proxies;
  spec.script = manifest.ScriptOf(order.action);
  spec.timeout = Seconds{order.timeout_seconds};
  spec.limits = order.limits;
  spec.cgroup = setup_.cgroup;
  spec.network_namespace = setup_.network_namespace;
  for (const auto& output : manifest.outputs)
    spec.outputs.push_back({output.name, output.label, output.sensitive});
  facts.secret_dir = spec.paths.Secrets().string();
  spec.prepare = [this, prepared, facts, remembered = Remembered(order.app_id)](const Path&) {
    return MakeScriptInputs(*prepared, setup_.identity.sealing, remembered, facts);
  };
  // What is sealed is opened in the runner alone.
  if (order.sealed_inputs.empty()) {
    if (auto inputs = spec.prepare(spec.paths.Secrets())) spec.inputs = std::move(*inputs);
  }
  const bool starts =
      order.action == contract::Action::kInstall || order.action == contract::Action::kUpgrade;
  if (starts) spec.services = manifest.services;
  return spec;
}

void Executor::LookAtRunner(const Uuid& id, Running& running) {
  if (running.gone) return;
  if (!running.runner.pidfd) {
    running.gone = !FindRunner(setup_.state.Attempt(Current(id, jobs_.at(id))), running);
  } else if (pollfd fd{running.runner.ended_fd(), POLLIN, 0}; poll(&fd, 1, 0) > 0) {
    running.gone = true;
    if (running.child) runners_.Ended(std::move(running.runner), clock_);
  }
  if (running.cancel_due && !running.gone) CancelRunner(id);
}

void Executor::CancelRunner(const Uuid& id) {
  const auto found = running_.find(id);
  if (found == running_.end() || found->second.gone) return;
  auto& running = found->second;
  running.cancel_due = true;
  if (!running.runner.pidfd) return;
  const auto& job = jobs_.at(id);
  const auto sent =
      exec::CancelAttempt(setup_.state.Attempt(Current(id, job)), running.runner.pidfd);
  running.cancel_due = !sent;
  if (!sent && !std::exchange(running.cancel_failed, true))
    logger_.Error("cancel_not_sent", {{"reason", sent.error().ToString()}}, Subject(id, job));
}

// True where it will not get better: the rest is given up, which is said once.
bool Executor::GiveUpLog(const Uuid& id, Job& job, const Error& error) {
  const auto now = clock_.Steady();
  boost::json::object why{{"reason", error.ToString()}};
  if (!exec::IsDamaged(error)) {
    if (!job.log_awaited_until) {
      job.log_awaited_until = now + kLogAwaited;
      logger_.Warning("log_not_read", std::move(why), Subject(id, job));
      return false;
    }
    if (now < *job.log_awaited_until) return false;
  }
  logger_.Error("log_unreadable", std::move(why), Subject(id, job));
  job.follower.reset();
  return true;
}

// True when all that is on disk is reported.
bool Executor::ReportLog(const Uuid& id, Job& job) {
  while (job.follower != nullptr && outbox_.bytes() < setup_.most_unacknowledged) {
    auto report = job.follower->Next();
    if (!report) return GiveUpLog(id, job, report.error());
    job.log_awaited_until.reset();
    if (!*report) return true;
    auto& [chunk, position, progress, warnings] = **report;
    const std::size_t warned = job.log.warnings;
    warnings.resize(
        std::min(warnings.size(), exec::kMaxWarnings - std::min(warned, exec::kMaxWarnings)));
    position.warnings = warned + warnings.size();
    job.log = position;
    job::Event event;
    event.type = job::EventType::kLog;
    event.job = id;
    event.attempt = job.state.attempt;
    event.log = std::move(chunk);
    Entry entry;
    entry.job = id;
    entry.log = position;
    entry.event = Sign(std::move(event));
    Append(entry);
    const auto report_more = [&](job::Event more) {
      more.job = id;
      more.attempt = job.state.attempt;
      Entry also;
      also.event = Sign(std::move(more));
      Append(also);
    };
    if (progress) report_more({.type = job::EventType::kProgress, .progress = progress});
    for (const auto& warning : warnings) {
      report_more({.type = job::EventType::kWarning, .warning = job::Warning{warning}});
    }
  }
  return job.follower == nullptr;
}

// What stays after a success is meant to. After anything else nothing may go on beside what
// follows, and "canceled" is said of an empty cgroup only.
void Executor::EndAttempt(const Uuid& id, const Job& job, Running& running) {
  if (running.over) return;
  const auto paths = setup_.state.Attempt(Current(id, job));
  auto record = exec::ReadExit(paths);
  if (!record && !exec::IsDamaged(record.error())) return;  // it can be read later
  const bool succeeded =
      record && *record && (*record)->ending == exec::Ending::kExited && (*record)->exit_code == 0;
  running.over = succeeded || EndOrphans(paths);
  if (running.over) {
    running.record = std::move(record);
    return;
  }
  const auto now = clock_.Steady();
  if (!running.orphans_logged_at) running.orphans_logged_at = now + kOrphansEndWithin;
  if (now < *running.orphans_logged_at) return;
  running.orphans_logged_at = now + kOrphansLoggedEvery;
  logger_.Error("orphans_left", {{"attempt", job.state.attempt}}, Subject(id, job));
}

void Executor::FinishAttempt(const Uuid& id, Job& job) {
  const auto ended = running_.extract(id);
  const auto& record = ended.mapped().record;
  const bool whole = record && *record;
  TakeBackInstaller(job, setup_.state.Attempt(Current(id, job)), whole ? &**record : nullptr);
  const bool told = ended.mapped().told;
  job.follower.reset();
  if (told) return effects_.push_back([this, id] { Tidy(id); });
  if (whole && (*record)->ending != exec::Ending::kInterrupted) return Conclude(id, job, **record);
  job::StateChange change;
  change.reason = record ? "the runner ended without a result" : record.error().ToString();
  if (whole) {
    change.reason = (*record)->reason;
    change.log = (*record)->log;
  }
  Interrupted(id, job, std::move(change));
}

void Executor::KeepEnded() {
  for (auto& [id, running] : running_) {
    if (!running.gone || std::exchange(running.kept, true)) continue;
    Keep(id, jobs_.at(id));
  }
}

void Executor::Keep(const Uuid& id, const Job& job) {
  if (const auto kept = exec::KeepAttempt(setup_.state.Attempt(Current(id, job))); !kept)
    logger_.Warning("attempt_not_kept", {{"reason", kept.error().ToString()}}, Subject(id, job));
}

void Executor::Interrupted(const Uuid& id, Job& job, job::StateChange change) {
  change.status = job::Status::kInterrupted;
  if (job.state.cancel) {
    change.status = job::Status::kCanceled;
    change.reason = "canceled; " + change.reason.value_or("");
    return EndJob(id, job, std::move(change));
  }
  if (const auto prepared = Prepared(id, job); prepared && !job::IsParked(job.state.status)) {
    const auto delay =
        job::DelayBeforeNextAttempt((*prepared)->order.attempts, (*prepared)->manifest.idempotent,
                                    job::AttemptEnd::kInterrupted, job.state.attempt);
    if (delay) return Retry(id, job, *delay, std::move(change));
  }
  logger_.Warning("job_interrupted", {{"reason", change.reason.value_or("")}}, Subject(id, job));
  EndJob(id, job, std::move(change));
}

void Executor::Conclude(const Uuid& id, Job& job, const exec::ExitRecord& record) {
  const auto prepared = Prepared(id, job);
  const auto reboots = job.state.continuation.value_or(0);
  const bool asks_for_reboot =
      prepared && AsksForReboot(record, contract::MayReboot((*prepared)->manifest.reboot, reboots));
  // Nothing follows by itself on one that was lost.
  const bool parked = job::IsParked(job.state.status);
  if (asks_for_reboot && !parked && !job.state.cancel) return AwaitReboot(id, job);
  auto change = OutcomeOf(record);
  if (asks_for_reboot && job.state.cancel) {
    change.status = job::Status::kCanceled;
    change.failure_kind.reset();
    change.reason = "canceled before the reboot that it asked for";
  } else if (reboots >= contract::kMostReboots && record.exit_code == contract::kExitReboot) {
    change.reason = fmt::format("exit code 194 after {} reboots, which is the most", reboots);
  }
  if (change.failure_kind == job::FailureKind::kOom && prepared &&
      (*prepared)->order.limits.memory_mb) {
    *change.reason +=
        fmt::format("; the job's limit is {} MB", *(*prepared)->order.limits.memory_mb);
  }
  logger_.Info("attempt_exited",
               {{"attempt", job.state.attempt},
                {"status", json::EnumName(change.status)},
                {"reason", change.reason.value_or("")}},
               Subject(id, job));
  if (prepared && change.failure_kind == job::FailureKind::kInstallation && !parked) {
    const auto delay =
        job::DelayBeforeNextAttempt((*prepared)->order.attempts, (*prepared)->manifest.idempotent,
                                    job::AttemptEnd::kInstallationError, job.state.attempt);
    if (delay && job.state.cancel) {
      change.status = job::Status::kCanceled;
      change.failure_kind.reset();
      change.reason = "canceled before its next attempt";
    } else if (delay) {
      return Retry(id, job, *delay, std::move(change));
    }
  }
  Entry end;
  if (change.status == job::Status::kSucceeded) Remember(job, end);
  EndJob(id, job, std::move(change), std::move(end));
}

void Executor::Retry(const Uuid& id, Job& job, Seconds delay, job::StateChange change) {
  change.status = job::Status::kRetryWait;
  change.failure_kind.reset();
  change.outputs.clear();
  change.left_running.clear();
  job.state.due = clock_.Now() + delay;
  // Not before this is durable: the next life would find the directory of an attempt that no record
  // leads to, and nothing could start in its place.
  effects_.push_back([this, id, due = clock_.Steady() + delay] {
    if (jobs_.at(id).state.status == job::Status::kRetryWait) retrying_[id] = due;
  });
  change.next_attempt_at = job.state.due;
  logger_.Info("retry_scheduled",
               {{"attempt", job.state.attempt}, {"due", FormatTime(*job.state.due)}},
               Subject(id, job));
  Change(id, job, std::move(change));
}

void Executor::EndJob(const Uuid& id, Job& job, job::StateChange change, Entry entry) {
  job.state.due.reset();
  job.state.cancel = false;
  logger_.Info("job_finished",
               {{"status", json::EnumName(change.status)}, {"reason", change.reason.value_or("")}},
               Subject(id, job));
  Change(id, job, std::move(change), std::move(entry));
  late_effects_.push_back([this, id] { Tidy(id); });
}

void Executor::Tidy(const Uuid& id) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return;
  auto& ended = found->second;
  if (auto written =
          WriteJobLog(setup_.state, id, ended.state.attempt, setup_.configuration.log_dir);
      !written) {
    logger_.Warning("job_log_not_written", {{"reason", written.error().ToString()}},
                    Subject(id, ended));
  }
  CleanJob(id, ended);
}

// The sealed inputs go with the envelope; what is left is the record and the logs.
void Executor::CleanJob(const Uuid& id, Job& job) {
  std::error_code ignored;
  const bool sealed = job.envelope.empty();
  if (sealed) std::filesystem::remove(setup_.state.Envelope(id), ignored);
  if (sealed && job.state.attempt == 0) std::filesystem::remove(setup_.state.Job(id), ignored);
  job.envelope = {};
  job.prepared.reset();
  job.tidied = true;
  tidied_.push_back(id);
}

void Executor::TakeBackInstaller(const Job& job, const exec::AttemptPaths& paths,
                                 const exec::ExitRecord* record) {
  // What runs on may write into it.
  const bool alone = record != nullptr && record->ending == exec::Ending::kExited &&
                     record->left_running.empty() && !record->reason;
  if (job.prepared && alone)
    return installers_.TakeBack(job.prepared->order.installer_digest, paths.Installer());
  exec::CleanAttempt(paths);
}

}  // namespace prov::agent
