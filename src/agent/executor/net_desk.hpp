// The executor's side of the talk with its net role: parcels in, events out, each answer only after
// the commit that makes it true. Not thread-safe; one event loop calls it (daemon.hpp).
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "agent/channel.hpp"
#include "agent/executor/executor.hpp"
#include "agent/executor/net_process.hpp"

namespace prov::agent {

class NetDesk {
 public:
  static constexpr std::size_t kMostUnsent = std::size_t{4} << 20;

  // Both outlive it.
  NetDesk(Executor& executor, NetProcess& net, std::size_t most_unsent = kMostUnsent)
      : executor_(executor), net_(net), most_unsent_(most_unsent) {}

  // Nothing is read of a net role that does not read itself: what it is answered would fill the
  // executor's memory.
  bool WantsToRead() const { return wanted_.empty() && net_.unsent() < most_unsent_; }
  // One read of what has come; parcels go to the executor.
  void Take();
  // After the commit: what was taken is durable, and what is read may be sent.
  void Answer();
  // How far the outbox is, where that is news.
  void TellState();

 private:
  Executor& executor_;
  NetProcess& net_;
  std::size_t most_unsent_;
  std::vector<std::uint64_t> taken_;
  std::deque<WantEvents> wanted_;
  OutboxState told_;
  unsigned told_start_ = 0;
};

}  // namespace prov::agent
