// What comes in: orders and commands (DESIGN, "Envelope").
#include <algorithm>
#include <csignal>

#include <fmt/format.h>

#include "agent/executor/executor.hpp"
#include "agent/facts.hpp"
#include "base/encoding.hpp"
#include "base/json.hpp"
#include "base/sha256.hpp"
#include "signing/enrolment.hpp"

namespace prov::agent {
namespace {

constexpr Millis kAnswerEvery{10'000};
constexpr Millis kMachineKnownFor{5'000};
constexpr Millis kAuditWindow{60'000};
constexpr std::uint64_t kMostAudited = 300;
constexpr std::size_t kMostAuditedBytes = 500;

// The beginning of what somebody else wrote; without what takes six bytes each in JSON.
std::string Excerpt(std::string_view text) {
  std::string excerpt(text.substr(0, kMostAuditedBytes));
  std::ranges::replace_if(excerpt, [](unsigned char byte) { return byte < ' '; }, ' ');
  return ReplaceInvalidUtf8(excerpt) + (text.size() > kMostAuditedBytes ? "…" : "");
}

}  // namespace

Result<std::string> Executor::Verified(std::string_view bytes,
                                       std::string_view payload_type) const {
  return VerifyFromPanel(setup_.identity, bytes, payload_type);
}

// A net role gone wild must not fill the disk with our log.
void Executor::Audit(std::string_view event, boost::json::object metadata, LogSubject subject) {
  const auto now = clock_.Steady();
  if (now >= audit_again_) {
    if (audited_ > kMostAudited)
      logger_.Warning("refusals_not_listed", {{"count", audited_ - kMostAudited}});
    audited_ = 0;
    audit_again_ = now + kAuditWindow;
  }
  if (++audited_ > kMostAudited) return;
  for (auto& member : metadata) {
    if (const auto* text = member.value().if_string()) member.value() = Excerpt(*text);
  }
  logger_.Warning(event, std::move(metadata), std::move(subject));
}

void Executor::TakeParcel(const std::string& bytes) {
  if (!quarantine_.Begin(bytes)) {
    Audit("parcel_quarantined",
          {{"sha256", HexEncode(Sha256(bytes))},
           {"reason", "it ended the agent three times while it was looked at"}});
    if (const auto job = quarantine_.job())
      Reject(*job, "quarantined: it ended the agent three times while it was looked at");
    return;
  }
  Take(bytes);
  quarantine_.End();
}

void Executor::Take(const std::string& bytes) {
  const auto type = ClaimedPayloadType(bytes);
  if (!type) {
    return Audit("parcel_refused", {{"reason", type.error().ToString()}});
  }
  if (*type == job::kOrderPayloadType) return TakeOrder(bytes);
  if (const auto command = job::CommandTypeOf(*type)) return TakeCommand(*command, bytes);
  Audit("parcel_refused", {{"reason", "unknown payload type " + *type}});
}

// Without a signature nothing is reported: nobody with the key has said it. With one the job is
// told its end, or the panel would send it again and again.
void Executor::TakeOrder(const std::string& envelope) {
  const auto payload = Verified(envelope, job::kOrderPayloadType);
  if (!payload) {
    return Audit("signature_rejected", {{"reason", payload.error().ToString()}});
  }
  auto order = job::ParseOrder(*payload);
  if (!order) {
    Audit("order_refused", {{"reason", order.error().ToString()}});
    if (const auto job = ClaimedJob(*payload, setup_.identity.agent_id))
      Reject(*job, "malformed: " + order.error().ToString());
    return;
  }
  if (order->agent != setup_.identity.agent_id) {
    return Audit("order_refused", {{"reason", "it is for another agent"}, {"agent", order->agent}},
                 {order->job.ToString(), order->app_id});
  }
  quarantine_.Name(order->job);
  const auto hash = HexEncode(Sha256(*payload));
  const auto known = jobs_.find(order->job);
  if (known != jobs_.end()) return TakeKnown(known->first, known->second, hash);
  TakeNew(std::move(*order), envelope, hash);
}

void Executor::TakeKnown(const Uuid& id, Job& job, const std::string& hash) {
  if (!job.state.order_hash.empty() && job.state.order_hash != hash) {
    return Audit("order_refused", {{"reason", "the job is known with other bytes"}},
                 Subject(id, job));
  }
  logger_.Debug("order_known", {{"status", json::EnumName(job.state.status)}}, Subject(id, job));
  // While its last state event is held it is sent until it is acknowledged, the same bytes under
  // the same sequence. Afterwards the panel passes that over, so it is said anew
  // (docs/decisions/0012): not at every time, since whoever holds the envelope can send it as often
  // as he likes.
  const auto& last = job.last_state_event;
  if (last && last->seq > outbox_.acknowledged()) return;
  if (clock_.Steady() < job.answer_again || outbox_.bytes() >= setup_.most_unacknowledged) return;
  job.answer_again = clock_.Steady() + kAnswerEvery;
  Change(id, job, LastChange(job));
}

Refusal Executor::Unknown(const Uuid& id) const {
  if (tombstones_.contains(id))
    return {job::Status::kLost, "forgotten: the job was here, and its record is gone"};
  // The oldest tombstones go first.
  const bool beyond = tombstones_.size() >= kMostTombstones && id < *tombstones_.begin();
  if (beyond || id.Time() + kTombstonesKept < clock_.Now())
    return {job::Status::kLost, "too_old: whether it was here is not remembered"};
  // Only a journal that lost records can be silent about what stands on the disk.
  if (HasRun({id, 1, 0}))
    return {job::Status::kLost, "not_journalled: an attempt is on disk that no record names"};
  if (canceled_ahead_.contains(id))
    return {job::Status::kCanceled, "canceled: the cancel came before the job"};
  return {job::Status::kAccepted, ""};
}

void Executor::TakeNew(job::Order order, const std::string& envelope, const std::string& hash) {
  const auto id = order.job;
  Job job;
  job.state.order_hash = hash;
  job.state.app_id = order.app_id;
  job.state.app_version = order.app_version;
  job.state.action = order.action;
  job.state.user_id = order.user_id;
  const LogSubject subject{id.ToString(), order.app_id};
  logger_.Info("job_received",
               {{"user_id", order.user_id},
                {"server_id", order.agent},
                {"action", json::EnumName(order.action)}},
               subject);
  auto ordered = job::OutlineOf(order);
  auto refusal = Unknown(id);
  if (refusal.status != job::Status::kAccepted)
    return Settle(id, std::move(job), refusal, {}, std::move(ordered));
  const Nonce nonce{order.nonce, order.issued_at, order.expires_at};
  Entry entry;
  if (const auto taken =
          order_nonces_.Take(nonce.value, {nonce.issued_at, nonce.expires_at}, clock_.Now());
      !taken) {
    refusal = {job::Status::kRejected, "nonce_seen: " + taken.error().message};
  } else {
    entry.nonce = nonce;
    if (clock_.Steady() >= machine_until_) {
      machine_ = CollectMachine(setup_.state.root);
      machine_until_ = clock_.Steady() + kMachineKnownFor;
    }
    const IntakeContext context{
        setup_.configuration, setup_.state, setup_.epoch.id, machine_,
        clock_.Now(),         manifests_,   installers_,     Remembered(order.app_id)};
    auto examined = Examine(context, std::move(order), envelope);
    if (auto* refused = std::get_if<Refusal>(&examined)) {
      refusal = std::move(*refused);
    } else {
      job.prepared =
          std::make_shared<const PreparedJob>(std::move(std::get<PreparedJob>(examined)));
      // Ciphertext is to be gone when the job ends, and the journal forgets nothing so soon.
      if (job.prepared->order.sealed_inputs.empty()) {
        job.envelope = envelope;
        entry.envelope = envelope;
      }
    }
  }
  Settle(id, std::move(job), std::move(refusal), std::move(entry), std::move(ordered));
}

void Executor::Reject(const Uuid& id, std::string reason) {
  if (jobs_.contains(id)) return;  // what is journalled stays untouched
  auto refusal = Unknown(id);
  if (refusal.status == job::Status::kAccepted)
    refusal = {job::Status::kRejected, std::move(reason)};
  Settle(id, {}, std::move(refusal));
}

// The first record of a job: what became of its order, its nonce and its envelope. In two records a
// write that was torn between them would make the same order, come again, a nonce seen before.
void Executor::Settle(const Uuid& id, Job job, Refusal refusal, Entry entry,
                      std::optional<job::OrderOutline> ordered) {
  job::StateChange change;
  change.ordered = std::move(ordered);
  // What nobody has checked may have a secret among its plain inputs.
  if (change.ordered && refusal.status != job::Status::kAccepted) change.ordered->inputs.clear();
  change.status = refusal.status;
  if (!refusal.reason.empty()) change.reason = refusal.reason;
  auto& kept = jobs_.emplace(id, std::move(job)).first->second;
  Change(id, kept, std::move(change), std::move(entry));
  canceled_ahead_.erase(id);
  if (refusal.status == job::Status::kAccepted) {
    logger_.Info("job_accepted", {}, Subject(id, kept));
    return Await(id, kept);
  }
  CleanJob(id, kept);
  logger_.Warning("job_rejected",
                  {{"status", json::EnumName(refusal.status)}, {"reason", refusal.reason}},
                  Subject(id, kept));
}

// An acknowledgement under our key of what was never written here: the end of the journal was cut
// off, and with it perhaps the start of a job. So a new life begins, with the next process.
void Executor::LoseJournal() {
  const auto begun = EnsureEpoch(setup_.state, clock_, random_,
                                 "the panel has events that the journal no longer held");
  failure_ = begun ? begun->reason : begun.error().ToString();
}

void Executor::TakeCommand(job::CommandType type, const std::string& bytes) {
  const auto payload = Verified(bytes, job::PayloadType(type));
  if (!payload) {
    return Audit("signature_rejected", {{"reason", payload.error().ToString()}});
  }
  const auto command = job::ParseCommand(type, *payload);
  const auto refuse = [&](const std::string& why) {
    Audit("command_refused", {{"kind", json::EnumName(type)}, {"reason", why}});
  };
  if (!command) return refuse(command.error().ToString());
  if (command->agent != setup_.identity.agent_id) return refuse("it is for another agent");
  if (command->epoch != setup_.epoch.id) return refuse("it is for another epoch");
  if (const auto valid = signing::CheckValidity(command->issued_at, command->issued_at,
                                                command->expires_at, clock_.Now());
      !valid) {
    return refuse(valid.error().message);
  }
  if (type == job::CommandType::kAck) {
    // Cumulative, so that an old one again does no harm: no nonce is spent on it.
    if (outbox_.Acknowledge(command->ack->seq)) return;
    refuse("it acknowledges what this journal never held");
    return LoseJournal();
  }
  const Nonce nonce{command->nonce, command->issued_at, command->expires_at};
  if (command_nonces_.Contains(nonce.value)) return;  // it came before; its effect is reported
  if (const auto taken =
          command_nonces_.Take(nonce.value, {nonce.issued_at, nonce.expires_at}, clock_.Now());
      !taken) {
    return refuse(taken.error().message);
  }
  Entry entry;
  entry.command_nonce = nonce;
  switch (type) {
    case job::CommandType::kCancel:
      return Cancel(*command, std::move(entry));
    case job::CommandType::kDrain:
      return Drain(*command, std::move(entry));
    case job::CommandType::kRetryNow:
      return RetryNow(*command, std::move(entry));
    case job::CommandType::kQuery:
      Query(*command->query);
      return ReportCommand(command->nonce, "done", entry);
    case job::CommandType::kKeys:
      // Reported under the keys it brought: that is what tells the panel that they are in use.
      return ReportCommand(command->nonce, TakeKeys(*command), entry);
    case job::CommandType::kAck:
      return;
  }
}

// The file first: should this process end before its report is durable, the command comes again,
// and is known by its generation.
std::string Executor::TakeKeys(const job::Command& command) {
  const auto& now = setup_.identity;
  const auto& [present, previous] = now.sealing;
  auto keys = signing::OpenRotatedKeys(command.keys->sealed, now.agent_id, present);
  if (!keys && previous)
    keys = signing::OpenRotatedKeys(command.keys->sealed, now.agent_id, previous->keys);
  if (!keys) return "the keys could not be opened: " + keys.error().message;
  if (keys->generation == now.generation) return "done";
  if (keys->generation < now.generation) return "it has newer keys";
  Identity next;
  next.agent_id = now.agent_id;
  next.generation = keys->generation;
  next.job_key = std::move(keys->job);
  next.event_key = std::move(keys->event);
  next.http_key = std::move(keys->http);
  next.sealing = CloneOf(now.sealing);
  next.previous = KeysBefore(now);
  if (const auto written = WriteIdentity(setup_.state, next); !written)
    return "the keys could not be written: " + written.error().message;
  UseIdentity(std::move(next));
  return "done";
}

// The nonce is in the last of its records: where a torn write leaves the first ones only, the
// cancel comes again and is taken.
void Executor::Cancel(const job::Command& command, Entry entry) {
  const auto id = command.cancel->job;
  const auto found = jobs_.find(id);
  entry.job = id;
  if (found == jobs_.end()) {
    canceled_ahead_.insert(id);
    entry.cancel_ahead = true;
    return ReportCommand(command.nonce, "done", entry);
  }
  auto& job = found->second;
  logger_.Info("cancel_requested", {{"status", json::EnumName(job.state.status)}},
               Subject(id, job));
  const auto status = job.state.status;
  if (status == job::Status::kAccepted || status == job::Status::kRetryWait ||
      job.state.reboot_from) {
    std::erase(waiting_, id);
    rebooting_.erase(id);
    job::StateChange change;
    change.status = job::Status::kCanceled;
    change.reason = "canceled before it ran";
    if (status == job::Status::kRetryWait) change.reason = "canceled between two attempts";
    if (job.state.reboot_from) change.reason = "canceled before it went on after a reboot";
    EndJob(id, job, std::move(change));
  } else if (running_.contains(id)) {  // running, or lost and followed
    job.state.cancel = true;
    entry.state = job.state;
    effects_.push_back([this, id] { CancelRunner(id); });
  }
  ReportCommand(command.nonce, "done", entry);
}

// Commands come in any order, and of these the one that was said last holds.
void Executor::Drain(const job::Command& command, Entry entry) {
  if (command.issued_at >= drain_issued_at_) {
    entry.drained = drained_ = command.drain->on;
    entry.drain_issued_at = drain_issued_at_ = command.issued_at;
    facts_due_ = {};
    logger_.Info(drained_ ? "drained" : "undrained");
  }
  ReportCommand(command.nonce, "done", std::move(entry));
}

// Only the wait it was meant for: it may come when a later attempt is waited for, or none.
void Executor::RetryNow(const job::Command& command, Entry entry) {
  const auto& [id, attempt] = *command.retry_now;
  const auto found = jobs_.find(id);
  const auto now = clock_.Now();
  if (found != jobs_.end() && found->second.state.attempt == attempt && found->second.state.due &&
      *found->second.state.due > now) {
    auto& job = found->second;
    logger_.Info("retry_hurried", {{"attempt", attempt}}, Subject(id, job));
    job.state.due = now;
    auto change = LastChange(job);
    change.again.reset();
    change.next_attempt_at = now;
    Change(id, job, std::move(change));
    effects_.push_back([this, id = id] {
      const auto waits = retrying_.find(id);
      if (waits != retrying_.end()) waits->second = clock_.Steady();
    });
  }
  ReportCommand(command.nonce, "done", std::move(entry));
}

void Executor::Query(const job::Query& query) {
  const auto known = [this](const Uuid& id) {
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) return false;
    Change(id, found->second, LastChange(found->second));
    return true;
  };
  for (const auto& id : query.jobs) {
    if (!known(id)) ReportLost(id, "unknown: this server's journal does not know the job");
  }
  // Handed over, and perhaps never come: what was never here is sent again, and then answered.
  for (const auto& id : query.handed_over) {
    if (known(id)) continue;
    const auto refusal = Unknown(id);
    if (refusal.status == job::Status::kLost) ReportLost(id, refusal.reason);
  }
}

// Of a job without a record here.
void Executor::ReportLost(const Uuid& id, std::string reason) {
  job::Event event;
  event.type = job::EventType::kState;
  event.job = id;
  event.state = job::StateChange{};
  event.state->status = job::Status::kLost;
  event.state->reason = std::move(reason);
  Entry entry;
  entry.event = Sign(std::move(event));
  Append(entry);
}

}  // namespace prov::agent
