#include "panel/dispatch/event_applier.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "job/limits.hpp"
#include "panel/dispatch/agent_identity.hpp"
#include "panel/dispatch/external_job.hpp"
#include "panel/dispatch/known_failure.hpp"
#include "panel/dispatch/pending_commands.hpp"
#include "panel/dispatch/renewal.hpp"

namespace prov::panel {
namespace {

namespace asio = boost::asio;

constexpr Seconds kAckValid = std::chrono::minutes{10};
// The agent keeps 64 MiB of a job's log; what is sent beyond that, with a margin, is not stored.
constexpr std::uint64_t kMostLogBytes = std::uint64_t{66} << 20;
// What is so small takes less than the way to another thread.
constexpr std::size_t kVerifiedHere = 4096;  // bytes
// Of one agent's events, so many refusals are in the audit for each hour, which is kept for ever;
// all of them are in the log.
constexpr std::size_t kMostRefusalsAudited = 100;
constexpr Seconds kRefusalsCountedFor = std::chrono::hours{1};

// With what an agent is asked, should events be missing.
struct Question {
  const KeyRing* keys;
  Uuid id;  // of the command
};

// What an attempt that ends so may have failed of.
bool IsToBeExplained(job::Status status) {
  return job::IsFailure(status) || status == job::Status::kRetryWait;
}

// Without what a server may have filled it with: of one delivery thousands may be kept.
job::Record Outlined(job::Record ended) {
  ended.inputs = {};
  ended.outputs = {};
  ended.left_running = {};
  ended.steps = {};
  return ended;
}

class Application {
 public:
  Application(store::Transaction& t, store::Agent agent, const Question& question,
              const Catalogue& catalogue, WallTime now, std::size_t refusals_left)
      : t_(t),
        agent_(std::move(agent)),
        question_(question),
        catalogue_(catalogue),
        now_(now),
        refusals_left_(refusals_left) {}

  Result<Applied> Run(const Delivery& delivery) {
    const auto before = agent_;
    PROV_CHECK(Take(delivery));
    if (agent_ != before) PROV_CHECK(t_.agents().Update(agent_, before.key_generation));
    done_.generation = agent_.key_generation;
    return std::move(done_);
  }

 private:
  Status Take(const Delivery& delivery) {
    if (agent_.cloned) return RefuseAll(ClonedError(agent_));
    if (delivery.events.empty()) return Unverifiable(delivery.faults.front());
    PROV_TRY(const auto finding, Identify(t_, agent_, delivery.events));
    switch (finding.kind) {
      case Finding::Kind::kCloned:
        PROV_CHECK(MarkCloned(t_, agent_, finding.why, now_));
        return RefuseAll(ClonedError(agent_));
      case Finding::Kind::kRefused:
        PROV_CHECK(MarkRefused(t_, agent_, finding.why, now_));
        return RefuseAll(
            {ErrorCode::kPermissionDenied,
             agent_.id + " is not heard: " + finding.why + "; enrol it again if that is right",
             {}});
      case Finding::Kind::kFollows:
        PROV_CHECK(BeginEpoch(delivery.events.front().event));
        break;
      case Finding::Kind::kKnown:
        break;
    }
    PROV_CHECK(UseOfferedKeys(delivery.events));
    return ApplyInSequence(delivery);
  }

  Status ApplyInSequence(const Delivery& delivery) {
    PROV_TRY(const auto asked, PendingCommands(t_, agent_.id, job::CommandType::kQuery));
    if (!asked.empty()) answering_ = true;
    PROV_TRY(const auto before, t_.agents().Position(agent_.id, agent_.epoch));
    auto position = before;
    std::vector<store::EventPosition> applied;
    for (const auto& each : delivery.events) {
      const auto seq = each.event.seq;
      if (seq <= position.sequence) continue;
      if (seq > position.sequence + 1) {
        if (each.event.oldest <= position.sequence + 1) break;  // it will come again
        done_.gap = ask_ = answering_ = true;
      }
      PROV_CHECK(Apply(each));
      position = {seq, each.hash};
      applied.push_back(position);
    }
    if (ask_) PROV_CHECK(Ask(asked));
    done_.position = position.sequence;
    if (applied.empty())
      return delivery.faults.empty() ? Status() : Unverifiable(delivery.faults.front());
    PROV_CHECK(t_.agents().Advance(agent_.id, agent_.epoch, before.sequence, position));
    PROV_CHECK(t_.agents().KeepHashes(agent_.id, agent_.epoch, applied));
    if (!agent_.refused.empty()) {
      agent_.refused.clear();
      done_.servers = true;
    }
    return {};
  }

