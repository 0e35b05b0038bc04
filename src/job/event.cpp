#include "job/event.hpp"

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "job/grammar.hpp"

namespace prov::job {
namespace {

using Faults = std::vector<json::Fault>;

void Must(Faults& faults, bool holds, std::string pointer, std::string sentence) {
  if (!holds) faults.push_back({std::move(pointer), std::move(sentence)});
}

void CheckOutput(Faults& faults, const Output& output, const std::string& at) {
  Must(faults, IsInputName(output.name), at + "/name", "is not an output's name");
  Must(faults, output.sensitive != output.value.has_value(), at + "/value",
       "must be there, unless the output is sensitive");
}

void CheckState(Faults& faults, const StateChange& state) {
  Must(faults, state.status != Status::kQueued && state.status != Status::kDispatched,
       "/state/status", "is not an agent's to report");
  Must(faults, !state.exit_code || (*state.exit_code >= 0 && *state.exit_code <= 255),
       "/state/exit_code", "must be from 0 to 255");
  Must(faults, !state.signal || (*state.signal >= 1 && *state.signal <= 64), "/state/signal",
       "must be from 1 to 64");
  Must(faults, state.failure_kind.has_value() == (state.status == Status::kFailed),
       "/state/failure_kind", "must be there with failed, and only then");
  Must(faults, state.next_attempt_at.has_value() == (state.status == Status::kRetryWait),
       "/state/next_attempt_at", "must be there with retry_wait, and only then");
  Must(faults, !state.order_hash || IsSha256Hex(*state.order_hash), "/state/order_hash",
       "must be 64 lower-case hex digits");
  Must(faults, !state.log || !state.log->sha256 || IsSha256Hex(*state.log->sha256),
       "/state/log/sha256", "must be 64 lower-case hex digits");
  for (std::size_t i = 0; i < state.outputs.size(); ++i) {
    CheckOutput(faults, state.outputs[i], fmt::format("/state/outputs/{}", i));
  }
}

void CheckLog(Faults& faults, const LogChunk& log) {
  Must(faults, log.first >= 1, "/log/first", "must be at least 1");
  Must(faults, log.lines >= 1, "/log/lines", "must be at least 1");
  Must(faults, log.raw_size >= 1 && log.raw_size <= kMaxLogChunkBytes, "/log/raw_size",
       "must be from 1 to 1048576");
  Must(faults, !log.frames.empty() && Base64Decode(log.frames).has_value(), "/log/frames",
       "must be base64");
}

void CheckFacts(Faults& faults, const Facts& facts) {
  const auto key = facts.sealing_key ? Base64Decode(*facts.sealing_key) : std::string(32, '\0');
  Must(faults, key && key->size() == 32, "/facts/sealing_key", "must be base64 of 32 bytes");
  Must(faults, !facts.epoch.earlier || facts.epoch.earlier->size() <= kMostEarlierEpochs,
       "/facts/epoch/earlier", "must be at most 32");
}

void CheckHeader(Faults& faults, const Event& event) {
  using enum EventType;
  Must(faults, event.v == 1, "/v", "must be 1");
  Must(faults, IsAgentId(event.agent), "/agent", "must be an agent id");
  Must(faults, event.seq >= 1, "/seq", "must be at least 1");
  Must(faults, event.oldest >= 1 && event.oldest <= event.seq, "/oldest", "must be from 1 to seq");
  const bool of_job = event.type != kFacts && event.type != kCommand;
  Must(faults, event.job.has_value() == of_job, "/job",
       "must be there with an event about a job, and only then");
  Must(faults, !event.attempt || (of_job && *event.attempt >= 1), "/attempt",
       "must be at least 1, and only with a job");
  const bool of_attempt = event.type == kLog || event.type == kProgress || event.type == kOutput;
  Must(faults, event.attempt || !of_attempt, "/attempt", "is missing");
}

void CheckBodies(Faults& faults, const Event& event) {
  const auto body = [&](bool given, EventType type) {
    Must(faults, given == (event.type == type), "/" + json::EnumName(type),
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
  Faults faults;
  CheckHeader(faults, event);
  CheckBodies(faults, event);
  if (event.state) CheckState(faults, *event.state);
  if (event.log) CheckLog(faults, *event.log);
  if (event.facts) CheckFacts(faults, *event.facts);
  if (event.output) CheckOutput(faults, *event.output, "/output");
  if (event.progress) {
    Must(faults, event.progress->percent <= 100, "/progress/percent", "must be from 0 to 100");
  }
  if (event.command) {
    Must(faults, IsNonce(event.command->nonce), "/command/nonce",
         "must be 32 lower-case hex digits");
  }
  if (!faults.empty()) return json::FaultsError(faults);
  return {};
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
