// Events that were verified and read.
#pragma once

#include <cstddef>
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
  std::size_t looked_at = 0;          // so many of what came, from its beginning
};

// `events` of `agent`, signed by its keys of one of the generations: one at least, and no more
// behind 8 MiB of logs, unpacked. Thread-safe.
Delivery VerifyDelivery(const KeyRing& keys, const std::string& agent,
                        std::span<const std::uint32_t> generations,
                        std::span<const std::string> events);

}  // namespace prov::panel
