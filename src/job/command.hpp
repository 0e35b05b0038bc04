// What a panel tells an agent besides jobs (docs/formats/commands.md): each kind with its own
// payload type, so that one never passes for another. There is no command that brings code. Pure
// and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/uuid.hpp"

namespace prov::job {

inline constexpr std::size_t kMaxQueriedJobs = 1000;

enum class CommandType { kCancel, kDrain, kAck, kKeys, kQuery, kRetryNow };
BOOST_DESCRIBE_ENUM(CommandType, kCancel, kDrain, kAck, kKeys, kQuery, kRetryNow)

struct Cancel {
  Uuid job;
};
BOOST_DESCRIBE_STRUCT(Cancel, (), (job))

struct Drain {
  bool on = true;  // take no new job; false: take them again
};
BOOST_DESCRIBE_STRUCT(Drain, (), (on))

// Every event up to and including `seq` is committed.
struct Ack {
  std::uint64_t seq = 0;
};
BOOST_DESCRIBE_STRUCT(Ack, (), (seq))

// New keys of the next generation.
struct NewKeys {
  std::string sealed;  // base64 of the sealed box
};
BOOST_DESCRIBE_STRUCT(NewKeys, (), (sealed))

// Asks for the state of these jobs: 1..kMaxQueriedJobs in all. Where the journal knows nothing of
// one, it is lost if it was accepted once, and sent again if it was only handed over.
struct Query {
  std::vector<Uuid> jobs;         // the agent has said that it has them
  std::vector<Uuid> handed_over;  // whether they came is not known
};
BOOST_DESCRIBE_STRUCT(Query, (), (jobs, handed_over))

// The wait for the attempt after `attempt` ends now; where that wait is over, nothing happens.
struct RetryNow {
  Uuid job;
  std::uint32_t attempt = 0;  // from 1
};
BOOST_DESCRIBE_STRUCT(RetryNow, (), (job, attempt))

// Exactly one of the members from `cancel` on is set.
struct Command {
  std::string agent;
  Uuid epoch;
  std::string nonce;  // 32 hex digits
  WallTime issued_at{};
  WallTime expires_at{};  // at most 24 h after issued_at
  std::optional<Cancel> cancel;
  std::optional<Drain> drain;
  std::optional<Ack> ack;
  std::optional<NewKeys> keys;
  std::optional<Query> query;
  std::optional<RetryNow> retry_now;
};
BOOST_DESCRIBE_STRUCT(Command, (),
                      (agent, epoch, nonce, issued_at, expires_at, cancel, drain, ack, keys, query,
                       retry_now))

// "application/vnd.provisioning.cancel.v1+json", …
std::string PayloadType(CommandType type);
// The kind a payload type names; nothing for any other text.
std::optional<CommandType> CommandTypeOf(std::string_view payload_type);

// Strict, as ParseOrder is; the body must be the one `type` names. Call it on verified bytes only.
Result<Command> ParseCommand(CommandType type, std::string_view payload);
// What ParseCommand would refuse is refused here too.
Result<std::string> SerializeCommand(CommandType type, const Command& command);

}  // namespace prov::job
