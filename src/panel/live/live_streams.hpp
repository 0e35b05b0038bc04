// What all open streams share: how many they are, when they look again, and that they end together.
// Single-threaded.
#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include <boost/asio/any_io_executor.hpp>

#include "base/clock.hpp"
#include "panel/live/beat.hpp"

namespace prov::panel {

struct LiveLimits {
  Millis batch{50};        // between two looks at what has changed; more where streams are many
  Millis comment{15'000};  // silence before a comment; between two looks at what nobody told
  Millis retry{1'000};     // before the store is asked again after it failed
  // After which a stream is ended: its client comes back where it was, and is asked again who it
  // is, so that a token that was revoked sees no more.
  Millis lifetime{1'500'000};
  std::size_t streams = 8'000;  // open at once; beyond: 429
};

// Outlives the streams.
class LiveStreams {
 public:
  // Counts a stream, and lets Close end it, until it is destroyed.
  class Open {
   public:
    Open(LiveStreams& streams, std::function<void()> end);
    Open(const Open&) = delete;
    ~Open();

   private:
    LiveStreams& streams_;
    std::uint64_t id_;
  };

  explicit LiveStreams(const LiveLimits& limits = {}) : limits_(limits) {}

  // Ends every stream at once, and refuses new ones.
  void Close();
  bool closed() const { return closed_; }
  std::size_t open() const { return open_.size(); }  // for metrics
  const LiveLimits& limits() const { return limits_; }
  // Wakes it once, when it is time to look at what has changed. It takes that back before it ends.
  void AskToLook(const boost::asio::any_io_executor& executor, Beat::Sleeper& sleeper);
  void TakeBack(const Beat::Sleeper& sleeper) { beat_.TakeBack(sleeper); }

 private:
  LiveLimits limits_;
  std::map<std::uint64_t, std::function<void()>> open_;  // ends one
  Beat beat_;
  std::uint64_t next_ = 1;
  bool closed_ = false;
};

}  // namespace prov::panel
