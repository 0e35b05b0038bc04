// The executor: what becomes of every parcel, attempt and command. It believes neither panel nor
// queue nor the net role: only signatures, its own journal, and what it finds on its disk.
//
// Evidence before effect: every change is appended to the journal with the event that reports it,
// Commit() makes all of it durable with one fsync, and only then runs what follows from it (a
// runner is forked, a signal is sent, an event may be read). Not thread-safe: one event loop calls
// it (daemon.hpp).
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/configuration.hpp"
#include "agent/executor/follower.hpp"
#include "agent/executor/installer_store.hpp"
#include "agent/executor/intake.hpp"
#include "agent/executor/outbox.hpp"
#include "agent/executor/quarantine.hpp"
#include "agent/executor/records.hpp"
#include "agent/identity.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "exec/cgroup.hpp"
#include "exec/exit_record.hpp"
#include "exec/journal.hpp"
#include "exec/reboot.hpp"
#include "exec/recovery.hpp"
#include "exec/runner_pool.hpp"
#include "job/command.hpp"
#include "signing/replay_window.hpp"

namespace prov::agent {

// Job ids that are older cannot be told from new ones: they are answered `lost`.
inline constexpr std::chrono::hours kTombstonesKept{24 * 400};
inline constexpr std::size_t kMostTombstones = 200'000;

// What is asked of the machine itself; tests put their own in its place.
struct Machine {
  std::function<Result<std::string>()> boot_id = exec::BootId;
  std::function<Status()> reboot = exec::RequestReboot;
};

struct ExecutorSetup {
  AgentConfiguration configuration;
  Identity identity;
  Epoch epoch;
  exec::StatePaths state;
  exec::CgroupBase cgroup;
  int network_namespace = -1;         // where scripts run; -1: here
  std::vector<std::string> warnings;  // for the server's page
  Machine machine;
  // Beyond this much that the panel has not acknowledged, logs wait in their files.
  std::size_t most_unacknowledged = std::size_t{16} << 20;
  std::size_t most_nonces = 100'000;  // of orders, and as many of commands
  std::size_t most_settled = 50'000;  // records of jobs that are over; they are in memory
  std::uint64_t compact_above = std::uint64_t{16} << 20;  // bytes of the journal
};

// From how many bytes on a journal that was compacted to `size` is compacted again: well before it
// is too large to be read.
std::uint64_t CompactAbove(std::uint64_t least, std::uint64_t size);

class Executor {
 public:
  // RunnerPool's Start; tests put their own in its place.
  using StartRunner = std::function<Result<exec::Runner>(const exec::AttemptSpec&, const Clock&)>;

  // Opens the journal (or begins one), and settles what an earlier life left behind.
  static Result<std::unique_ptr<Executor>> Open(ExecutorSetup setup, const Clock& clock,
                                                Random& random, Logger& logger,
                                                StartRunner start = {});
  ~Executor();

  // An envelope or a command, as it came. Refused or taken: either way it need not come again once
  // Commit() has returned.
  void TakeParcel(const std::string& bytes);
  // What time and the disk have brought: due attempts, grown logs, ended runners, facts.
  void Tick();
  // One fsync, then the effects. An error means that nothing can be promised any more: the process
  // must end, and the next one recovers.
  Status Commit();
  // Rewrites the journal to what is still needed; Commit() does it when the journal has grown.
  void CompactNow();

  // Other keys of the same agent: what is held is signed anew with them, and what was signed with
  // those before is still taken.
  void UseIdentity(Identity identity);
  const Identity& identity() const { return setup_.identity; }

  Outbox& outbox() { return outbox_; }
  // Of the runners under way, readable when one has ended its attempt.
  std::vector<int> RunnerFds() const;
  // When Tick() has something to do at the latest.
  Millis UntilNextTick() const;
  std::size_t running() const { return running_.size(); }
  const Uuid& epoch() const { return setup_.epoch.id; }

