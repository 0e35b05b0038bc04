// The bodies of /agent/v1/poll and /agent/v1/events (docs/formats/agent-http.md).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "base/clock.hpp"

namespace prov::transport::http {

inline constexpr std::string_view kPollPath = "/agent/v1/poll";

// How long a poll waits for something to say; it is the heartbeat too.
inline constexpr Millis kLongestPoll{10'000};
inline constexpr std::size_t kMaxPollBytes = 4 << 20;
inline constexpr std::size_t kMaxEventsInRequest = 1000;

struct PollRequest {
  std::vector<std::string> taken;   // ids of parcels that need not come again
  std::vector<std::string> events;  // signed, in sequence
};
BOOST_DESCRIBE_STRUCT(PollRequest, (), (taken, events))

struct SentParcel {
  std::string id;
  std::string envelope;
};
BOOST_DESCRIBE_STRUCT(SentParcel, (), (id, envelope))

struct PollAnswer {
  WallTime now{};  // the panel's clock
  std::vector<SentParcel> parcels;
  std::optional<std::string> ack;  // a signed command
};
BOOST_DESCRIBE_STRUCT(PollAnswer, (), (now, parcels, ack))

struct EventsRequest {
  std::vector<std::string> events;
};
BOOST_DESCRIBE_STRUCT(EventsRequest, (), (events))

struct EventsAnswer {
  WallTime now{};
  std::optional<std::string> ack;
};
BOOST_DESCRIBE_STRUCT(EventsAnswer, (), (now, ack))

}  // namespace prov::transport::http
