// How often it was tried lately to sign in, by what it counts for: all panels over one store limit
// that together. The rules are the panel's (panel/auth/sign_in_limits.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace prov::store {

struct AttemptCount {
  std::uint64_t count = 0;
  WallTime since{};  // the first of them
  bool operator==(const AttemptCount&) const = default;
};

class Attempts {
 public:
  virtual ~Attempts() = default;
  // `hash` stands for an account or an address, whose names are not kept. Nothing for one that was
  // not tried.
  virtual Result<std::optional<AttemptCount>> Find(const std::string& hash) = 0;
  virtual Status Keep(const std::string& hash, const AttemptCount& count) = 0;  // in its place
  virtual Status Remove(const std::string& hash) = 0;  // one that is not there is ignored
  // What began at `since` or earlier; how many.
  virtual Result<std::uint64_t> RemoveOld(WallTime since) = 0;
};

}  // namespace prov::store