  Status RefuseAll(Error error) {
    done_.refusal = std::move(error);
    done_.servers = true;
    return {};
  }

  Status Unverifiable(const Error& fault) {
    PROV_CHECK(MarkRefused(t_, agent_, "an event could not be verified: " + fault.message, now_));
    return RefuseAll(fault);
  }

  // Whoever signs with the keys that were offered has them: from now on they are the agent's.
  Status UseOfferedKeys(const std::vector<VerifiedEvent>& events) {
    const auto offered = agent_.offered_generation;
    const bool used = offered != 0 && std::ranges::any_of(events, [&](const VerifiedEvent& each) {
                        return each.generation == offered;
                      });
    if (!used) return {};
    agent_.previous_generation = agent_.key_generation;
    agent_.key_generation = std::exchange(agent_.offered_generation, 0);
    PROV_CHECK(t_.audit().Append({now_,
                                  "agent:" + agent_.id,
                                  "agent.keys_rotated",
                                  agent_.id,
                                  {{"generation", agent_.key_generation}}}));
    return {};
  }

  // In place of what was asked before: the answer to that may be among what was lost. Of more jobs
  // than one query holds, the newest are left out; they are sent again, which makes the agent say
  // where they stand.
  Status Ask(const std::vector<Uuid>& asked) {
    PROV_CHECK(Withdraw(t_, asked));
    PROV_TRY(const auto unsettled, t_.jobs().Unsettled(agent_.id, job::kMaxQueriedJobs));
    if (unsettled.empty()) return {};
    done_.told = true;
    PROV_TRY(const auto epoch, Uuid::Parse(agent_.epoch));
    auto command = CommandHeader(agent_.id, epoch, question_.id, now_);
    command.query.emplace();
    for (const auto& record : unsettled) {
      auto& asked = record.status == job::Status::kDispatched ? command.query->handed_over
                                                              : command.query->jobs;
      asked.push_back(record.id);
    }
    PROV_TRY(const auto row, SignedCommand(*question_.keys, agent_, question_.id,
                                           job::CommandType::kQuery, command));
    return t_.commands().Insert(row);
  }

  // Of its jobs the agent says what it still knows of its own accord; of the rest it is asked.
  Status BeginEpoch(const job::Event& event) {
    agent_.epoch = event.epoch.ToString();
    const auto& keys = *question_.keys;
    PROV_TRY(done_.told, RenewCommands(t_, keys, agent_, {job::CommandType::kQuery}));
    if (agent_.drained) {
      PROV_TRY(const bool drains, RenewDrain(t_, keys, agent_, now_));
      done_.told = done_.told || drains;
    }
    ask_ = answering_ = done_.servers = true;
    PROV_CHECK(t_.audit().Append({now_,
                                  "agent:" + agent_.id,
                                  "agent.new_epoch",
                                  agent_.id,
                                  {{"reason", Shortened(event.facts->epoch.reason)}}}));
    return {};
  }

  Status Apply(const VerifiedEvent& verified) {
    const auto& event = verified.event;
    switch (event.type) {
      case job::EventType::kFacts:
        return ApplyFacts(*event.facts);
      case job::EventType::kCommand:
        return ApplyCommand(*event.command);
      default:
        return ApplyToJob(verified);
    }
  }

  Status ApplyFacts(const job::Facts& facts) {
    agent_.facts = json::Write(facts);
    agent_.drained = facts.drained;
    agent_.warnings = facts.warnings;
    done_.servers = true;
    return PinSealingKey(facts);
  }

  // It changes only so: signed with the event key.
  Status PinSealingKey(const job::Facts& facts) {
    if (!facts.sealing_key) return {};
    PROV_TRY(auto key, Base64Decode(*facts.sealing_key));
    if (key == agent_.sealing_key) return {};
    agent_.sealing_key = std::move(key);
    PROV_CHECK(t_.audit().Append(
        {now_, "agent:" + agent_.id, "agent.sealing_key_rotated", agent_.id, {}}));
    return {};
  }

