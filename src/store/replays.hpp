// What requests with an Idempotency-Key were answered, kept in the transaction of their effect, so
// that the same request is answered the same again. A refusal made nothing and is not kept.
#pragma once

#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "store/actor.hpp"

namespace prov::store {

inline constexpr Millis kReplayKept = std::chrono::hours{24};

struct StoredResponse {
  int status = 200;
  std::string location;  // empty: none
  std::string body;      // the bytes that were sent
  bool operator==(const StoredResponse&) const = default;
};

struct Replay {
  std::string body_mac;  // a keyed MAC of the request, never a bare hash
  StoredResponse response;
  bool operator==(const Replay&) const = default;
};

class Replays {
 public:
  virtual ~Replays() = default;
  // `key`: 1..255 bytes; its scope is the acting user. Nothing once kReplayKept has passed.
  virtual Result<std::optional<Replay>> Find(const Actor& actor, const std::string& key,
                                             WallTime now) = 0;
  // Also removes what is past its time, of everyone. kConflict for a live key: look with Find() in
  // the same transaction first.
  virtual Status Keep(const Actor& actor, const std::string& key, const Replay& replay,
                      WallTime now) = 0;
};

}  // namespace prov::store
