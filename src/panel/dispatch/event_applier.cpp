#include "panel/dispatch/event_applier.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "base/sha256.hpp"
#include "job/log_chunk.hpp"
#include "job/log_lines.hpp"

namespace prov::panel {
namespace {

namespace asio = boost::asio;

const store::Actor kPanel{"panel", true};
constexpr Seconds kAckValid = std::chrono::minutes{10};
constexpr Seconds kQueryValid = std::chrono::hours{24};
constexpr std::string_view kQuery = "query";
constexpr std::size_t kMostPending = 1000;
// The agent keeps 64 MiB of a job's log; what is sent beyond that, with a margin, is not stored.
constexpr std::uint64_t kMostLogBytes = std::uint64_t{66} << 20;

// What one delivery did. Assigned anew by each run of the transaction.
struct Applied {
  std::uint64_t position = 0;
  std::set<Uuid> jobs;
  bool servers = false;
  bool gap = false;
  std::vector<job::Record> finished;
  std::vector<std::string> refused;  // sentences for the log
};

// With what an agent is asked, should events be missing.
struct Question {
  const KeyRing* keys;
  Uuid id;  // of the command
};

class Application {
 public:
  Application(store::Transaction& t, store::Agent agent, const Question& question, WallTime now)
      : t_(t), agent_(std::move(agent)), question_(question), now_(now) {}

  Result<Applied> Run(const std::vector<VerifiedEvent>& events) {
    PROV_TRY(const auto asked, PendingQueries());
    answering_ = !asked.empty();
    const auto epoch = events.front().event.epoch;
    if (epoch.ToString() != agent_.epoch) PROV_CHECK(BeginEpoch(events.front().event));
    PROV_TRY(const auto before, t_.agents().Position(agent_.id, agent_.epoch));
    auto position = before;
    for (const auto& each : events) {
      const auto seq = each.event.seq;
      if (seq <= position.sequence) {
        if (seq == position.sequence && each.hash != position.hash && !position.hash.empty())
          return Cloned();
        continue;
      }
      if (seq > position.sequence + 1) {
        if (each.event.oldest <= position.sequence + 1) break;  // it will come again
        done_.gap = answering_ = true;
      }
      PROV_CHECK(Apply(each));
      position = {seq, each.hash};
    }
    if (done_.gap) PROV_CHECK(Ask(asked));
    if (position != before) {
      PROV_CHECK(t_.agents().Advance(agent_.id, agent_.epoch, before.sequence, position));
    }
    done_.position = position.sequence;
    return std::move(done_);
  }

 private:
  Error Cloned() const {
    return {ErrorCode::kPermissionDenied,
            agent_.id +
                " reported the same sequence with other bytes: two servers speak with one "
                "name",
            {}};
  }

  Result<std::vector<Uuid>> PendingQueries() {
    PROV_TRY(const auto pending, t_.commands().Pending(agent_.id, kMostPending));
    std::vector<Uuid> queries;
    for (const auto& command : pending) {
      if (command.kind == kQuery) queries.push_back(command.id);
    }
    return queries;
  }

  // In place of what was asked before: the answer to that may be among what was lost. Of more jobs
  // than one query holds, the newest are left out; they are sent again, which makes the agent say
  // where they stand.
  Status Ask(const std::vector<Uuid>& asked) {
    for (const auto& id : asked) PROV_CHECK(t_.commands().Confirm(id));
    PROV_TRY(const auto unsettled, t_.jobs().Unsettled(agent_.id, job::kMaxQueriedJobs));
    if (unsettled.empty()) return {};
    PROV_TRY(const auto epoch, Uuid::Parse(agent_.epoch));
    job::Command command;
    command.agent = agent_.id;
    command.epoch = epoch;
    command.nonce = CommandNonce(question_.id);
    command.issued_at = now_;
    command.expires_at = now_ + kQueryValid;
    command.query.emplace();
    for (const auto& record : unsettled) {
      auto& asked = record.status == job::Status::kDispatched ? command.query->handed_over
                                                              : command.query->jobs;
      asked.push_back(record.id);
    }
    PROV_TRY(auto bytes,
             question_.keys->SignCommand(job::CommandType::kQuery, command, agent_.key_generation));
    return t_.commands().Insert({question_.id, agent_.id, std::string(kQuery), std::nullopt,
                                 std::move(bytes), now_, command.expires_at});
  }

