// What the two ends say to each other in an agent's stream and on its channel
// (docs/formats/redis.md).
#pragma once

#include <cstddef>
#include <string_view>

namespace prov::transport::redis {

// The one field of an entry; its value is the signed event.
inline constexpr std::string_view kEventField = "event";

// Published on the `events` channel: the agent is alive; or there is something in its stream.
inline constexpr std::string_view kHeartbeatMessage = "heartbeat";
inline constexpr std::string_view kEventsMessage = "events";

// An agent adds no more while so much of what it added is not acknowledged; with the last addition
// it may come to more by a quarter. A stream above twice that is not an agent's work.
inline constexpr std::size_t kMostUnacknowledgedBytes = std::size_t{4} << 20;

}  // namespace prov::transport::redis
