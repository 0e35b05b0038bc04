#include "panel/dispatch/store_job_service.hpp"

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "contract/input_validation.hpp"
#include "job/command.hpp"
#include "job/order.hpp"
#include "panel/dispatch/pending_commands.hpp"
#include "panel/dispatch/preflight.hpp"
#include "signing/sealed.hpp"

namespace prov::panel {
namespace {

namespace asio = boost::asio;

net::Problem MakeProblem(int status, std::string code, std::string detail) {
  return {status, std::move(code), std::move(detail), "", {}};
}

net::Problem InvalidInputs(const std::vector<contract::InputError>& errors) {
  auto problem = MakeProblem(422, "invalid_input", "some inputs are not right");
  for (const auto& error : errors)
    problem.errors.push_back({"/inputs/" + error.field, error.rule, error.message});
  return problem;
}

// What `next` is of `current` after a cancel was asked for.
job::Record Requested(job::Record record, WallTime now) {
  record.cancel_requested_at = now;
  return record;
}

job::ResourceLimits LimitsOf(const contract::Manifest& manifest) {
  const auto narrow = [](const std::optional<std::int64_t>& value) {
    return value ? std::optional(static_cast<std::uint32_t>(*value)) : std::nullopt;
  };
  const auto& limits = manifest.resource_limits;
  return {narrow(limits.memory_mb), narrow(limits.tasks), narrow(limits.cpu_percent)};
}

Idempotency IdempotencyOf(const store::Actor& actor, const std::optional<KeyedRequest>& keyed,
                          const KeyRing& keys, WallTime now) {
  return {actor, keyed ? std::optional(keyed->idempotency) : std::nullopt, keys, now};
}

OrProblem<Submitted> Again(const Idempotency& idempotency, const store::Replay& found) {
  auto verdict = idempotency.Judge(found);
  if (auto* conflict = std::get_if<net::Problem>(&verdict)) return std::move(*conflict);
  return Submitted{{}, std::move(std::get<store::StoredResponse>(verdict))};
}

// What a transaction that answers a request came to.
struct Written {
  std::optional<store::Replay> replay;
  job::Record record;
};

struct Known {
  std::optional<store::Replay> replay;
  std::optional<store::Agent> agent;
  boost::json::object remembered;
};

Result<Known> Look(store::Transaction& t, const store::Actor& actor, const Submission& submission,
                   const Idempotency& idempotency) {
  Known known;
  PROV_TRY(known.replay, idempotency.Find(t));
  if (known.replay) return known;
  auto agent = t.agents().Get(actor, submission.server_id);
  if (agent)
    known.agent = std::move(*agent);
  else if (agent.error().code != ErrorCode::kNotFound)
    return agent.error();
  PROV_TRY(known.remembered,
           LastInputs(t, actor, submission.app_id, submission.server_id, submission.action));
  return known;
}

}  // namespace

StoreJobService::StoreJobService(StoreGate& store, Registry& registry, LiveHub& hub,
                                 const KeyRing& keys, const Clock& clock, Random& random,
                                 Logger& logger, Wake wake)
    : store_(store),
      registry_(registry),
      hub_(hub),
      keys_(keys),
      clock_(clock),
      random_(random),
      logger_(logger),
      wake_(std::move(wake)) {}

asio::awaitable<OrProblem<Submitted>> StoreJobService::Submit(store::Actor actor,
                                                              Submission submission,
                                                              std::optional<KeyedRequest> keyed) {
  co_return co_await Create(std::move(actor), std::move(submission), std::nullopt,
                            std::move(keyed));
}

// Everything that is decided of a job, and its signed envelope.
OrProblem<store::Creation> StoreJobService::Compose(const store::Actor& actor,
                                                    const Submission& submission,
                                                    const Installer& installer,
                                                    const store::Agent& agent,
                                                    const boost::json::object& remembered) {
  const auto& manifest = *installer.manifest;
  const auto outcome =
      contract::ValidateInputs(manifest, submission.inputs, submission.action, remembered);
  if (!outcome.ok()) return InvalidInputs(outcome.errors);
  const auto now = clock_.Now();
  store::Creation creation;
  auto& created = creation.job;
  created.id = Uuid::MakeV7(clock_, random_);
  created.app_id = manifest.id;
  created.app_version = manifest.version;
  created.installer_digest = installer.digest;
  created.server_id = agent.id;
  created.action = submission.action;
  created.inputs = outcome.inputs.values;
  created.retry = {manifest.retry.max_attempts, manifest.retry.backoff_seconds};
  created.user_id = actor.user_id;
  created.created_at = now;
  job::Order order;
  for (const auto& name : outcome.inputs.sensitive) {
    const auto box =
        signing::Seal(agent.sealing_key, created.id, name, created.inputs.at(name).as_string());
    if (!box) return net::ToProblem(box.error());
    order.sealed_inputs[name] = Base64Encode(*box);
    created.sealed_inputs.push_back(name);
    created.inputs.erase(name);
  }
  order.job = created.id;
  order.attempts = created.retry;
  order.agent = agent.id;
  const auto epoch = Uuid::Parse(agent.epoch);
  if (!epoch) return net::ToProblem(epoch.error());
  order.epoch = *epoch;
  order.app_id = created.app_id;
  order.app_version = created.app_version;
  order.installer_digest = created.installer_digest;
  order.inputs = created.inputs;
  order.timeout_seconds = manifest.timeout_seconds;
  order.limits = LimitsOf(manifest);
  order.action = created.action;
  order.issued_at = order.not_before = now;
  order.expires_at = now + kOrderValid;
  order.nonce = HexEncode(random_.Bytes(16));
  order.user_id = created.user_id;
  const auto payload = job::SerializeOrder(order);
  if (!payload) {
    return payload.error().code == ErrorCode::kTooLarge
               ? MakeProblem(422, "too_large", "the inputs are too large to be sent to a server")
               : net::ToProblem(payload.error());
  }
  auto envelope = keys_.SignOrder(*payload, agent.id, agent.key_generation);
  if (!envelope) return net::ToProblem(envelope.error());
  if (envelope->size() > job::kMaxEnvelopeBytes)
    return MakeProblem(422, "too_large", "the inputs are too large to be sent to a server");
  creation.envelope = std::move(*envelope);
  return creation;
}

asio::awaitable<OrProblem<Submitted>> StoreJobService::Create(store::Actor actor,
                                                              Submission submission,
                                                              std::optional<Uuid> retry_of,
                                                              std::optional<KeyedRequest> keyed) {
  const auto now = clock_.Now();
  const auto idempotency = IdempotencyOf(actor, keyed, keys_, now);
  auto known = co_await store_.Read([actor, submission, idempotency](store::Transaction& t) {
    return Look(t, actor, submission, idempotency);
  });
  if (!known) co_return net::ToProblem(known.error());
  if (known->replay) co_return Again(idempotency, *known->replay);
  const auto catalogue = registry_.Current();
  const auto* installer = catalogue->Find(submission.app_id);
  if (installer == nullptr) {
    co_return MakeProblem(422, "unknown_app",
                          "there is no installer `" + submission.app_id +
                              "`; GET /api/installers "
                              "lists them");
  }
  if (!installer->manifest) {
    co_return MakeProblem(422, "invalid_installer",
                          "the installer is broken: " + installer->faults.front().ToString());
  }
  if (!installer->manifest->Supports(submission.action)) {
    co_return MakeProblem(
        422, "action_not_supported",
        submission.app_id + " has no script for " + json::EnumName(submission.action));
  }
  if (auto unsuitable = CheckServer(*installer->manifest, submission.server_id, known->agent))
    co_return *unsuitable;
  auto composed = Compose(actor, submission, *installer, *known->agent, known->remembered);
  if (auto* problem = std::get_if<net::Problem>(&composed)) co_return std::move(*problem);
  auto& creation = std::get<store::Creation>(composed);
  creation.job.retry_of = retry_of;
  const auto id = creation.job.id;

  auto written = co_await store_.Write(
      [actor, creation, idempotency, keyed, now, id](store::Transaction& t) -> Result<Written> {
        Written result;
        // Another request with the same key may have been faster since we looked.
        PROV_TRY(result.replay, idempotency.Find(t));
        if (result.replay) return result;
        PROV_CHECK(t.jobs().Insert(creation));
        PROV_CHECK(t.audit().Append({now,
                                     actor.user_id,
                                     "job.created",
                                     id.ToString(),
                                     {{"app_id", creation.job.app_id},
                                      {"server_id", creation.job.server_id},
                                      {"action", json::EnumName(creation.job.action)}}}));
        static_cast<job::NewJob&>(result.record) = creation.job;
        if (keyed) PROV_CHECK(idempotency.Keep(t, keyed->answer(result.record)));
        return result;
      });
  if (!written) co_return net::ToProblem(written.error());
  if (written->replay) co_return Again(idempotency, *written->replay);
  logger_.Info("job_created", {{"server_id", submission.server_id}, {"user_id", actor.user_id}},
               {id.ToString(), submission.app_id});
  hub_.JobChanged(id);
  wake_(submission.server_id);
  co_return Submitted{std::move(written->record), {}};
}

Status StoreJobService::Tell(store::Transaction& t, const Asked& asked,
                             const std::string& server_id, job::CommandType type,
                             const std::function<void(job::Command&)>& fill) const {
  PROV_TRY(const auto agent, t.agents().Get(kPanel, server_id));
  PROV_TRY(const auto epoch, Uuid::Parse(agent.epoch));
  auto command = CommandHeader(agent.id, epoch, asked.command_id, asked.now);
  fill(command);
  PROV_TRY(const auto row, SignedCommand(keys_, agent, asked.command_id, type, command, asked.id));
  return t.commands().Insert(row);
}

Result<job::Record> StoreJobService::CancelIn(store::Transaction& t, const Asked& asked) const {
  PROV_TRY(const auto record, t.jobs().Get(asked.actor, asked.id));
  if (!job::IsActive(record.status)) {
    return Error{
        ErrorCode::kConflict, "the job is over: it is " + json::EnumName(record.status), {}};
  }
  if (record.cancel_requested_at) {
    PROV_TRY(const auto pending,
             PendingCommands(t, record.server_id, job::CommandType::kCancel, asked.id));
    if (!pending.empty()) return record;
  }
  // Asked for again where nothing is on its way any more: a command expires.
  auto next = Requested(record, asked.now);
  const store::Expected expected{record.attempt, record.status};
  if (record.status == job::Status::kQueued) {
    next.status = job::Status::kCanceled;
    next.status_reason = "canceled before it was sent to the server";
    next.finished_at = asked.now;
  } else {
    PROV_CHECK(Tell(t, asked, record.server_id, job::CommandType::kCancel,
                    [&](job::Command& command) { command.cancel = job::Cancel{asked.id}; }));
  }
  PROV_CHECK(t.jobs().Apply(expected, job::Party::kPanel, next, asked.now));
  PROV_CHECK(t.audit().Append({asked.now,
                               asked.actor.user_id,
                               "job.cancel_requested",
                               asked.id.ToString(),
                               {{"status", json::EnumName(record.status)}}}));
  return t.jobs().Get(asked.actor, asked.id);
}

Result<job::Record> StoreJobService::RetryNowIn(store::Transaction& t, const Asked& asked) const {
  PROV_TRY(auto record, t.jobs().Get(asked.actor, asked.id));
  if (record.status != job::Status::kRetryWait) {
    return Error{
        ErrorCode::kConflict,
        "the job does not wait for another attempt: it is " + json::EnumName(record.status),
        {}};
  }
  if (record.cancel_requested_at)
    return Error{ErrorCode::kConflict, "the job is being canceled: no attempt follows", {}};
  PROV_TRY(const auto pending,
           PendingCommands(t, record.server_id, job::CommandType::kRetryNow, asked.id));
  const bool due = record.next_attempt_at && *record.next_attempt_at <= asked.now;
  if (due || !pending.empty()) return record;
  PROV_CHECK(Tell(
      t, asked, record.server_id, job::CommandType::kRetryNow,
      [&](job::Command& command) { command.retry_now = job::RetryNow{asked.id, record.attempt}; }));
  PROV_CHECK(t.audit().Append({asked.now,
                               asked.actor.user_id,
                               "job.retry_now_requested",
                               asked.id.ToString(),
                               {{"attempt", record.attempt}}}));
  return record;
}

asio::awaitable<OrProblem<Submitted>> StoreJobService::Ask(store::Actor actor, Uuid id,
                                                           std::optional<KeyedRequest> keyed,
                                                           Act act) {
  const bool cancels = act == &StoreJobService::CancelIn;
  const Asked asked{actor, id, Uuid::MakeV7(clock_, random_), clock_.Now()};
  const auto idempotency = IdempotencyOf(actor, keyed, keys_, asked.now);
  auto written = co_await store_.Write(
      [this, asked, idempotency, keyed, act](store::Transaction& t) -> Result<Written> {
        Written result;
        PROV_TRY(result.replay, idempotency.Find(t));
        if (result.replay) return result;
        PROV_TRY(result.record, (this->*act)(t, asked));
        if (keyed) PROV_CHECK(idempotency.Keep(t, keyed->answer(result.record)));
        return result;
      });
  if (!written) {
    auto problem = net::ToProblem(written.error());
    if (problem.status == 409) problem.code = cancels ? "already_over" : "not_waiting";
    co_return problem;
  }
  if (written->replay) co_return Again(idempotency, *written->replay);
  auto& record = written->record;
  logger_.Info(cancels ? "cancel_requested" : "retry_now_requested", {{"user_id", actor.user_id}},
               {id.ToString(), record.app_id});
  hub_.JobChanged(id);
  if (on_finished_ && !job::IsActive(record.status)) on_finished_(record);
  wake_(record.server_id);
  co_return Submitted{std::move(record), {}};
}

asio::awaitable<OrProblem<Submitted>> StoreJobService::Cancel(store::Actor actor, Uuid id,
                                                              std::optional<KeyedRequest> keyed) {
  co_return co_await Ask(std::move(actor), id, std::move(keyed), &StoreJobService::CancelIn);
}

asio::awaitable<OrProblem<Submitted>> StoreJobService::RetryNow(store::Actor actor, Uuid id,
                                                                std::optional<KeyedRequest> keyed) {
  co_return co_await Ask(std::move(actor), id, std::move(keyed), &StoreJobService::RetryNowIn);
}

asio::awaitable<OrProblem<Submitted>> StoreJobService::Retry(store::Actor actor, Uuid id,
                                                             boost::json::object inputs,
                                                             std::optional<KeyedRequest> keyed) {
  const auto idempotency = IdempotencyOf(actor, keyed, keys_, clock_.Now());
  // What was answered once is answered again, whatever became of the job since.
  auto known =
      co_await store_.Read([actor, id, idempotency](store::Transaction& t) -> Result<Written> {
        Written found;
        PROV_TRY(found.replay, idempotency.Find(t));
        if (found.replay) return found;
        PROV_TRY(found.record, t.jobs().Get(actor, id));
        return found;
      });
  if (!known) co_return net::ToProblem(known.error());
  if (known->replay) co_return Again(idempotency, *known->replay);
  const auto* record = &known->record;
  if (job::IsActive(record->status))
    co_return MakeProblem(409, "not_over", "the job is not over: cancel it first, or wait");
  auto problem = MakeProblem(422, "invalid_input", "some inputs are not right");
  for (const auto& [name, value] : inputs) {
    if (std::ranges::find(record->sealed_inputs, name) == record->sealed_inputs.end()) {
      problem.errors.push_back({"/inputs/" + std::string(name), "unknown",
                                "only the sensitive inputs of the job are given again"});
    }
  }
  for (const auto& name : record->sealed_inputs) {
    if (!inputs.contains(name)) {
      problem.errors.push_back(
          {"/inputs/" + name, "required", "is sensitive, was not kept, and must be given again"});
    }
  }
  if (!problem.errors.empty()) co_return problem;
  Submission submission{record->app_id, record->server_id, record->inputs, record->action};
  for (const auto& [name, value] : inputs) submission.inputs[name] = value;
  co_return co_await Create(std::move(actor), std::move(submission), id, std::move(keyed));
}

}  // namespace prov::panel
