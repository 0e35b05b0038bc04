// How long to wait before the next attempt at what has failed.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "base/clock.hpp"
#include "base/random.hpp"

namespace prov::net {

// Doubles with each failure. Half of each pause is by chance, so that a thousand clients do not
// come back at once. Not thread-safe.
class Backoff {
 public:
  Backoff(Millis first, Millis longest, Random& random)
      : first_(first), longest_(longest), next_(first), random_(random) {}
  // From half of the pause to all of it: `first`, twice that, and so on up to `longest`.
  Millis Next();
  // After a success.
  void Reset() { next_ = first_; }

 private:
  Millis first_;
  Millis longest_;
  Millis next_;
  Random& random_;
};

// Waits for the next pause, which `backoff` outlives.
boost::asio::awaitable<void> Pause(Backoff& backoff);

}  // namespace prov::net
