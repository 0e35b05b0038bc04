// Nonces that were taken, kept as long as what carried them is valid: each is taken once, in any
// order. Time is the agent's wall clock; validity fails closed. Not thread-safe.
#pragma once

#include <map>
#include <optional>
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

// `most` bounds the memory. Where more are valid at once, the one issued first is forgotten, and
// from then on nothing is taken that was not issued after it: an honest flood goes on, and what was
// forgotten still cannot come twice.
class ReplayWindow {
 public:
  struct Times {
    WallTime issued_at{};
    WallTime expires_at{};
  };

  explicit ReplayWindow(std::size_t most = 100'000) : most_(most) {}

  // kConflict for a nonce that was taken before, or that may have been and is forgotten. A nonce
  // has 16 to 64 characters.
  Status Take(std::string_view nonce, Times times, WallTime now);
  bool Contains(std::string_view nonce) const { return nonces_.contains(nonce); }
  std::size_t size() const { return nonces_.size(); }
  // For the journal's snapshot.
  const std::map<std::string, Times, std::less<>>& nonces() const { return nonces_; }
  std::optional<WallTime> forgotten_until() const { return forgotten_until_; }
  // What was issued up to then is not taken: read from a snapshot.
  void ForgetUntil(WallTime issued_at);

 private:
  using Index = std::set<std::pair<WallTime, std::string_view>>;  // of the keys of nonces_
  void Remove(std::string_view nonce);

  std::size_t most_;
  std::map<std::string, Times, std::less<>> nonces_;
  Index by_issue_;
  Index by_expiry_;
  std::optional<WallTime> forgotten_until_;
};

}  // namespace prov::signing