  Status ApplyCommand(const job::CommandResult& result) {
    const auto command = CommandOfNonce(result.nonce);
    if (!command) return {};
    const auto confirmed = t_.commands().Confirm(*command);
    if (!confirmed && confirmed.error().code != ErrorCode::kNotFound) return confirmed;
    if (result.result != "done")
      done_.refused.push_back("a command was not carried out: " + result.result);
    return {};
  }

  Status ApplyToJob(const VerifiedEvent& verified) {
    const auto& event = verified.event;
    const auto id = *event.job;
    if (auto why = job::TooMuch(event)) return Refuse(id, std::move(*why));
    auto record = t_.jobs().Get(kPanel, id);
    if (!record && record.error().code == ErrorCode::kNotFound && event.state &&
        event.state->ordered) {
      record = AdoptExternalJob(t_, agent_, catalogue_, event, now_);
    }
    if (!record && record.error().code != ErrorCode::kNotFound) return record.error();
    if (!record || record->server_id != agent_.id) {
      return Refuse(id, record ? "it is another server's job" : "there is no such job");
    }
    auto next = *record;
    std::optional<store::LogChunk> log;
    auto by = job::Party::kAgent;
    if (event.state) {
      if (job::IsTerminal(record->status)) return {};  // said before
      if (!job::MayTransition(record->status, event.state->status, by) &&
          event.state->status != record->status) {
        if (!answering_ && !event.state->again.value_or(false)) {
          return Refuse(id,
                        fmt::format("{} does not follow {}", json::EnumName(event.state->status),
                                    json::EnumName(record->status)));
        }
        by = job::Party::kAnswer;
      }
      SetState(next, event);
      if (IsToBeExplained(next.status)) {
        PROV_TRY(next.known_failure, FindKnownFailure(t_, catalogue_, next));
      }
    } else {
      // A lost one's script may go on, and what it says is no less true.
      const bool over = !job::IsActive(record->status) && record->status != job::Status::kLost;
      if (over || event.attempt != record->attempt)
        return Refuse(id, "it is about an attempt that is over");
      if (event.log && event.log->first <= record->log.lines)
        return Refuse(id, "its lines of the log are here already");
      if (event.log) log = SetLog(next, verified);
      SetRest(next, event);
      if (auto why = event.output ? job::TooMuch(next.outputs) : std::nullopt)
        return Refuse(id, std::move(*why));
    }
    const auto applied = t_.jobs().Apply({record->attempt, record->status}, by, next, now_, log);
    if (!applied && applied.error().code == ErrorCode::kConflict)
      return Refuse(id, applied.error().message);
    if (!applied) return applied.error();
    if (event.state && event.state->status != record->status) {
      PROV_CHECK(Audit(id, next));
      // A wait that is over is not hurried any more.
      if (record->status == job::Status::kRetryWait) PROV_CHECK(WithdrawRetryNow(id));
    }
    done_.jobs.insert(id);
    if (!job::IsActive(next.status) && next.status != record->status)
      done_.finished.push_back(Outlined(std::move(next)));
    return {};
  }

  void SetState(job::Record& next, const job::Event& event) {
    const auto& state = *event.state;
    next.status = state.status;
    next.status_reason = state.reason;
    next.next_attempt_at = state.next_attempt_at;
    next.exit_code = state.exit_code;
    next.signal = state.signal;
    next.failure_kind = state.failure_kind;
    if (event.attempt && *event.attempt > next.attempt) {
      next.attempt = *event.attempt;
      next.log = {};
      next.steps.clear();
      next.known_failure.reset();
      next.progress.reset();
      next.message.reset();
    }
    const auto at = When(next, event);
    if (state.status == job::Status::kRunning && !next.started_at) next.started_at = at;
    next.needs_attention =
        state.failure_kind == job::FailureKind::kConfiguration || job::IsParked(state.status);
    if (!state.outputs.empty()) next.outputs = state.outputs;
    next.left_running = state.left_running;
    if (state.log) {
      const bool all = next.log.bytes == state.log->bytes;
      next.log.dropped_bytes = state.log->dropped_bytes;
      next.log.sha256 = state.log->sha256;
      next.log.complete = all && state.log->complete;
    }
    next.finished_at.reset();
    if (!job::IsActive(state.status)) next.finished_at = at;
    if (!job::IsActive(state.status) || state.status == job::Status::kRetryWait)
      job::EndSteps(next.steps, state.status, at);
    if (state.status == job::Status::kSucceeded) next.progress = 100;
  }

