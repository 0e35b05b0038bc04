#include "simulated_agent.hpp"

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "signing/dsse.hpp"
#include "signing/replay_window.hpp"

namespace prov::bench {
namespace {

namespace asio = boost::asio;

Error Refused(std::string why) { return {ErrorCode::kInvalidArgument, std::move(why), {}}; }

Result<std::string> PayloadTypeOf(const std::string& envelope) {
  PROV_TRY(const auto value, json::ParseText(envelope));
  const auto* object = value.if_object();
  const auto* type = object != nullptr ? object->if_contains("payloadType") : nullptr;
  if (type == nullptr || !type->is_string()) return Refused("it is no envelope");
  return std::string(type->get_string());
}

job::Event StateEvent(const Uuid& job, job::Status status) {
  job::Event event;
  event.type = job::EventType::kState;
  event.job = job;
  event.state = job::StateChange{};
  event.state->status = status;
  return event;
}

}  // namespace

SimulatedAgent::SimulatedAgent(asio::any_io_executor executor, SimulatedIdentity identity,
                               const Clock& clock, Ledger& ledger)
    : identity_(std::move(identity)),
      clock_(clock),
      ledger_(ledger),
      job_keyid_(
          signing::KeyId(signing::Purpose::kJob, identity_.agent, identity_.keys.generation)),
      outbox_(identity_.agent, identity_.epoch, identity_.keys.generation,
              identity_.keys.event.Clone(), clock),
      changed_(std::move(executor)) {
  job::Event facts;
  facts.type = job::EventType::kFacts;
  facts.facts = identity_.facts;
  if (const auto reported = Report(std::move(facts)); !reported)
    refused_.push_back("its own facts: " + reported.error().ToString());
}

asio::awaitable<Status> SimulatedAgent::Take(std::string parcel) {
  // As the executor does: what is refused is refused for good.
  if (const auto taken = TakeParcel(parcel); !taken) refused_.push_back(taken.error().ToString());
  co_return Status();
}

asio::awaitable<Result<std::vector<transport::AgentPort::Event>>> SimulatedAgent::Events(
    std::uint64_t from, std::size_t most_bytes) {
  std::uint64_t seq = 0;
  std::vector<Event> events;
  for (auto& bytes : outbox_.Read(from, most_bytes, seq))
    events.push_back({seq++, std::move(bytes)});
  co_return events;
}

Status SimulatedAgent::TakeParcel(const std::string& parcel) {
  PROV_TRY(const auto type, PayloadTypeOf(parcel));
  if (type == job::kOrderPayloadType) return TakeOrder(parcel);
  if (const auto command = job::CommandTypeOf(type)) return TakeCommand(*command, parcel);
  return Refused("unknown payload type " + type);
}

Result<std::string> SimulatedAgent::Verified(const std::string& envelope,
                                             std::string_view type) const {
  const signing::VerificationKey keys[] = {{job_keyid_, identity_.keys.job.view()}};
  return signing::Verify(envelope, type, keys);
}

Status SimulatedAgent::TakeOrder(const std::string& envelope) {
  PROV_TRY(const auto payload, Verified(envelope, job::kOrderPayloadType));
  PROV_TRY(const auto order, job::ParseOrder(payload));
  if (order.agent != identity_.agent || order.epoch != identity_.epoch)
    return Refused("an order for another agent");
  PROV_CHECK(
      signing::CheckValidity(order.issued_at, order.not_before, order.expires_at, clock_.Now()));
  auto& times = ledger_[order.job];
  if (times.accepted) {  // its result is on its way
    ++times.came_again;
    return {};
  }
  times.accepted = clock_.Steady();
  auto accepted = StateEvent(order.job, job::Status::kAccepted);
  accepted.state->ordered = job::OutlineOf(order);
  accepted.state->order_hash = HexEncode(Sha256(payload));
  PROV_CHECK(Report(std::move(accepted)));
  auto running = StateEvent(order.job, job::Status::kRunning);
  running.attempt = 1;
  PROV_CHECK(Report(std::move(running)));
  auto succeeded = StateEvent(order.job, job::Status::kSucceeded);
  succeeded.attempt = 1;
  succeeded.state->exit_code = 0;
  succeeded.state->log = job::LogSummary{.complete = true, .sha256 = HexEncode(Sha256(""))};
  PROV_CHECK(Report(std::move(succeeded)));
  results_.emplace_back(outbox_.last(), order.job);
  return {};
}

Status SimulatedAgent::TakeCommand(job::CommandType type, const std::string& envelope) {
  PROV_TRY(const auto payload, Verified(envelope, job::PayloadType(type)));
  PROV_TRY(const auto command, job::ParseCommand(type, payload));
  if (command.agent != identity_.agent || command.epoch != identity_.epoch)
    return Refused("a command for another agent");
  if (type != job::CommandType::kAck) {
    job::Event event;
    event.type = job::EventType::kCommand;
    event.command = job::CommandResult{command.nonce, "a simulated agent does not do this"};
    return Report(std::move(event));
  }
  if (!outbox_.Acknowledge(command.ack->seq))
    return Refused("an acknowledgement of what was never reported");
  for (; !results_.empty() && results_.front().first <= outbox_.acknowledged();
       results_.pop_front())
    ledger_[results_.front().second].ended = clock_.Steady();
  changed_.Notify();
  return {};
}

Status SimulatedAgent::Report(job::Event event) {
  PROV_CHECK(outbox_.Add(std::move(event)));
  outbox_.Publish();
  changed_.Notify();
  return {};
}

}  // namespace prov::bench
