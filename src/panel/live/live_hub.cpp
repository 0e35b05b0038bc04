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

void LiveHub::JobChanged(const Uuid& job, By by) {
  for (const auto& [id, subscriber] : listeners_) {
    if (by == By::kThisPanel || !subscriber.own_only) subscriber.listener(job);
  }
}

void LiveHub::ServersChanged() {
  ++servers_version_;
  for (const auto& [id, subscriber] : listeners_) subscriber.listener(Uuid{});
}

}  // namespace prov::panel
