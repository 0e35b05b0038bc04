// What agents report, written into the store: verified, in sequence, each event once, whatever came
// how often and in what order (docs/formats/events.md).
//
// Where events are missing that can never come (an old backup was restored), the same transaction
// asks the agent for the state of its unsettled jobs. While that command waits, whatever state the
// agent reports is believed: the steps between are what was lost.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "job/event.hpp"
#include "panel/dispatch/key_ring.hpp"
#include "panel/live/live_hub.hpp"
#include "panel/store_gate.hpp"
#include "transport/queue.hpp"

namespace prov::panel {

// An event that was verified and read. `stored_log` is its log chunk as the store keeps it.
struct VerifiedEvent {
  job::Event event;
  std::string hash;  // SHA-256 of the envelope's bytes
  std::string stored_log;
  std::uint64_t log_bytes = 0;  // of text
};

class EventApplier {
 public:
  // `wake` is told of an agent for which there is a new command.
  EventApplier(StoreGate& store, LiveHub& hub, const KeyRing& keys, const Clock& clock,
               Random& random, Logger& logger, std::function<void(const std::string&)> wake);

  boost::asio::awaitable<Result<std::string>> Deliver(std::string agent,
                                                      std::vector<std::string> events);
  // Told of each job that an agent ended, after the commit.
  void OnFinished(std::function<void(const job::Record&)> listener) {
    on_finished_ = std::move(listener);
  }

 private:
  Result<VerifiedEvent> Verified(const std::string& agent, std::uint32_t generation,
                                 const std::string& bytes) const;

  StoreGate& store_;
  LiveHub& hub_;
  const KeyRing& keys_;
  const Clock& clock_;
  Random& random_;
  Logger& logger_;
  std::function<void(const std::string&)> wake_;
  std::function<void(const job::Record&)> on_finished_;
};

}  // namespace prov::panel
