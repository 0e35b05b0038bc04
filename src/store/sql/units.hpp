// Closures on their way through a database's threads: the queue they wait in, and how many of them
// share one transaction (docs/decisions/0002-store-transactions-and-group-commit.md).
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "store/database.hpp"
#include "store/sql/connection.hpp"

namespace prov::store::sql {

struct Unit {
  Work work;
  Completion done;
};

// Thread-safe. Closed: no more is taken, but what is there is still handed out.
class UnitQueue {
 public:
  void Push(Unit unit);
  // Blocks until there is something; empty once it is closed and drained. `takers` share what is
  // there.
  std::vector<Unit> Take(std::size_t limit, std::size_t takers = 1);
  void Close();
  std::size_t size() const;  // not taken yet

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Unit> units_;
  bool closed_ = false;
};

// Counts a thread among the busy ones while it is there.
class Busy {
 public:
  explicit Busy(std::atomic<std::size_t>& count) : count_(count) { ++count_; }
  ~Busy() { --count_; }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

 private:
  std::atomic<std::size_t>& count_;
};

// An exception of `work` is a bug, and an error.
Status RunGuarded(const Work& work, Transaction& transaction);

// Of all that a writer committed; may be read while it works.
struct WriteCounters {
  std::atomic<std::uint64_t> commits{0};  // transactions
  std::atomic<std::uint64_t> writes{0};   // closures that were committed
  std::atomic<std::uint64_t> retries{0};  // transactions that were begun again
};

// Commits groups of closures. Not thread-safe: one thread writes.
class GroupWriter {
 public:
  struct Hooks {
    // The connection for the next try of what began to be written at `begun`. An error is the
    // outcome of every closure of the try.
    std::function<Result<Connection*>(SteadyTime begun)> connect;
    // Whether the same once more may work after a try that failed on this connection and committed
    // nothing. Asked a few times at most for one group.
    std::function<bool(const Connection&)> try_again;
  };
  // `counters` outlive it.
  GroupWriter(Hooks hooks, WriteCounters& counters)
      : hooks_(std::move(hooks)), counters_(counters) {}

  // All units in one transaction, if it can be; one that fails leaves nothing behind, and takes no
  // other with it. Each is done when it returns.
  void Run(std::vector<Unit>& units);

 private:
  std::vector<Status> Commit(std::span<const Unit> units, SteadyTime begun);
  std::vector<Status> OneByOne(std::span<const Unit> units, SteadyTime begun);

  Hooks hooks_;
  WriteCounters& counters_;
};

}  // namespace prov::store::sql
