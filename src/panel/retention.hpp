// Removes jobs that ended long ago, with their changes and logs, and sooner than that the logs
// alone: a few at a time, so that nobody waits for it (docs/operations/panel.md, "How long jobs are
// kept").
#pragma once

#include <optional>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/uuid.hpp"
#include "net/task_group.hpp"
#include "panel/store_gate.hpp"

namespace prov::panel {

// After the end of a job.
struct RetentionPeriods {
  std::chrono::days jobs{0};  // 0: for ever
  std::chrono::days logs{0};  // 0, or no less than `jobs`: as long as their jobs
};

// For one thread.
class Retention {
 public:
  Retention(boost::asio::any_io_executor executor, StoreGate& store, RetentionPeriods periods,
            const Clock& clock, Logger& logger);
  ~Retention();

  // From now on: looks through all jobs, oldest first, group by group, then through the logs of
  // those that stay, then again after an hour. A group that fails is logged, and a minute later
  // gone on with.
  void Start();
  // Ends when what was begun is done.
  boost::asio::awaitable<void> Stop();
  // The next group, in one transaction with its entry in the audit. False: that was the last one of
  // the round. An error: it was rolled back; the next are small, and a job that fails by itself is
  // passed by.
  boost::asio::awaitable<Result<bool>> Step();

 private:
  struct Sweep;  // of jobs, or of logs
  boost::asio::awaitable<void> Run();
  boost::asio::awaitable<Error> PassBy(Error failure);

  boost::asio::any_io_executor executor_;
  StoreGate& store_;
  std::vector<Sweep> sweeps_;  // one after another they are a round
  std::size_t sweep_ = 0;      // the one under way
  std::optional<Uuid> after_;  // how far it has come
  std::size_t limit_;          // of the next group
  const Clock& clock_;
  Logger& logger_;
  net::TaskGroup tasks_;
};

}  // namespace prov::panel
