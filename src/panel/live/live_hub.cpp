#include "panel/live/live_hub.hpp"

namespace prov::panel {

LiveHub::Subscription& LiveHub::Subscription::operator=(Subscription&& other) noexcept {
  if (this != &other) {
    if (hub_) hub_->listeners_.erase(id_);
    hub_ = std::exchange(other.hub_, nullptr);
    id_ = other.id_;
  }
  return *this;
}

LiveHub::Subscription::~Subscription() {
  if (hub_) hub_->listeners_.erase(id_);
}

LiveHub::Subscription LiveHub::Subscribe(Listener listener, bool own_only) {
  const auto id = next_++;
  listeners_.emplace(id, Subscriber{std::move(listener), own_only});
  return {this, id};
}

void LiveHub::JobChanged(const Uuid& job, By by) { Tell({Notice::About::kJob, job}, by); }

void LiveHub::ServersChanged() {
  ++servers_version_;
  Tell({.about = Notice::About::kServers}, By::kThisPanel);
}

void LiveHub::AnythingChanged() {
  ++servers_version_;
  Tell({.about = Notice::About::kAnything}, By::kAnotherPanel);
}

void LiveHub::Tell(const Notice& notice, By by) {
  for (const auto& [id, subscriber] : listeners_) {
    if (by == By::kThisPanel || !subscriber.own_only) subscriber.listener(notice);
  }
}

}  // namespace prov::panel
