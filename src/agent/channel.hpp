// What the net role and the executor say to each other over their socketpair: length-prefixed
// frames, u32 little endian length of what follows, one byte of kind, the body. The net role is not
// trusted: whatever comes from it is at most a parcel to be verified, or a request for events.
// Pure; not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace prov::agent {

inline constexpr int kChannel = 3;  // the descriptor at which the net role finds its end
inline constexpr std::size_t kMaxFrameBytes = 2 << 20;

// Executor to net, first and once: all the net role needs to know. `configuration` is JSON
// (NetConfiguration), `http_key` the transport's key and nothing else.
struct Hello {
  std::string configuration;
  std::string http_key;
};
// Net to executor: an envelope or a command, as it came. `number` is the net role's own, to match
// the answer.
struct TakeParcel {
  std::uint64_t number = 0;
  std::string bytes;
};
// Executor to net: it is in the journal, or refused for good.
struct ParcelTaken {
  std::uint64_t number = 0;
};
// Net to executor: events from `from` on, at most `most_bytes` of them.
struct WantEvents {
  std::uint64_t from = 0;
  std::uint32_t most_bytes = 0;
};
// Executor to net, in answer: in sequence, the first is `first`; empty when there is none.
struct SignedEvents {
  std::uint64_t first = 0;
  std::vector<std::string> events;
};
// Executor to net, unasked, once durable: events up to `last` exist, up to `acknowledged` the panel
// has them.
struct OutboxState {
  std::uint64_t last = 0;
  std::uint64_t acknowledged = 0;
};
// Net to executor: the panel's clock minus ours, learned from its answers; only told, never
// believed for validity.
struct PanelClock {
  std::int64_t offset_ms = 0;
};

using Message =
    std::variant<Hello, TakeParcel, ParcelTaken, WantEvents, SignedEvents, OutboxState, PanelClock>;

void AppendFrame(std::string& to, const Message& message);

// Takes bytes as they come. kTooLarge for a frame above kMaxFrameBytes, kCorrupt for one that is
// none; the channel is then of no more use.
class FrameReader {
 public:
  void Feed(std::string_view bytes) { buffer_.append(bytes); }
  // The next whole message; nothing (false) when more bytes are needed.
  Result<bool> Next(Message& message);

 private:
  std::string buffer_;
  std::size_t offset_ = 0;
};

}  // namespace prov::agent
