// An event that was verified and read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "job/event.hpp"

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

}  // namespace prov::panel
