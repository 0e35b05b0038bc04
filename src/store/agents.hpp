// Registered agents (the servers), and how far each agent's events were applied.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "store/actor.hpp"

namespace prov::store {

// Two servers spoke with one name: neither is heard until a person has decided.
struct CloneMark {
  WallTime since{};
  std::string evidence;  // a sentence
  bool operator==(const CloneMark&) const = default;
};

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
  std::uint32_t previous_generation = 0;  // what it signed is taken too; 0: none
  std::uint32_t offered_generation = 0;   // given to it, and not used by it yet; 0: none
  std::optional<CloneMark> cloned;
  std::string refused;  // why what it reports is not taken; empty: it is
  bool operator==(const Agent&) const = default;
};

struct EventPosition {
  std::uint64_t sequence = 0;  // the last one applied; 0 before the first
  std::string hash;            // of that event's bytes; empty before the first
  bool operator==(const EventPosition&) const = default;
};

// How many of an epoch's applied events are known by their hash.
inline constexpr std::uint64_t kEventHashesKept = 2000;

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
  // Never sets the time back, but from one so far ahead that a panel's clock was wrong. An id that
  // is not registered is ignored.
  static constexpr Millis kMostAhead{60'000};
  virtual Status Seen(const std::string& id, WallTime at) = 0;

  virtual Result<EventPosition> Position(const std::string& id, const std::string& epoch) = 0;
  // Compare-and-set; kConflict when the last sequence applied is not `from`.
  virtual Status Advance(const std::string& id, const std::string& epoch, std::uint64_t from,
                         const EventPosition& to) = 0;
  // Hashes of applied events, the newest kEventHashesKept of an epoch: by them an event that comes
  // again is told from another one with its sequence.
  virtual Result<std::map<std::uint64_t, std::string>> EventHashes(const std::string& id,
                                                                   const std::string& epoch,
                                                                   std::uint64_t first,
                                                                   std::uint64_t last) = 0;
  virtual Status KeepHashes(const std::string& id, const std::string& epoch,
                            const std::vector<EventPosition>& applied) = 0;
};

}  // namespace prov::store
