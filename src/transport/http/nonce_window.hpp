// The nonces of one agent's signed requests: each is taken once. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <set>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "signing/http_signature.hpp"

namespace prov::transport::http {

// A signature is valid from a minute before its time to a minute after it; then its nonce may go.
inline constexpr Millis kNonceLife = 2 * signing::kHttpSignatureWindow;

// Kept in two generations, the older of which goes whole: ten thousand agents poll every ten
// seconds, so what is kept for a nonce counts.
class NonceWindow {
 public:
  explicit NonceWindow(std::size_t most) : most_(most) {}

  // `nonce`: 32 hex digits. kUnauthenticated for one that was taken within kNonceLife; kExhausted
  // after `most` of them, never a forgotten one.
  Status Take(std::string_view nonce, SteadyTime now);
  // Nothing in it matters any more.
  bool Expired(SteadyTime now) const { return now - turned_ >= 2 * kNonceLife; }

 private:
  using Nonce = std::array<char, 16>;
  // Ordered: whoever chooses nonces cannot make it slow, as with a hash.
  using Generation = std::set<Nonce>;

  std::size_t most_;
  Generation current_;
  Generation previous_;
  SteadyTime turned_{};
};

}  // namespace prov::transport::http
