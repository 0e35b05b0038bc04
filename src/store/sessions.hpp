// Sessions of people who signed in. Only the hash of what the browser holds is stored.
#pragma once

#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/uuid.hpp"

namespace prov::store {

struct Session {
  std::string hash;
  Uuid user_id;
  WallTime created_at{};
  WallTime last_seen_at{};
  WallTime expires_at{};  // whatever happens until then
  bool operator==(const Session&) const = default;
};

class Sessions {
 public:
  virtual ~Sessions() = default;
  virtual Status Insert(const Session& session) = 0;  // kConflict when the hash exists
  // kNotFound. Whether it has expired is the caller's to judge.
  virtual Result<Session> Find(const std::string& hash) = 0;
  virtual Status Seen(const std::string& hash, WallTime at) = 0;  // one that is gone is ignored
  virtual Status Remove(const std::string& hash) = 0;             // one that is gone is ignored
  // Every session of the user but `except` ("" for none); how many.
  virtual Result<std::uint64_t> RemoveOf(const Uuid& user_id, const std::string& except) = 0;
  // What expired at `now` or was not seen since `seen_before`; how many.
  virtual Result<std::uint64_t> RemoveExpired(WallTime now, WallTime seen_before) = 0;
};

}  // namespace prov::store
