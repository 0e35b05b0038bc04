// Publishes in Redis, on job:<id>:updates, what becomes of jobs: for whoever listens there
// (docs/formats/redis.md). Nothing reads it as truth; while Redis is away, nobody hears it.
//
// Single-threaded: every call is made on the panel's io thread.
#pragma once

#include <set>
#include <string>

#include "base/log.hpp"
#include "base/uuid.hpp"
#include "net/event.hpp"
#include "net/task_group.hpp"
#include "panel/live/live_hub.hpp"
#include "panel/store_gate.hpp"
#include "transport/redis/panel_end.hpp"

namespace prov::panel {

class JobUpdates {
 public:
  // All outlive it.
  JobUpdates(boost::asio::any_io_executor executor, StoreGate& store, LiveHub& hub,
             transport::redis::PanelEnd& redis, Logger& logger);

  // From now on publishes each change that this panel committed, after the commit, several of one
  // job in short order as the last of them.
  void Start();
  // Ends that, and returns when the store has done what it was asked. Awaited before this and the
  // io_context go.
  boost::asio::awaitable<void> Stop();

 private:
  boost::asio::awaitable<void> Run();

  StoreGate& store_;
  transport::redis::PanelEnd& redis_;
  std::set<Uuid> changed_;  // kMostChanged at most: what is beyond is not published
  net::Event wake_;
  LiveHub::Subscription subscription_;
  net::TaskGroup tasks_;
};

}  // namespace prov::panel
