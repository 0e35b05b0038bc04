// Who is told when a job or a server has changed. A hint only: what is shown is read from the
// store, so a notice lost or doubled shows nothing wrong. Single-threaded.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "base/uuid.hpp"

namespace prov::panel {

class LiveHub {
 public:
  struct Notice {
    enum class About {
      kJob,
      kServers,
      kAnything,  // nobody was told for a while: whatever is shown may have changed
    };
    About about = About::kJob;
    Uuid job{};  // of kJob
    bool operator==(const Notice&) const = default;
  };
  using Listener = std::function<void(const Notice&)>;
  // Ends with the subscription.
  class Subscription {
   public:
    Subscription() = default;
    Subscription(LiveHub* hub, std::uint64_t id) : hub_(hub), id_(id) {}
    Subscription(Subscription&& other) noexcept
        : hub_(std::exchange(other.hub_, nullptr)), id_(other.id_) {}
    Subscription& operator=(Subscription&& other) noexcept;
    ~Subscription();

   private:
    LiveHub* hub_ = nullptr;
    std::uint64_t id_ = 0;
  };

  // Who committed what changed a job; another panel's is heard of where the database tells.
  enum class By { kThisPanel, kAnotherPanel };
  // `own_only`: of what this panel committed.
  [[nodiscard]] Subscription Subscribe(Listener listener, bool own_only = false);
  // After the commit. Listeners must not subscribe or unsubscribe from within.
  void JobChanged(const Uuid& job, By by = By::kThisPanel);
  void ServersChanged();
  // Without a commit that is known of. Whoever wants this panel's changes only is not told.
  void AnythingChanged();
  std::uint64_t servers_version() const { return servers_version_; }
  std::size_t listeners() const { return listeners_.size(); }

 private:
  friend class Subscription;
  void Tell(const Notice& notice, By by);
  struct Subscriber {
    Listener listener;
    bool own_only = false;
  };
  std::map<std::uint64_t, Subscriber> listeners_;
  std::uint64_t next_ = 1;
  std::uint64_t servers_version_ = 0;
};

}  // namespace prov::panel
