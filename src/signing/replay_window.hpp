// Each nonce is taken once, in any order, and remembered until its message could not be valid any
// more. Not thread-safe.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace prov::signing {

inline constexpr std::chrono::minutes kSkew{5};

// Whether a message is valid at `now`, give or take 5 minutes: kTimeout once it has expired,
// kPermissionDenied before its time. A clock that is wrong by more fails closed.
Status CheckValidity(WallTime not_before, WallTime expires_at, WallTime now);

class ReplayWindow {
 public:
  // `capacity`: nonces held at once. Over it, new ones are refused rather than old ones forgotten.
  explicit ReplayWindow(std::size_t capacity = 100'000) : capacity_(capacity) {}

  bool Contains(std::string_view nonce) const { return seen_.contains(std::string(nonce)); }
  // Validity as above; kConflict for a nonce seen before, kExhausted where there is no room. A
  // refused nonce is not remembered.
  Status Take(std::string_view nonce, WallTime not_before, WallTime expires_at, WallTime now);

  // For the journal: what is remembered, and until when. Restore keeps what is still needed.
  std::vector<std::pair<std::string, WallTime>> Entries() const;
  void Restore(std::string_view nonce, WallTime until);
  std::size_t size() const { return seen_.size(); }

 private:
  void Forget(WallTime now);

  std::size_t capacity_;
  std::map<std::string, WallTime> seen_;
  std::set<std::pair<WallTime, std::string>> by_time_;
};

}  // namespace prov::signing