  // By the agent's clock, since the event may have waited for the panel; within what can be.
  WallTime When(const job::Record& record, const job::Event& event) const {
    const auto first = record.started_at.value_or(record.dispatched_at.value_or(record.created_at));
    return std::min(std::max(event.time, first), std::max(now_, first));
  }

  static std::optional<store::LogChunk> SetLog(job::Record& next, const VerifiedEvent& verified) {
    const auto& chunk = *verified.event.log;
    if (next.log.bytes + verified.log_bytes > kMostLogBytes) {
      next.log.dropped_bytes += verified.log_bytes;
      return std::nullopt;
    }
    next.log.bytes += verified.log_bytes;
    job::TakeMarks(next.steps, verified.step_marks);
    next.log.lines = chunk.first + chunk.lines - 1;
    return store::LogChunk{chunk.first, chunk.lines, verified.stored_log};
  }

  static void SetRest(job::Record& next, const job::Event& event) {
    if (event.progress) {
      next.progress = event.progress->percent;
      next.message = event.progress->message;
    }
    if (event.warning) next.message = "warning: " + event.warning->text;
    if (event.output) {
      std::erase_if(next.outputs,
                    [&](const job::Output& old) { return old.name == event.output->name; });
      next.outputs.push_back(*event.output);
    }
  }

  Status WithdrawRetryNow(const Uuid& id) {
    PROV_TRY(const auto pending, PendingCommands(t_, agent_.id, job::CommandType::kRetryNow, id));
    return Withdraw(t_, pending);
  }

  Status Audit(const Uuid& id, const job::Record& next) {
    PROV_CHECK(t_.audit().Append({now_,
                                  "agent:" + agent_.id,
                                  "job." + json::EnumName(next.status),
                                  id.ToString(),
                                  {{"attempt", next.attempt}}}));
    return {};
  }

  // Refused, and the sequence goes on: it will never be right.
  Status Refuse(const Uuid& id, std::string why) {
    done_.refused.push_back(id.ToString() + ": " + why);
    if (done_.refusals_audited == refusals_left_) return {};
    if (++done_.refusals_audited == refusals_left_)
      why += "; what else is refused within the hour is in the panel's log alone";
    PROV_CHECK(t_.audit().Append(
        {now_, "agent:" + agent_.id, "event.refused", id.ToString(), {{"reason", why}}}));
    return {};
  }

