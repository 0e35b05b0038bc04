// Publishes in Redis, on job:<id>:updates, what becomes of jobs: for whoever listens there
// (docs/formats/redis.md). Nothing reads it as truth; while Redis is away, nobody hears it.
//
// Single-threaded: every call is made on the panel's io thread.
#pragma once

#include <set>
#include <string>

#include "base/uuid.hpp"
#include "net/event.hpp"
#include "panel/live/live_hub.hpp"
#include "panel/store_gate.hpp"
#include "transport/redis/panel_end.hpp"

namespace prov::panel {

class JobUpdates {
 public:
  // All outlive it.
  JobUpdates(boost::asio::any_io_executor executor, StoreGate& store, LiveHub& hub,
             transport::redis::PanelEnd& redis);

  // Publishes each change that this panel committed, after the commit, several of one job in short
  // order as the last of them; for ever.
  boost::asio::awaitable<void> Run();

 private:
  StoreGate& store_;
  transport::redis::PanelEnd& redis_;
  std::set<Uuid> changed_;  // kMostChanged at most: what is beyond is not published
  net::Event wake_;
  LiveHub::Subscription subscription_;
};

}  // namespace prov::panel
