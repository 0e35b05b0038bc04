#include "agent/executor/net_desk.hpp"

namespace prov::agent {

void NetDesk::Take() {
  for (auto& message : net_.Read()) {
    if (auto* parcel = std::get_if<TakeParcel>(&message)) {
      executor_.TakeParcel(parcel->bytes);
      taken_.push_back(parcel->number);
    } else if (const auto* want = std::get_if<WantEvents>(&message)) {
      wanted_.push_back(*want);
    }
    // Anything else is not for it to say.
  }
}

void NetDesk::Answer() {
  for (const auto number : taken_) net_.Send(ParcelTaken{number});
  taken_.clear();
  const auto& outbox = executor_.outbox();
  // Not more than it reads: a net role gone wild must not fill the executor's memory.
  while (!wanted_.empty() && net_.unsent() < most_unsent_) {
    const auto want = wanted_.front();
    wanted_.pop_front();
    SignedEvents events;
    events.events =
        outbox.Read(want.from, std::min<std::size_t>(want.most_bytes, 1 << 20), events.first);
    net_.Send(events);
  }
  if (net_.fd() < 0) wanted_.clear();
  TellState();
}

void NetDesk::TellState() {
  const auto& outbox = executor_.outbox();
  const bool other = net_.starts() != told_start_ || outbox.published() != told_.last ||
                     outbox.acknowledged() != told_.acknowledged;
  if (!other || net_.fd() < 0) return;
  told_start_ = net_.starts();
  told_ = {outbox.published(), outbox.acknowledged()};
  net_.Send(told_);
}

}  // namespace prov::agent
