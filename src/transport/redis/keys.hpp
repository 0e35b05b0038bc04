// The names of an agent's keys and channels in Redis, as founded; docs/formats/redis.md has what
// they hold. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/uuid.hpp"

namespace prov::transport::redis {

// How the agent's id is spelled in them: plain, or in braces, which puts all keys of an agent into
// one slot of a Cluster (redis/slot.hpp): "agent:{7}:jobs".
enum class KeyStyle { kPlain, kHashTag };

struct AgentKeys {
  std::string jobs;        // list: envelopes
  std::string processing;  // list: envelopes that the agent has and did not journal yet
  std::string control;     // list: commands
  std::string ack;         // string: the newest acknowledgement
  std::string events;      // stream, and the channel on which panels are told of it
  std::string heartbeat;   // string, which expires
  std::string reader;      // string, which expires: the panel that reads the stream
  std::string wake;        // channel: there is something in `control` or `ack`
};
AgentKeys KeysOf(std::string_view agent, KeyStyle style);

// "agent:7:*": all of them, as an ACL names keys and channels.
std::string AllKeysOf(std::string_view agent, KeyStyle style);

// The pattern of every agent's `events` channel, and whose such a channel is; "" where what stands
// there is not spelled as an agent's id.
std::string EventsPattern(KeyStyle style);
std::string AgentOfEvents(std::string_view channel, KeyStyle style);

// Where a job's changes are published.
std::string UpdatesChannel(const Uuid& job);

}  // namespace prov::transport::redis
