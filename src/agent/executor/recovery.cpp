// After a restart: the journal read again, and what an earlier life left behind settled.
#include <algorithm>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "agent/executor/executor.hpp"
#include "base/encoding.hpp"
#include "base/json.hpp"
#include "exec/spool.hpp"
#include "job/retry.hpp"
#include "signing/dsse.hpp"

namespace prov::agent {
namespace {

// Another name, of when it was last written, for a journal that cannot be gone on with: kept for
// whoever wants to know. It has its own too until the new one is in its place, so that a start
// which ends before finds all of it again.
Status KeepOld(const exec::StatePaths& state) {
  struct stat found{};
  if (lstat(state.Journal().c_str(), &found) != 0)
    return errno == ENOENT ? Status() : ErrnoError("cannot look at " + state.Journal().string());
  const WallTime written(Seconds{found.st_mtim.tv_sec} + Millis{found.st_mtim.tv_nsec / 1'000'000});
  const auto kept = state.root / ("journal.old-" + FormatTime(written));
  if (link(state.Journal().c_str(), kept.c_str()) != 0 && errno != EEXIST)
    return ErrnoError("cannot keep the old journal as " + kept.string());
  return {};
}

struct OpenJournal {
  exec::Journal journal;
  std::vector<Entry> entries;  // of an earlier epoch too
  bool fresh = false;          // a new epoch begins
};

// False where one cannot be understood; it is left out.
bool ParseEntries(const std::vector<exec::JournalRecord>& records, std::vector<Entry>& entries) {
  bool whole = true;
  for (const auto& record : records) {
    if (auto entry = ParseEntry(record.payload))
      entries.push_back(std::move(*entry));
    else
      whole = false;
  }
  return whole;
}

// Why the recorded epoch is over, whose journal cannot be gone on with. "" where none was begun for
// it: it was raised for what became of the one before, and nobody has heard of it yet.
std::string WhyOver(const exec::StatePaths& state, const Epoch& epoch,
                    const Result<exec::OpenedJournal>& opened) {
  const bool unreadable = !opened && opened.error().code == ErrorCode::kCorrupt;
  if (opened && opened->journal.epoch() == epoch.id) return "the journal was damaged";
  const auto begun = ReadFile(state.JournalBegun(), 256);
  if (unreadable && !begun) return "the journal was damaged";
  if (!begun || !begun->starts_with(epoch.id.ToString())) return "";
  return unreadable ? "the journal was damaged" : "the journal was lost";
}

// The journal of the present epoch; where that cannot be had, a new epoch with the reason.
Result<OpenJournal> OpenOrBegin(const exec::StatePaths& state, Epoch& epoch, const Clock& clock,
                                Random& random) {
  auto opened = exec::Journal::Open(state.Journal());
  std::vector<Entry> entries;
  if (opened) {
    // To pass over a record would be to forget what it said.
    const bool whole =
        ParseEntries(opened->records, entries) && opened->damage != exec::Damage::kCorrupt;
    if (whole && opened->journal.epoch() == epoch.id)
      return OpenJournal{std::move(opened->journal), std::move(entries), false};
  } else if (opened.error().code != ErrorCode::kCorrupt &&
             opened.error().code != ErrorCode::kNotFound) {
    return opened.error();
  }
  if (auto reason = WhyOver(state, epoch, opened); !reason.empty()) {
    PROV_TRY(epoch, EnsureEpoch(state, clock, random, std::move(reason)));
  }
  PROV_CHECK(KeepOld(state));
  return OpenJournal{exec::Journal::Begin(state.Journal(), epoch.id), std::move(entries), true};
}

// Behind the first commit: one that is noted and not there was lost.
Status NoteBegun(const exec::StatePaths& state, const Uuid& epoch) {
  const auto text = epoch.ToString() + "\n";
  if (const auto begun = ReadFile(state.JournalBegun(), 256); begun && *begun == text) return {};
  return WriteFileAtomically(state.JournalBegun(), text, 0600);
}

}  // namespace

Result<std::unique_ptr<Executor>> Executor::Open(ExecutorSetup setup, const Clock& clock,
                                                 Random& random, Logger& logger,
                                                 StartRunner start) {
  PROV_TRY(setup.epoch, EnsureEpoch(setup.state, clock, random));
  PROV_TRY(auto opened, OpenOrBegin(setup.state, setup.epoch, clock, random));
  PROV_TRY(auto quarantine, Quarantine::Open(setup.state.root));
  std::unique_ptr<Executor> executor(new Executor(std::move(setup), std::move(opened.journal),
                                                  std::move(quarantine), clock, random, logger,
                                                  std::move(start)));
  if (opened.fresh) {
    // First of all, so that the panel knows the epoch before it hears of a job.
    executor->ReportFacts();
    executor->Replay(std::move(opened.entries));
    PROV_CHECK(executor->KeepRemembered());
    executor->RecoverLostJournal();
    executor->facts_due_ = {};  // they did not know yet what the old journal says
  } else {
    executor->Replay(std::move(opened.entries));
    // Before anything is written: one that is full takes nothing else.
    if (executor->journal_.size() >= executor->compact_above_) executor->CompactNow();
    executor->RecoverJobs();
  }
  PROV_CHECK(executor->Commit());
  PROV_CHECK(NoteBegun(executor->setup_.state, executor->epoch()));
  return executor;
}

void Executor::Replay(std::vector<Entry> entries) {
  const bool ours = outbox_.last() == 0;  // else they are of an earlier epoch: no events of ours
  std::map<Uuid, std::string> envelopes;
  for (auto& entry : entries) {
    if (entry.nonces_forgotten) {
      const auto& [orders, commands] = *entry.nonces_forgotten;
      if (orders) order_nonces_.ForgetUntil(*orders);
      if (commands) command_nonces_.ForgetUntil(*commands);
    }
    const auto take = [&](signing::ReplayWindow& window, const std::optional<Nonce>& nonce) {
      if (nonce)
        (void)window.Take(nonce->value, {nonce->issued_at, nonce->expires_at}, clock_.Now());
    };
    take(order_nonces_, entry.nonce);
    take(command_nonces_, entry.command_nonce);
    if (entry.drained) drained_ = *entry.drained;
    if (entry.drain_issued_at) drain_issued_at_ = *entry.drain_issued_at;
    if (ours && entry.acknowledged) outbox_.RestoreAcknowledged(*entry.acknowledged);
    if (entry.job && entry.tombstone) {
      tombstones_.insert(*entry.job);
      jobs_.erase(*entry.job);
    }
    if (entry.job && entry.cancel_ahead) canceled_ahead_.insert(*entry.job);
    if (entry.job && entry.state) {
      auto& job = jobs_[*entry.job];
      job.state = *entry.state;
      if (entry.event) job.last_state_event = entry.event;
      if (entry.remembered) remembered_[job.state.app_id] = std::move(*entry.remembered);
    }
    if (entry.job && entry.envelope) envelopes[*entry.job] = std::move(*entry.envelope);
    if (entry.job && entry.log) jobs_[*entry.job].log = *entry.log;
    if (ours && entry.event) outbox_.Restore(std::move(*entry.event));
    if (!entry.tidied) continue;
    for (const auto& id : *entry.tidied) {
      if (const auto found = jobs_.find(id); found != jobs_.end()) found->second.tidied = true;
    }
  }
  if (ours) journalled_acknowledgement_ = outbox_.acknowledged();
  for (auto& [id, envelope] : envelopes) {
    if (const auto found = jobs_.find(id);
        found != jobs_.end() && job::IsActive(found->second.state.status))
      found->second.envelope = std::move(envelope);
  }
  for (const auto& [app, inputs] : remembered_) WriteRemembered(app);
}

job::StateChange Executor::LastChange(const Job& job) const {
  if (job.last_state_event) {
    const auto payload = VerifyOwnEvent(setup_.identity, job.last_state_event->bytes);
    const auto event = payload ? job::ParseEvent(*payload) : payload.error();
    if (event && event->state) {
      auto change = *event->state;
      change.again = true;
      return change;
    }
  }
  // Signed with keys of before, or by a journal of before.
  job::StateChange change;
  change.status = job.state.status;
  change.next_attempt_at = job.state.due;
  change.again = true;
  if (change.status == job::Status::kFailed) change.failure_kind = job::FailureKind::kUnknown;
  return change;
}

void Executor::Lose(const Uuid& id, Job& job, std::string reason) {
  logger_.Error("job_lost", {{"reason", reason}}, Subject(id, job));
  job::StateChange change;
  change.status = job::Status::kLost;
  change.reason = std::move(reason);
  Change(id, job, std::move(change));
}

// Of a journal that cannot be gone on with, everything that was under way is lost: nobody knows
// whether it ran, and so it never runs again by itself. What had ended is said again, since the
// events that said so were that journal's.
void Executor::RecoverLostJournal() {
  const auto reason =
      "the journal of this server was lost while the job was under way: " + setup_.epoch.reason;
  for (auto& [id, job] : jobs_) {
    const bool followed = job.state.status == job::Status::kLost && !job.tidied;
    if (job::IsActive(job.state.status) || followed) {
      RecoverLost(id, job, reason);
    } else {
      if (job.tidied) tidied_.push_back(id);
      Change(id, job, LastChange(job));
    }
  }
  Entry entry;
  entry.drained = drained_;
  entry.drain_issued_at = drain_issued_at_;
  Append(entry);
  const auto spooled = exec::ListJobs(setup_.state);
  if (!spooled) return;
  for (const auto& each : *spooled) {
    if (!jobs_.contains(each.job) && !tombstones_.contains(each.job))
      RecoverLost(each.job, jobs_[each.job], reason);
  }
}

// On disk, and in no record: the journal's end was cut off between two records, or the process was
// killed between the copy of an installer and the record of its job.
void Executor::RecoverUnknown() {
  std::error_code fault;
  for (std::filesystem::directory_iterator each(setup_.state.Jobs(), fault), end;
       !fault && each != end; each.increment(fault)) {
    const auto id = Uuid::Parse(each->path().filename().string());
    if (!id || jobs_.contains(*id)) continue;
    if (HasRun({*id, 1, 0}) && !tombstones_.contains(*id)) {
      RecoverLost(*id, jobs_[*id], "not_journalled: an attempt is on disk that no record names");
    } else if (tombstones_.contains(*id) || !exec::LastAttempt(setup_.state, *id)) {
      effects_.push_back([this, id = *id] { (void)exec::RemoveJob(setup_.state, id); });
    }
  }
}

// What is on disk of a job the journal is silent about. It stays lost, but a runner that lives is
// followed, because its result resolves what is parked.
void Executor::RecoverLost(const Uuid& id, Job& job, std::string reason) {
  Running running;
  exec::Recovery found;
  const auto attempt = exec::LastAttempt(setup_.state, id);
  if (attempt) {
    job.state.attempt = attempt->attempt;
    job.state.continuation.reset();
    if (attempt->continuation > 0) job.state.continuation = attempt->continuation;
    found = FindOut(*attempt, {.journal_intact = false}, running);
  }
  const bool follow = found.finding == exec::Finding::kFollow;
  if (follow) reason += "; its script goes on, and how it ends will be reported";
  Lose(id, job, std::move(reason));
  if (follow) return Follow(id, job, std::move(running));
  if (found.end_cgroup) {
    running.gone = running.told = true;
    running_[id] = std::move(running);
    return;
  }
  effects_.push_back([this, id, attempt] {
    if (attempt) exec::CleanAttempt(setup_.state.Attempt(*attempt));
    Tidy(id);
  });
}

// A lost job whose runner the process before this one followed.
void Executor::RecoverLate(const Uuid& id, Job& job) {
  Running running;
  const auto found = FindOut(Current(id, job), {.journalled = exec::Journalled::kStarted}, running);
  running.gone = found.finding != exec::Finding::kFollow;
  if (!running.gone || found.finding == exec::Finding::kFinished)
    return Follow(id, job, std::move(running));
  running.told = true;
  running_[id] = std::move(running);
}

void Executor::RecoverJobs() {
  for (auto& [id, job] : jobs_) {
    switch (job.state.status) {
      case job::Status::kAccepted:
        Await(id, job);
        break;
      case job::Status::kRunning:
        if (job.state.reboot_from)
          RecoverReboot(id, job);
        else
          RecoverAttempt(id, job);
        break;
      case job::Status::kRetryWait:
        if (exec::AttemptExists(setup_.state, {id, job.state.attempt + 1, 0})) {
          ++job.state.attempt;
          job.state.continuation.reset();
          RecoverAttempt(id, job);
        } else {
          const auto wait = job.state.due.value_or(clock_.Now()) - clock_.Now();
          retrying_[id] =
              clock_.Steady() + std::clamp<Millis>(wait, Millis{0}, job::kLongestRetryDelay);
        }
        break;
      default:
        // The process before this one was killed first, or followed a lost one.
        if (job.tidied) break;
        if (job.state.status == job::Status::kLost)
          RecoverLate(id, job);
        else
          effects_.push_back([this, id = id] { Tidy(id); });
        break;
    }
  }
  RecoverUnknown();
  // What is under way goes on first. Ids are made in the order of time, which is the order they
  // were received in, nearly.
  std::ranges::sort(waiting_, {}, [this](const Uuid& id) {
    return std::pair(jobs_.at(id).state.status == job::Status::kAccepted, id);
  });
}

bool Executor::FindRunner(const exec::AttemptPaths& paths, Running& running) {
  // It may be at work on another attempt by now.
  if (!exec::RunnerHoldsLock(paths)) return false;
  const auto containment = exec::ReadContainment(paths);
  if (containment && *containment) {
    if (auto held = exec::OpenPid((*containment)->runner)) {
      running.runner.reference = (*containment)->runner;
      running.runner.pidfd = std::move(*held);
      return true;
    } else if (held.error().code == ErrorCode::kNotFound) {
      return false;
    }
  }
  return true;
}

exec::Recovery Executor::FindOut(const exec::AttemptId& attempt, exec::Evidence evidence,
                                 Running& running) const {
  const auto paths = setup_.state.Attempt(attempt);
  const auto containment = exec::ReadContainment(paths);
  const auto record = exec::ReadExit(paths);
  evidence.spool_exists = exec::AttemptExists(setup_.state, attempt);
  if (record)
    evidence.exit = *record ? exec::ExitEvidence::kWhole : exec::ExitEvidence::kNone;
  else if (exec::IsDamaged(record.error()))
    evidence.exit = exec::ExitEvidence::kCorrupt;
  evidence.runner_alive = FindRunner(paths, running);
  if (containment && *containment) {
    const auto boot = setup_.machine.boot_id();
    evidence.same_boot = !boot || *boot == (*containment)->runner.boot_id;
    if (const auto cgroup = exec::Cgroup::Adopt(**containment))
      evidence.cgroup_populated = cgroup->Populated();
  }
  // A record that cannot be read now may be whole: as long as that is not known, it is awaited.
  if (!record && !exec::IsDamaged(record.error()))
    evidence.same_boot = evidence.runner_alive = true;
  return exec::Recover(evidence);
}

void Executor::RecoverAttempt(const Uuid& id, Job& job) {
  Running running;
  const auto found = FindOut(
      Current(id, job),
      {.journalled = job.state.status == job::Status::kRunning ? exec::Journalled::kStarted
                                                               : exec::Journalled::kReceived},
      running);
  logger_.Info("attempt_recovered",
               {{"attempt", job.state.attempt}, {"finding", json::EnumName(found.finding)}},
               Subject(id, job));
  // What it wrote before it was interrupted is told all the same.
  if (job.state.status != job::Status::kRunning) {
    job::StateChange change;
    change.status = job::Status::kRunning;
    Change(id, job, std::move(change));
  }
  running.gone = found.finding != exec::Finding::kFollow;
  Follow(id, job, std::move(running));
}

void Executor::Follow(const Uuid& id, Job& job, Running running) {
  if (job.log.attempt != job.state.attempt) job.log = {job.state.attempt, 0, 1, 1};
  job.follower =
      std::make_unique<LogFollower>(setup_.state.Attempt(Current(id, job)).Log(), job.log);
  running_[id] = std::move(running);
  // The signal may have been lost with the process that was to send it.
  if (job.state.cancel) CancelRunner(id);
}

bool Executor::EndOrphans(const exec::AttemptPaths& paths) {
  const auto containment = exec::ReadContainment(paths);
  const auto boot = setup_.machine.boot_id();
  if (!boot || (!containment && !exec::IsDamaged(containment.error()))) return false;
  // Processes of before a boot are gone, whatever carries their names now.
  if (containment && *containment && *boot == (*containment)->runner.boot_id) {
    const auto cgroup = exec::Cgroup::Adopt(**containment);
    // Without waiting: other jobs go on meanwhile.
    if (cgroup && !cgroup->KillAll(clock_, Millis{0})) return false;
    if (cgroup) cgroup->Remove();
  }
  exec::CleanAttempt(paths);
  return true;
}

}  // namespace prov::agent