  // Only facts can announce one, and only what follows the epoch that is known.
  Status BeginEpoch(const job::Event& event) {
    const bool follows = event.facts && event.facts->epoch.previous &&
                         event.facts->epoch.previous->ToString() == agent_.epoch;
    if (!follows) {
      return Error{ErrorCode::kPermissionDenied,
                   agent_.id +
                       " speaks of an epoch that does not follow the one it is known "
                       "with; enrol it again if that is right",
                   {}};
    }
    agent_.epoch = event.epoch.ToString();
    done_.servers = true;
    return t_.audit().Append({now_,
                              "agent:" + agent_.id,
                              "agent.new_epoch",
                              agent_.id,
                              {{"reason", event.facts->epoch.reason}}})
               ? Status()
               : Status(Error{ErrorCode::kUnavailable, "the audit could not be written", {}});
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
    return t_.agents().Update(agent_, agent_.key_generation);
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
    const auto record = t_.jobs().Get(kPanel, id);
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
    } else {
      if (!job::IsActive(record->status) || event.attempt != record->attempt)
        return Refuse(id, "it is about an attempt that is over");
      if (event.log && event.log->first <= record->log.lines)
        return Refuse(id, "its lines of the log are here already");
      if (event.log) log = SetLog(next, verified);
      SetRest(next, event);
    }
    const auto applied = t_.jobs().Apply({record->attempt, record->status}, by, next, now_, log);
    if (!applied && applied.error().code == ErrorCode::kConflict)
      return Refuse(id, applied.error().message);
    if (!applied) return applied.error();
    if (event.state && event.state->status != record->status) PROV_CHECK(Audit(id, next));
    done_.jobs.insert(id);
    if (job::IsTerminal(next.status)) done_.finished.push_back(next);
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
    if (!job::IsActive(state.status)) next.finished_at = at;
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
    PROV_CHECK(t_.audit().Append(
        {now_, "agent:" + agent_.id, "event.refused", id.ToString(), {{"reason", why}}}));
    return {};
  }

  store::Transaction& t_;
  store::Agent agent_;
  const Question& question_;
  WallTime now_;
  bool answering_ = false;  // it was asked, and may say any state
  Applied done_;
};

Result<Applied> ApplyAll(store::Transaction& t, const std::string& agent,
                         const std::vector<VerifiedEvent>& events, const Question& question,
                         WallTime now) {
  PROV_TRY(auto row, t.agents().Get(kPanel, agent));
  return Application(t, std::move(row), question, now).Run(events);
}

}  // namespace

EventApplier::EventApplier(StoreGate& store, LiveHub& hub, const KeyRing& keys, const Clock& clock,
                           Random& random, Logger& logger,
                           std::function<void(const std::string&)> wake)
    : store_(store),
      hub_(hub),
      keys_(keys),
      clock_(clock),
      random_(random),
      logger_(logger),
      wake_(std::move(wake)) {}

Result<VerifiedEvent> EventApplier::Verified(const std::string& agent, std::uint32_t generation,
                                             const std::string& bytes) const {
  PROV_TRY(const auto payload, keys_.VerifyEvent(bytes, agent, generation));
  VerifiedEvent verified;
  PROV_TRY(verified.event, job::ParseEvent(payload));
  if (verified.event.agent != agent)
    return Error{ErrorCode::kPermissionDenied, "an event of another agent", {}};
  verified.hash = Sha256(bytes);
  if (const auto& log = verified.event.log) {
    PROV_TRY(const auto packed, Base64Decode(log->frames));
    PROV_TRY(const auto frames, job::UnpackFrames(packed, log->raw_size));
    if (job::CountLines(frames) != log->lines)
      return Error{ErrorCode::kInvalidArgument, "a log event counts its lines wrong", {}};
    for (const auto& frame : frames) verified.log_bytes += frame.bytes.size();
    verified.stored_log = job::EncodeStored(packed, log->raw_size);
  }
  return verified;
}

asio::awaitable<Result<std::string>> EventApplier::Deliver(std::string agent,
                                                           std::vector<std::string> events) {
  auto row = co_await store_.Read(
      [agent](store::Transaction& t) { return t.agents().Get(kPanel, agent); });
  if (!row) co_return row.error();
  std::vector<VerifiedEvent> verified;
  for (const auto& bytes : events) {
    auto one = Verified(agent, row->key_generation, bytes);
    if (!one) {
      logger_.Warning("event_refused", {{"server_id", agent}, {"reason", one.error().ToString()}});
      co_return one.error();
    }
    verified.push_back(std::move(*one));
  }
  if (verified.empty()) co_return std::string();
  std::ranges::sort(verified, {}, [](const VerifiedEvent& each) { return each.event.seq; });
  const auto epoch = verified.front().event.epoch;
  std::erase_if(verified, [&](const VerifiedEvent& each) { return each.event.epoch != epoch; });
  const auto now = clock_.Now();
  const Question question{&keys_, Uuid::MakeV7(clock_, random_)};
  auto applied = co_await store_.Write([agent, verified, question, now](store::Transaction& t) {
    return ApplyAll(t, agent, verified, question, now);
  });
  if (!applied) {
    logger_.Warning("events_refused",
                    {{"server_id", agent}, {"reason", applied.error().ToString()}});
    co_return applied.error();
  }
  for (const auto& why : applied->refused)
    logger_.Warning("event_refused", {{"server_id", agent}, {"reason", why}});
  for (const auto& id : applied->jobs) hub_.JobChanged(id);
  for (const auto& record : applied->finished) {
    if (on_finished_) on_finished_(record);
  }
  if (applied->servers) hub_.ServersChanged();
  if (applied->gap) {
    logger_.Warning("event_gap", {{"server_id", agent}});
    wake_(agent);
  }
  job::Command command;
  command.agent = agent;
  command.epoch = epoch;
  command.nonce = HexEncode(random_.Bytes(16));
  command.issued_at = now;
  command.expires_at = now + kAckValid;
  command.ack = job::Ack{applied->position};
  co_return keys_.SignCommand(job::CommandType::kAck, command, row->key_generation);
}

}  // namespace prov::panel
