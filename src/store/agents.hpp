// Registered agents (the servers), and how far each agent's events were applied.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "store/actor.hpp"

namespace prov::store {

struct Agent {
  std::string id;
  WallTime registered_at{};
  std::uint32_t key_generation = 1;
  std::string epoch;
  std::string sealing_key;   // X25519, 32 bytes; empty: none yet
  std::string facts = "{}";  // JSON, as the agent signed it
  std::optional<WallTime> last_seen_at;
  bool drained = false;
  std::vector<std::string> warnings;
  bool operator==(const Agent&) const = default;
};

struct EventPosition {
  std::uint64_t sequence = 0;  // the last one applied; 0 before the first
  std::string hash;            // of that event's bytes; empty before the first
  bool operator==(const EventPosition&) const = default;
};

class Agents {
 public:
  virtual ~Agents() = default;
  // kConflict when the id is registered.
  virtual Status Insert(const Agent& agent) = 0;
  // Writes all of it. kConflict when the row's key generation is not `expected_generation`,
  // kNotFound when it is not registered.
  virtual Status Update(const Agent& agent, std::uint32_t expected_generation) = 0;
  virtual Result<Agent> Get(const Actor& actor, const std::string& id) = 0;
  virtual Result<std::vector<Agent>> List(const Actor& actor) = 0;  // by id
  // Never sets the time back. An id that is not registered is ignored.
  virtual Status Seen(const std::string& id, WallTime at) = 0;

  virtual Result<EventPosition> Position(const std::string& id, const std::string& epoch) = 0;
  // Compare-and-set; kConflict when the last sequence applied is not `from`.
  virtual Status Advance(const std::string& id, const std::string& epoch, std::uint64_t from,
                         const EventPosition& to) = 0;
};

}  // namespace prov::store
