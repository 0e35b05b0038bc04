// Closures on their way through a database's threads: the queue they wait in, and how many of them
// share one transaction (docs/decisions/0002-store-transactions-and-group-commit.md).
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
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

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Unit> units_;
  bool closed_ = false;
};

// An exception of `work` is a bug, and an error.
Status RunGuarded(const Work& work, Transaction& transaction);

// The outcome of each unit, and how many transactions were committed for them.
struct GroupOutcome {
  std::vector<Status> outcomes;
  std::uint64_t good = 0;
};

// All units in one transaction; one that fails leaves nothing behind, and takes no other with it.
// An error means that nothing of any unit was committed, as Connection::Commit() has it.
Result<GroupOutcome> CommitGroup(Connection& connection, std::span<const Unit> units);

}  // namespace prov::store::sql