 private:
  struct Running {
    exec::Runner runner;
    bool child = false;  // of this process: else it was found after a restart
    bool gone = false;   // it is not at work on the attempt any more
    bool over = false;   // and nothing of the attempt goes on but what is meant to; then
    Result<std::optional<exec::ExitRecord>> record;  // says how it ended
    bool cancel_due = false;                         // the runner could not be told yet
    bool cancel_failed = false;                      // which was said
    bool kept = false;                               // what it left is durable on its own
    bool told = false;  // of a lost job: nothing more is said, only what it left is ended
    std::optional<SteadyTime> orphans_logged_at;  // when it is said that they cannot be ended
  };
  struct RebootRequest {
    SteadyTime given_up_at;
    SteadyTime asked_again_at{};
    std::string error;  // of the last time it was asked for
  };
  struct Job {
    JobState state;
    LogPosition log;
    std::optional<StoredEvent> last_state_event;
    std::shared_ptr<const PreparedJob> prepared;
    std::unique_ptr<LogFollower> follower;
    std::optional<SteadyTime> log_awaited_until;  // since it could not be read
    std::string envelope;  // "" where it seals inputs: then it is on disk, and not in the journal
    bool tidied = false;
    SteadyTime answer_again{};  // when its order, come once more, is answered once more
  };

  Executor(ExecutorSetup setup, exec::Journal journal, Quarantine quarantine, const Clock& clock,
           Random& random, Logger& logger, StartRunner start);

  // recovery.cpp
  void Replay(std::vector<Entry> entries);
  void RecoverJobs();
  void RecoverAttempt(const Uuid& id, Job& job);
  void RecoverLostJournal();
  void RecoverUnknown();
  void RecoverLost(const Uuid& id, Job& job, std::string reason);
  void RecoverLate(const Uuid& id, Job& job);
  // What the journal says, with what is on disk, and what that means; `running` refers to the
  // runner where one lives.
  exec::Recovery FindOut(const exec::AttemptId& attempt, exec::Evidence evidence,
                         Running& running) const;
  void Follow(const Uuid& id, Job& job, Running running);
  void Lose(const Uuid& id, Job& job, std::string reason);
  // What was last reported of it, to be said again.
  job::StateChange LastChange(const Job& job) const;
  bool HasRun(const exec::AttemptId& attempt) const;
  static bool FindRunner(const exec::AttemptPaths& paths, Running& running);
  // False while something of the attempt runs on; to be tried again, because nothing may follow.
  bool EndOrphans(const exec::AttemptPaths& paths);
  void Forget();
  Status Compact();

  // parcels.cpp
  void Take(const std::string& bytes);
  void Audit(std::string_view event, boost::json::object metadata, LogSubject subject = {});
  void TakeOrder(const std::string& envelope);
  void TakeKnown(const Uuid& id, Job& job, const std::string& hash);
  void TakeNew(job::Order order, const std::string& envelope, const std::string& hash);
  void TakeCommand(job::CommandType type, const std::string& bytes);
  std::string TakeKeys(const job::Command& command);
  void Cancel(const job::Command& command, Entry entry);
  void Drain(const job::Command& command, Entry entry);
  void RetryNow(const job::Command& command, Entry entry);
  void Query(const job::Query& query);
  void ReportLost(const Uuid& id, std::string reason);
  Result<std::string> Verified(std::string_view bytes, std::string_view payload_type) const;
  // What is to be said of a job that no record names; kAccepted where it was never here.
  Refusal Unknown(const Uuid& id) const;
  void Reject(const Uuid& id, std::string reason);
  void Settle(const Uuid& id, Job job, Refusal refusal, Entry entry = {},
              std::optional<job::OrderOutline> ordered = {});
  void LoseJournal();

