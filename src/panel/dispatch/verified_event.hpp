// Events that were verified and read.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "job/event.hpp"
#include "panel/dispatch/key_ring.hpp"

namespace prov::panel {

struct VerifiedEvent {
  job::Event event;
  std::uint32_t generation = 1;  // of the key that signed it
  // SHA-256 of the payload: an agent that got new keys signs the same payload again.
  std::string hash;
  std::string stored_log;       // its log chunk as the store keeps it
  std::uint64_t log_bytes = 0;  // of text
  std::vector<job::StepMark> step_marks;
};

// What was delivered, as far as it could be verified.
struct Delivery {
  std::string agent;
  std::vector<VerifiedEvent> events;  // by sequence, of one epoch
  std::vector<Error> faults;          // of those that could not be
};

// `events` of `agent`, signed by its keys of one of the generations. Ends behind 8 MiB of logs,
// unpacked: what is left out is not acknowledged, and comes again. Thread-safe.
Delivery VerifyDelivery(const KeyRing& keys, const std::string& agent,
                        std::span<const std::uint32_t> generations,
                        const std::vector<std::string>& events);

}  // namespace prov::panel
