#include "job/event.hpp"

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "job/check.hpp"
#include "job/grammar.hpp"

namespace prov::job {
namespace {

void CheckOutput(Check& check, const Output& output, const std::string& at) {
  check.Must(IsInputName(output.name), at + "/name", "is not an output's name");
  check.Must(output.sensitive != output.value.has_value(), at + "/value",
             "must be there, unless the output is sensitive");
}

void CheckState(Check& check, const StateChange& state) {
  check.Must(state.status != Status::kQueued && state.status != Status::kDispatched,
             "/state/status", "is not an agent's to report");
  check.Must(!state.exit_code || (*state.exit_code >= 0 && *state.exit_code <= 255),
             "/state/exit_code", "must be from 0 to 255");
  check.Must(!state.signal || (*state.signal >= 1 && *state.signal <= 64), "/state/signal",
             "must be from 1 to 64");
  check.Must(state.failure_kind.has_value() == (state.status == Status::kFailed),
             "/state/failure_kind", "must be there with failed, and only then");
  check.Must(state.next_attempt_at.has_value() == (state.status == Status::kRetryWait),
             "/state/next_attempt_at", "must be there with retry_wait, and only then");
  check.Must(!state.order_hash || IsSha256Hex(*state.order_hash), "/state/order_hash",
             "must be 64 lower-case hex digits");
  if (state.ordered) CheckOutline(check, *state.ordered, "/state/ordered");
  check.Must(!state.log || !state.log->sha256 || IsSha256Hex(*state.log->sha256),
             "/state/log/sha256", "must be 64 lower-case hex digits");
  for (std::size_t i = 0; i < state.outputs.size(); ++i) {
    CheckOutput(check, state.outputs[i], fmt::format("/state/outputs/{}", i));
  }
}

void CheckLog(Check& check, const LogChunk& log) {
  check.Must(log.first >= 1, "/log/first", "must be at least 1");
  check.Must(log.lines >= 1, "/log/lines", "must be at least 1");
  check.Must(log.raw_size >= 1 && log.raw_size <= kMaxLogChunkBytes, "/log/raw_size",
             "must be from 1 to 1048576");
  check.Must(!log.frames.empty() && Base64Decode(log.frames).has_value(), "/log/frames",
             "must be base64");
}

void CheckFacts(Check& check, const Facts& facts) {
  const auto key = facts.sealing_key ? Base64Decode(*facts.sealing_key) : std::string(32, '\0');
  check.Must(key && key->size() == 32, "/facts/sealing_key", "must be base64 of 32 bytes");
  check.Must(!facts.epoch.earlier || facts.epoch.earlier->size() <= kMostEarlierEpochs,
             "/facts/epoch/earlier", "must be at most 32");
}

void CheckHeader(Check& check, const Event& event) {
  using enum EventType;
  check.Must(event.v == 1, "/v", "must be 1");
  check.Must(IsAgentId(event.agent), "/agent", "must be an agent id");
  check.Must(event.seq >= 1, "/seq", "must be at least 1");
  check.Must(event.oldest >= 1 && event.oldest <= event.seq, "/oldest", "must be from 1 to seq");
  const bool of_job = event.type != kFacts && event.type != kCommand;
  check.Must(event.job.has_value() == of_job, "/job",
             "must be there with an event about a job, and only then");
  check.Must(!event.attempt || (of_job && *event.attempt >= 1), "/attempt",
             "must be at least 1, and only with a job");
  const bool of_attempt = event.type == kLog || event.type == kProgress || event.type == kOutput;
  check.Must(event.attempt || !of_attempt, "/attempt", "is missing");
}

void CheckBodies(Check& check, const Event& event) {
  const auto body = [&](bool given, EventType type) {
    check.Must(given == (event.type == type), "/" + json::EnumName(type),
               "must be there with this type, and only then");
  };
  body(event.state.has_value(), EventType::kState);
  body(event.log.has_value(), EventType::kLog);
  body(event.progress.has_value(), EventType::kProgress);
  body(event.output.has_value(), EventType::kOutput);
  body(event.warning.has_value(), EventType::kWarning);
  body(event.facts.has_value(), EventType::kFacts);
  body(event.command.has_value(), EventType::kCommand);
}

Result<void> CheckEvent(const Event& event) {
  Check check;
  CheckHeader(check, event);
  CheckBodies(check, event);
  if (event.state) CheckState(check, *event.state);
  if (event.log) CheckLog(check, *event.log);
  if (event.facts) CheckFacts(check, *event.facts);
  if (event.output) CheckOutput(check, *event.output, "/output");
  if (event.progress) {
    check.Must(event.progress->percent <= 100, "/progress/percent", "must be from 0 to 100");
  }
  if (event.command) {
    check.Must(IsNonce(event.command->nonce), "/command/nonce", "must be 32 lower-case hex digits");
  }
  return check.Done();
}

}  // namespace

Result<Event> ParseEvent(std::string_view payload) {
  PROV_TRY(auto event, json::Parse<Event>(payload, {.bytes = kMaxEventBytes, .depth = 32}));
  PROV_CHECK(CheckEvent(event));
  return event;
}

Result<std::string> SerializeEvent(const Event& event) {
  PROV_CHECK(CheckEvent(event));
  auto payload = json::Write(event);
  if (payload.size() > kMaxEventBytes) {
    return Error{
        ErrorCode::kTooLarge,
        fmt::format("the event has {} bytes, and {} are allowed", payload.size(), kMaxEventBytes),
        {}};
  }
  return payload;
}

std::optional<Status> StatusOf(const Event& event) {
  if (event.state) return event.state->status;
  return std::nullopt;
}

}  // namespace prov::job
