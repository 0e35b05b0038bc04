// Removes jobs that ended long ago, with their changes and logs: a few at a time, so that nobody
// waits for it (docs/operations/panel.md, "How long jobs are kept").
#pragma once

#include <optional>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/uuid.hpp"
#include "net/task_group.hpp"
#include "panel/store_gate.hpp"

namespace prov::panel {

// For one thread.
class Retention {
 public:
  // Jobs stay for `kept` after their end; 0: for ever.
  Retention(boost::asio::any_io_executor executor, StoreGate& store, std::chrono::days kept,
            const Clock& clock, Logger& logger);

  // From now on: looks through all jobs, oldest first, group by group, then again after an hour.
  // What goes wrong is logged, and tried again in the next round.
  void Start();
  // Ends when what was begun is done.
  boost::asio::awaitable<void> Stop();
  // The next group, in one transaction with its entry in the audit. False: that was the last one of
  // the round.
  boost::asio::awaitable<Result<bool>> Step();

 private:
  boost::asio::awaitable<void> Run();

  boost::asio::any_io_executor executor_;
  StoreGate& store_;
  std::chrono::days kept_;
  const Clock& clock_;
  Logger& logger_;
  std::optional<Uuid> after_;  // how far this round has come
  net::TaskGroup tasks_;
};

}  // namespace prov::panel
