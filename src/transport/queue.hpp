// How jobs and commands travel to agents, and events back. A queue is disposable: whatever it
// loses, doubles, delays or reorders costs time and nothing else (docs/architecture.md). Every
// implementation passes the suite of conformance_test.cpp.
//
// Single-threaded: every call is made on the thread that runs the executor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace prov::transport {

enum class ParcelKind { kJob, kCommand };

// A signed envelope or command on its way to an agent. `id` names it within the agent's queue: the
// job's id, or the command's nonce. Sent again, it is byte for byte the same.
struct Parcel {
  ParcelKind kind = ParcelKind::kJob;
  std::string id;
  std::string bytes;
  bool operator==(const Parcel&) const = default;
};

// The panel's end, outwards.
class JobQueue {
 public:
  virtual ~JobQueue() = default;
  // Delivered at least once, in no order that may be relied on, until the agent has taken it. A
  // parcel that the queue still holds, by its id or its bytes, is not queued again. kUnavailable
  // when the queue is away, kExhausted when it is full.
  virtual boost::asio::awaitable<Status> Push(std::string agent, Parcel parcel) = 0;
  // Whether it still waits there: into a queue that holds it, nothing is pushed again.
  virtual boost::asio::awaitable<Result<bool>> Holds(std::string agent, Parcel parcel) = 0;
  virtual boost::asio::awaitable<Result<std::size_t>> Depth(std::string agent) = 0;
};

// A queue that another program holds.
class QueueServer {
 public:
  virtual ~QueueServer() = default;
  virtual std::string_view server() const = 0;  // "Redis"
  // Whether it is there, and why not.
  virtual const Status& connection() const = 0;
  // Events in it that no panel has committed, as far as it can be known.
  virtual std::uint64_t events_waiting() const { return 0; }
};

// The panel's end, inwards: who takes what agents send.
class EventSink {
 public:
  virtual ~EventSink() = default;
  // Signed events (DSSE under the event key) of `agent`, as they came. Answers once all that can be
  // applied is committed: with the signed cumulative acknowledgement to hand to the agent, or ""
  // when there is nothing to acknowledge. An error means that nothing of it was kept.
  virtual boost::asio::awaitable<Result<std::string>> Deliver(std::string agent,
                                                              std::vector<std::string> events) = 0;
  // The agent is alive; nothing else is believed of it without its event key.
  virtual void Seen(const std::string& agent) = 0;
};

// The agent's end: what the net role hands between the transport and the executor.
class AgentPort {
 public:
  struct Event {
    std::uint64_t seq = 0;
    std::string bytes;  // signed
  };
  virtual ~AgentPort() = default;
  // Returns once the parcel is in the executor's journal or was refused for good: only then may the
  // transport forget it. kUnavailable when the executor has gone.
  virtual boost::asio::awaitable<Status> Take(std::string parcel) = 0;
  // Events from `from` on, in sequence, `most_bytes` in all (one event at least, where there is
  // one). Does not wait.
  virtual boost::asio::awaitable<Result<std::vector<Event>>> Events(std::uint64_t from,
                                                                    std::size_t most_bytes) = 0;
  virtual std::uint64_t last_event() const = 0;    // 0: none yet
  virtual std::uint64_t acknowledged() const = 0;  // verified by the executor
  // Ends when last_event() or acknowledged() has changed since the call.
  virtual boost::asio::awaitable<void> Changed() = 0;
};

// The agent's end of one transport.
class AgentLink {
 public:
  virtual ~AgentLink() = default;
  // Connects, connects again with jittered backoff, takes parcels, sends events; until canceled.
  virtual boost::asio::awaitable<void> Run(AgentPort& port) = 0;
};

}  // namespace prov::transport
