// Nonces that were taken, kept as long as what carried them is valid: each is taken once, in any
// order. Time is the agent's wall clock; validity fails closed. Not thread-safe.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "job/order.hpp"

namespace prov::signing {

inline constexpr Seconds kClockSkew = std::chrono::minutes{5};
using job::kLongestValidity;

// When something signed may be taken: [not_before - skew, expires_at + skew], and valid for 24 h at
// most. kInvalidArgument says which bound was broken.
Status CheckValidity(WallTime issued_at, WallTime not_before, WallTime expires_at, WallTime now);

class ReplayWindow {
 public:
  // `most` bounds the memory: a nonce more is kExhausted, never a forgotten one.
  explicit ReplayWindow(std::size_t most = 100'000) : most_(most) {}

  // kConflict for a nonce that was taken before. A nonce has 16 to 64 characters.
  Status Take(std::string_view nonce, WallTime expires_at, WallTime now);
  bool Contains(std::string_view nonce) const { return nonces_.contains(std::string(nonce)); }
  std::size_t size() const { return nonces_.size(); }
  // For the journal's snapshot: nonce -> until when it is kept.
  const std::map<std::string, WallTime>& nonces() const { return nonces_; }

 private:
  void Forget(WallTime now);

  std::size_t most_;
  std::map<std::string, WallTime> nonces_;
  std::set<std::pair<WallTime, std::string>> by_expiry_;
};

}  // namespace prov::signing
