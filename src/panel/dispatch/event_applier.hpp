// What agents report, written into the store: verified, in sequence, each event once, whatever came
// how often and in what order (docs/formats/events.md).
#pragma once

#include <functional>
#include <map>
#include <set>
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
  EventApplier(StoreGate& store, LiveHub& hub, const KeyRing& keys, const Clock& clock,
               Random& random, Logger& logger);

  boost::asio::awaitable<Result<std::string>> Deliver(std::string agent,
                                                      std::vector<std::string> events);
  // Told of each job that an agent ended, after the commit.
  void OnFinished(std::function<void(const job::Record&)> listener) {
    on_finished_ = std::move(listener);
  }
  // Agents of which some events can never come (an old backup was restored): their unsettled jobs
  // must be asked for. Taken by the dispatcher.
  std::set<std::string> TakeGaps() { return std::exchange(gaps_, {}); }

 private:
  Result<VerifiedEvent> Verified(const std::string& agent, std::uint32_t generation,
                                 const std::string& bytes) const;

  StoreGate& store_;
  LiveHub& hub_;
  const KeyRing& keys_;
  const Clock& clock_;
  Random& random_;
  Logger& logger_;
  std::function<void(const job::Record&)> on_finished_;
  std::set<std::string> gaps_;
  std::set<std::string> answering_;  // agents that were asked, and may say any state
};

}  // namespace prov::panel
