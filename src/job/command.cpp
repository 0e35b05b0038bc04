#include "job/command.hpp"

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "job/check.hpp"
#include "job/grammar.hpp"
#include "job/order.hpp"

namespace prov::job {
namespace {

void CheckBodies(Check& check, CommandType type, const Command& command) {
  const auto body = [&](bool given, CommandType of) {
    check.Must(given == (type == of), "/" + json::EnumName(of),
               "must be there with this payload type, and only then");
  };
  body(command.cancel.has_value(), CommandType::kCancel);
  body(command.drain.has_value(), CommandType::kDrain);
  body(command.ack.has_value(), CommandType::kAck);
  body(command.keys.has_value(), CommandType::kKeys);
  body(command.query.has_value(), CommandType::kQuery);
  body(command.retry_now.has_value(), CommandType::kRetryNow);
}

Result<void> CheckCommand(CommandType type, const Command& command) {
  Check check;
  check.Must(IsAgentId(command.agent), "/agent", "must be an agent id");
  check.Must(IsNonce(command.nonce), "/nonce", "must be 32 lower-case hex digits");
  check.Must(command.expires_at > command.issued_at, "/expires_at", "must be after issued_at");
  check.Must(command.expires_at - command.issued_at <= kLongestValidity, "/expires_at",
             "must be at most 24 hours after issued_at");
  CheckBodies(check, type, command);
  if (command.keys) {
    check.Must(!command.keys->sealed.empty() && Base64Decode(command.keys->sealed).has_value(),
               "/keys/sealed", "must be base64");
  }
  if (command.query) {
    const auto asked = command.query->jobs.size() + command.query->handed_over.size();
    check.Must(asked > 0 && asked <= kMaxQueriedJobs, "/query", "must name 1 to 1000 jobs");
  }
  if (command.retry_now)
    check.Must(command.retry_now->attempt > 0, "/retry_now/attempt", "must be from 1");
  return check.Done();
}

}  // namespace

std::string PayloadType(CommandType type) {
  return fmt::format("application/vnd.provisioning.{}.v1+json", json::EnumName(type));
}

std::optional<CommandType> CommandTypeOf(std::string_view payload_type) {
  for (const auto type : {CommandType::kCancel, CommandType::kDrain, CommandType::kAck,
                          CommandType::kKeys, CommandType::kQuery, CommandType::kRetryNow}) {
    if (PayloadType(type) == payload_type) return type;
  }
  return std::nullopt;
}

Result<Command> ParseCommand(CommandType type, std::string_view payload) {
  PROV_TRY(auto command, json::Parse<Command>(payload, {.bytes = kMaxEnvelopeBytes, .depth = 32}));
  PROV_CHECK(CheckCommand(type, command));
  return command;
}

Result<std::string> SerializeCommand(CommandType type, const Command& command) {
  PROV_CHECK(CheckCommand(type, command));
  return json::Write(command);
}

}  // namespace prov::job