  // attempts.cpp
  // It waits for its first attempt; where that was begun before, what became of it is found out.
  void Await(const Uuid& id, Job& job);
  void StartWaiting();
  std::size_t Busy() const;
  void StartAttempt(const Uuid& id, Job& job);
  Result<exec::AttemptSpec> MakeSpec(const Uuid& id, Job& job);
  static exec::AttemptId Current(const Uuid& id, const Job& job) {
    return {id, job.state.attempt, job.state.continuation.value_or(0)};
  }
  void LookAtRunner(const Uuid& id, Running& running);
  void CancelRunner(const Uuid& id);
  bool ReportLog(const Uuid& id, Job& job);
  bool GiveUpLog(const Uuid& id, Job& job, const Error& error);
  // Ends what a runner that is gone has left. To be called again until `over`.
  void EndAttempt(const Uuid& id, const Job& job, Running& running);
  void FinishAttempt(const Uuid& id, Job& job);
  // What ended and cannot be journalled yet is kept where it is, or a power cut would take it.
  void KeepEnded();
  void Keep(const Uuid& id, const Job& job);
  void Interrupted(const Uuid& id, Job& job, job::StateChange change);
  void Conclude(const Uuid& id, Job& job, const exec::ExitRecord& record);
  void Retry(const Uuid& id, Job& job, Seconds delay, job::StateChange change);
  void EndJob(const Uuid& id, Job& job, job::StateChange change, Entry entry = {});
  void Tidy(const Uuid& id);
  void CleanJob(const Uuid& id, Job& job);
  // The attempt's copy of the installer, which goes back where nothing of the attempt is left.
  void TakeBackInstaller(const Job& job, const exec::AttemptPaths& paths,
                         const exec::ExitRecord* record);
  void ForgetFiles();
  void ForgetInstallers();
  Path JobLog(const Uuid& id) const;
  void Remember(const Job& job, Entry& end);
  boost::json::object Remembered(const std::string& app_id) const;
  void WriteRemembered(const std::string& app_id);
  Status KeepRemembered();
  Result<std::shared_ptr<const PreparedJob>> Prepared(const Uuid& id, Job& job);

  // reboots.cpp
  void AwaitReboot(const Uuid& id, Job& job);
  void RecoverReboot(const Uuid& id, Job& job);
  void RequestReboot();
  void GiveUpReboot();

  // executor.cpp
  // With the acknowledgement, where that went on: it needs no fsync of its own.
  void Append(Entry entry);
  // Nothing, and an error in agent.log, where the event cannot be written.
  std::optional<StoredEvent> Sign(job::Event event);
  // Records the state with the event that reports it, and what else `entry` holds.
  void Change(const Uuid& id, Job& job, job::StateChange change, Entry entry = {});
  void ReportCommand(const std::string& nonce, std::string result, Entry entry);
  void ReportFacts();

  // sealing_tending.cpp
  // Lets the sealing key before go once nothing can need it.
  void TendSealing();
  // Whether a job under way may be sealed to the key that was out by then.
  bool SealedBefore(WallTime out);
  void KeepSealing(Sealing next);
  LogSubject Subject(const Uuid& id, const Job& job) const;

  ExecutorSetup setup_;
  exec::Journal journal_;
  Quarantine quarantine_;
  const Clock& clock_;
  Random& random_;
  Logger& logger_;
  exec::RunnerPool runners_;
  StartRunner start_;
  Outbox outbox_;
  // Apart, so that no flood of orders makes a cancel too old to be taken.
  signing::ReplayWindow order_nonces_;
  signing::ReplayWindow command_nonces_;
  std::map<Uuid, Job> jobs_;
  std::deque<Uuid> waiting_;             // accepted, in the order they came
  std::map<Uuid, SteadyTime> retrying_;  // when the next attempt is due
  std::map<Uuid, Running> running_;
  std::set<Uuid> rebooting_;  // they go on after the machine's next boot
  std::optional<RebootRequest> reboot_request_;
  std::set<Uuid> tombstones_;
  std::set<Uuid> canceled_ahead_;
  bool drained_ = false;
  WallTime drain_issued_at_{};  // of the command that said so
  std::uint64_t journalled_acknowledgement_ = 0;
  std::string failure_;  // why nothing more can be promised
  std::vector<std::function<void()>> effects_;
  std::vector<std::function<void()>> late_effects_;  // after those: nobody waits for them
  // What orders are held against; asked of the kernel every few seconds, not for each order.
  contract::MachineFacts machine_;
  SteadyTime machine_until_{};
  KnownManifests manifests_;
  InstallerStore installers_;
  std::vector<Uuid> tidied_;  // for the next record
  // By application, what the journal says of its inputs; the files of these are not durable yet.
  std::map<std::string, boost::json::object> remembered_;
  std::uint64_t compact_above_ = setup_.compact_above;
  std::string last_facts_;
  SteadyTime audit_again_{};
  std::uint64_t audited_ = 0;  // refusals since
  SteadyTime facts_due_{};
  std::optional<std::uint64_t> sealing_told_;  // the first event that named the present sealing key
  SteadyTime sealing_due_{};
  SteadyTime housekeeping_due_{};
};

}  // namespace prov::agent
