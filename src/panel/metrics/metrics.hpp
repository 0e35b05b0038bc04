// What Prometheus is told (docs/operations/metrics.md). What can be counted from the store is
// counted when it is asked for; what passes is counted as it passes.
//
// Single-threaded: every call is made on the panel's io thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "job/record.hpp"
#include "net/http_server.hpp"
#include "panel/dispatch/dispatcher.hpp"
#include "panel/registry/registry.hpp"
#include "panel/store_gate.hpp"
#include "transport/queue.hpp"

namespace prov::panel {

class Metrics {
 public:
  Metrics(StoreGate& store, const Registry& registry, const Clock& clock);
  ~Metrics();

  void RequestAnswered(const net::AccessEntry& entry);
  void JobFinished(const job::Record& record);
  // For figures that others hold: servers by status, streams that are open, whether the queue is
  // there.
  void SetSources(const Dispatcher* dispatcher, std::function<std::size_t()> open_streams,
                  const transport::QueueServer* queue = nullptr);
  boost::asio::awaitable<Result<std::string>> Text();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace prov::panel
