#include "job/command.hpp"

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "job/grammar.hpp"
#include "job/order.hpp"

namespace prov::job {
namespace {

using Faults = std::vector<json::Fault>;

void Must(Faults& faults, bool holds, std::string pointer, std::string sentence) {
  if (!holds) faults.push_back({std::move(pointer), std::move(sentence)});
}

void CheckBodies(Faults& faults, CommandType type, const Command& command) {
  const auto body = [&](bool given, CommandType of) {
    Must(faults, given == (type == of), "/" + json::EnumName(of),
         "must be there with this payload type, and only then");
  };
  body(command.cancel.has_value(), CommandType::kCancel);
  body(command.drain.has_value(), CommandType::kDrain);
  body(command.ack.has_value(), CommandType::kAck);
  body(command.keys.has_value(), CommandType::kKeys);
  body(command.query.has_value(), CommandType::kQuery);
}

Result<void> CheckCommand(CommandType type, const Command& command) {
  Faults faults;
  Must(faults, IsAgentId(command.agent), "/agent", "must be an agent id");
  Must(faults, IsNonce(command.nonce), "/nonce", "must be 32 lower-case hex digits");
  Must(faults, command.expires_at > command.issued_at, "/expires_at", "must be after issued_at");
  Must(faults, command.expires_at - command.issued_at <= kLongestValidity, "/expires_at",
       "must be at most 24 hours after issued_at");
  CheckBodies(faults, type, command);
  if (command.keys) {
    Must(faults, !command.keys->sealed.empty() && Base64Decode(command.keys->sealed).has_value(),
         "/keys/sealed", "must be base64");
  }
  if (command.query) {
    const auto asked = command.query->jobs.size() + command.query->handed_over.size();
    Must(faults, asked > 0 && asked <= kMaxQueriedJobs, "/query", "must name 1 to 1000 jobs");
  }
  if (!faults.empty()) return json::FaultsError(faults);
  return {};
}

}  // namespace

std::string PayloadType(CommandType type) {
  return fmt::format("application/vnd.provisioning.{}.v1+json", json::EnumName(type));
}

std::optional<CommandType> CommandTypeOf(std::string_view payload_type) {
  for (const auto type : {CommandType::kCancel, CommandType::kDrain, CommandType::kAck,
                          CommandType::kKeys, CommandType::kQuery}) {
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