  store::Transaction& t_;
  store::Agent agent_;
  const Question& question_;
  const Catalogue& catalogue_;
  WallTime now_;
  std::size_t refusals_left_;  // that go into the audit
  bool answering_ = false;     // it was asked, and may say any state
  bool ask_ = false;
  Applied done_;
};

Result<Applied> ApplyAll(store::Transaction& t, const Delivery& delivery, const Question& question,
                         const Catalogue& catalogue, WallTime now, std::size_t refusals_left) {
  auto row = t.agents().Get(kPanel, delivery.agent);
  if (!row && row.error().code == ErrorCode::kNotFound)
    row = RegisterByEvent(t, delivery.agent, delivery.events, now);
  if (!row) return row.error();
  return Application(t, std::move(*row), question, catalogue, now, refusals_left).Run(delivery);
}

}  // namespace

EventApplier::EventApplier(StoreGate& store, const Registry& registry, LiveHub& hub,
                           const KeyRing& keys, const Clock& clock, Random& random, Logger& logger,
                           std::function<void(const std::string&)> wake)
    : store_(store),
      registry_(registry),
      hub_(hub),
      keys_(keys),
      clock_(clock),
      random_(random),
      logger_(logger),
      wake_(std::move(wake)) {}

// `events` are the caller's, who waits.
asio::awaitable<Result<std::shared_ptr<const Delivery>>> EventApplier::Verify(
    const std::string& agent, std::span<const std::string> events) {
  const auto row = co_await store_.Read(
      [agent](store::Transaction& t) { return t.agents().Get(kPanel, agent); });
  if (!row && row.error().code != ErrorCode::kNotFound) co_return row.error();
  // Whoever is not registered can be so by the keys that follow from SECRET_KEY, the first ones.
  const std::array<std::uint32_t, 3> generations{row ? row->key_generation : 1,
                                                 row ? row->previous_generation : 0,
                                                 row ? row->offered_generation : 0};
  std::size_t bytes = 0;
  for (const auto& event : events) bytes += event.size();
  const auto verify = [&]() -> Result<std::shared_ptr<const Delivery>> {
    return std::make_shared<const Delivery>(VerifyDelivery(keys_, agent, generations, events));
  };
  if (bytes <= kVerifiedHere) co_return verify();
  co_return co_await pool_.Run(verify);
}

std::size_t EventApplier::RefusalsLeft(const std::string& agent) {
  const auto found = audited_.find(agent);
  if (found == audited_.end()) return kMostRefusalsAudited;
  if (clock_.Steady() - found->second.since >= kRefusalsCountedFor) {
    audited_.erase(found);
    return kMostRefusalsAudited;
  }
  return kMostRefusalsAudited - std::min(kMostRefusalsAudited, found->second.refusals);
}

void EventApplier::CountRefusals(const std::string& agent, std::size_t audited) {
  if (audited == 0) return;
  audited_.try_emplace(agent, Audited{clock_.Steady(), 0}).first->second.refusals += audited;
}

asio::awaitable<Result<Applied>> EventApplier::Apply(std::shared_ptr<const Delivery> delivery) {
  const auto now = clock_.Now();
  const Question question{&keys_, Uuid::MakeV7(clock_, random_)};
  auto applied =
      co_await store_.Write([delivery, question, catalogue = registry_.Current(), now,
                             left = RefusalsLeft(delivery->agent)](store::Transaction& t) {
        return ApplyAll(t, *delivery, question, *catalogue, now, left);
      });
  if (applied) CountRefusals(delivery->agent, applied->refusals_audited);
  if (!applied) {
    logger_.Warning("events_refused",
                    {{"server_id", delivery->agent}, {"reason", applied.error().ToString()}});
  }
  co_return applied;
}

asio::awaitable<Result<std::string>> EventApplier::Deliver(std::string agent,
                                                           std::vector<std::string> events) {
  std::string ack;
  for (std::span<const std::string> left(events); !left.empty();) {
    PROV_CO_TRY(const auto delivery, co_await Verify(agent, left));
    left = left.subspan(delivery->looked_at);
    for (const auto& fault : delivery->faults)
      logger_.Warning("event_refused", {{"server_id", agent}, {"reason", fault.ToString()}});
    PROV_CO_TRY(const auto applied, co_await Apply(delivery));
    Tell(agent, applied);
    if (applied.refusal && ack.empty()) co_return *applied.refusal;
    if (applied.refusal) break;
    auto command = CommandHeader(agent, delivery->events.front().event.epoch,
                                 Uuid::MakeV7(clock_, random_), clock_.Now(), kAckValid);
    command.ack = job::Ack{applied.position};
    PROV_CO_TRY(ack, keys_.SignCommand(job::CommandType::kAck, command, applied.generation));
  }
  co_return ack;
}

// Who waits for what was committed.
void EventApplier::Tell(const std::string& agent, const Applied& applied) {
  if (applied.refusal) {
    logger_.Warning("events_refused",
                    {{"server_id", agent}, {"reason", applied.refusal->ToString()}});
  }
  for (const auto& why : applied.refused)
    logger_.Warning("event_refused", {{"server_id", agent}, {"reason", why}});
  for (const auto& id : applied.jobs) hub_.JobChanged(id);
  for (const auto& record : applied.finished) {
    if (on_finished_) on_finished_(record);
  }
  if (applied.servers) hub_.ServersChanged();
  if (applied.gap) logger_.Warning("event_gap", {{"server_id", agent}});
  if (applied.told) wake_(agent);
}

}  // namespace prov::panel
