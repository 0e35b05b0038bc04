#include "agent/executor/executor.hpp"

#include <algorithm>

#include "agent/facts.hpp"
#include "base/encoding.hpp"
#include "base/json.hpp"
#include "job/limits.hpp"

namespace prov::agent {
namespace {

constexpr Millis kFollowEvery{50};
constexpr Millis kFactsEvery{30'000};
constexpr Millis kHousekeepingAfter{60'000};  // a start has other things to do
constexpr Millis kHousekeepingEvery{3'600'000};
constexpr std::size_t kMaxReasonBytes = job::kMostReasonBytes / job::kGrowthAsUtf8;

}  // namespace

Executor::Executor(ExecutorSetup setup, exec::Journal journal, Quarantine quarantine,
                   const Clock& clock, Random& random, Logger& logger, StartRunner start)
    : setup_(std::move(setup)),
      journal_(std::move(journal)),
      quarantine_(std::move(quarantine)),
      clock_(clock),
      random_(random),
      logger_(logger),
      start_(std::move(start)),
      outbox_(setup_.identity.agent_id, setup_.epoch.id, setup_.identity.generation,
              setup_.identity.event_key.Clone(), clock),
      order_nonces_(setup_.most_nonces),
      command_nonces_(setup_.most_nonces),
      installers_(setup_.state.Installers()),
      housekeeping_due_(clock.Steady() + kHousekeepingAfter) {
  if (!start_) {
    start_ = [this](const exec::AttemptSpec& spec, const Clock& now) {
      return runners_.Start(spec, now);
    };
  }
}

Executor::~Executor() = default;

void Executor::UseIdentity(Identity identity) {
  const auto& now = setup_.identity;
  const bool keys =
      identity.generation != now.generation || identity.event_key.view() != now.event_key.view();
  const bool sealing = identity.sealing.present.public_key != now.sealing.present.public_key;
  if (keys) outbox_.UseKey(identity.generation, identity.event_key.Clone());
  setup_.identity = std::move(identity);
  if (keys) logger_.Info("keys_changed", {{"generation", setup_.identity.generation}});
  if (!sealing) return;
  sealing_told_.reset();
  sealing_due_ = facts_due_ = {};
  logger_.Info("sealing_key_changed");
}

void Executor::Append(Entry entry) {
  if (outbox_.acknowledged() > journalled_acknowledgement_)
    entry.acknowledged = journalled_acknowledgement_ = outbox_.acknowledged();
  if (!tidied_.empty()) entry.tidied = std::exchange(tidied_, {});
  journal_.Append(json::ToValue(entry));
}

std::optional<StoredEvent> Executor::Sign(job::Event event) {
  auto stored = outbox_.Add(std::move(event));
  if (stored) return std::move(*stored);
  logger_.Error("event_not_written", {{"reason", stored.error().ToString()}});
  return std::nullopt;
}

void Executor::Change(const Uuid& id, Job& job, job::StateChange change, Entry entry) {
  job.state.status = change.status;
  job.state.changed_at = clock_.Now();
  job::Event event;
  event.type = job::EventType::kState;
  event.job = id;
  if (job.state.attempt > 0) event.attempt = job.state.attempt;
  if (change.status != job::Status::kRetryWait) retrying_.erase(id);
  if (change.status != job::Status::kRunning) job.state.reboot_from.reset();
  if (change.reason)
    change.reason = ReplaceInvalidUtf8(std::string_view(*change.reason).substr(0, kMaxReasonBytes));
  if (!job.state.order_hash.empty()) change.order_hash = job.state.order_hash;
  event.state = change;
  entry.job = id;
  entry.state = job.state;
  entry.event = Sign(event);
  if (!entry.event) {
    // What a script made of its result must not keep the panel from knowing how it ended.
    event.state = job::StateChange{};
    event.state->status = change.status;
    event.state->failure_kind = change.failure_kind;
    event.state->next_attempt_at = change.next_attempt_at;
    event.state->order_hash = change.order_hash;
    event.state->again = change.again;
    event.state->reason = "what else is known of it could not be reported";
    entry.event = Sign(std::move(event));
    if (!entry.event) failure_ = "a change of state could not be written";
  }
  job.last_state_event = entry.event;
  Append(entry);
}

void Executor::ReportCommand(const std::string& nonce, std::string result, Entry entry) {
  job::Event event;
  event.type = job::EventType::kCommand;
  event.command = job::CommandResult{nonce, std::move(result)};
  entry.event = Sign(std::move(event));
  Append(entry);
}

void Executor::ReportFacts() {
  facts_due_ = clock_.Steady() + kFactsEvery;
  auto facts = CollectFacts(setup_.state.root);
  facts.memory_available_mb -= facts.memory_available_mb % job::kFactsStepMb;
  facts.disk_free_mb -= facts.disk_free_mb % job::kFactsStepMb;
  facts.containment = exec::ContainmentName(setup_.cgroup.kind);
  facts.queue_depth = static_cast<std::uint32_t>(waiting_.size());
  facts.running_jobs = static_cast<std::uint32_t>(running_.size());
  facts.drained = drained_;
  facts.warnings = setup_.warnings;
  facts.epoch = EpochFactsOf(setup_.epoch);
  facts.sealing_key = Base64Encode(setup_.identity.sealing.present.public_key);
  const auto text = json::Write(facts);
  if (text == last_facts_) return;
  last_facts_ = text;
  job::Event event;
  event.type = job::EventType::kFacts;
  event.facts = std::move(facts);
  Entry entry;
  entry.event = Sign(std::move(event));
  if (entry.event && !sealing_told_) sealing_told_ = entry.event->seq;
  Append(entry);
}

LogSubject Executor::Subject(const Uuid& id, const Job& job) const {
  return {id.ToString(), job.state.app_id};
}

void Executor::Tick() {
  for (auto& [id, running] : running_) LookAtRunner(id, running);
  std::vector<Uuid> ended;
  for (auto& [id, running] : running_) {
    auto& job = jobs_.at(id);
    const bool whole = ReportLog(id, job);
    // At once, also while the log waits: nobody else holds the script to its timeout any more.
    if (running.gone) EndAttempt(id, job, running);
    if (running.over && whole) ended.push_back(id);
  }
  for (const auto& id : ended) FinishAttempt(id, jobs_.at(id));
  KeepEnded();
  runners_.Tidy(clock_);
  RequestReboot();
  StartWaiting();
  const auto now = clock_.Steady();
  if (now >= facts_due_) ReportFacts();
  if (now >= sealing_due_) TendSealing();
  if (now >= housekeeping_due_) {
    housekeeping_due_ = now + kHousekeepingEvery;
    Forget();
  }
}

Status Executor::Commit() {
  if (journal_.HasUnsynced()) PROV_CHECK(journal_.Sync());
  if (!failure_.empty()) return Error{ErrorCode::kInternal, failure_, {}};
  outbox_.Publish();
  // An effect may ask for more, which the next commit covers.
  auto effects = std::exchange(effects_, {});
  for (const auto& effect : effects) effect();
  for (const auto& effect : std::exchange(late_effects_, {})) effect();
  if (journal_.size() >= compact_above_) CompactNow();
  return {};
}

std::vector<int> Executor::RunnerFds() const {
  std::vector<int> fds;
  for (const auto& [id, running] : running_) {
    if (running.runner.pidfd && !running.gone) fds.push_back(running.runner.ended_fd());
  }
  return fds;
}

Millis Executor::UntilNextTick() const {
  if (!running_.empty()) return kFollowEvery;
  const auto steady = clock_.Steady();
  auto wait = std::chrono::duration_cast<Millis>(std::min(facts_due_, housekeeping_due_) - steady);
  if (reboot_request_)
    wait = std::min(wait, std::chrono::ceil<Millis>(reboot_request_->asked_again_at - steady));
  for (const auto& [id, due] : retrying_)
    wait = std::min(wait, std::chrono::ceil<Millis>(due - steady));
  return std::clamp(wait, Millis{0}, Millis{60'000});
}

}  // namespace prov::agent
