// The store: units of work run in transactions. What one closure writes (a change, its audit entry)
// is committed together or not at all.
//
//   PROV_CHECK(database.Write([&](Transaction& t) -> Status {
//     PROV_CHECK(t.jobs().Insert(creation));
//     PROV_CHECK(t.audit().Append(event));
//     return {};
//   }));
//
// Thread-safe. Closures run on the store's threads, one write at a time; they must not wait for
// anything, keep the Transaction, or call the Database. A closure MAY RUN MORE THAN ONCE (a group
// whose commit failed is tried again one by one, and after a connection was lost), so it assigns
// its results and does not add to them. What a statement of the database refuses (kConflict of an
// Insert, say) ends the closure: it returns that error.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <type_traits>

#include "base/result.hpp"
#include "store/agents.hpp"
#include "store/announcement.hpp"
#include "store/attempts.hpp"
#include "store/audit.hpp"
#include "store/changes.hpp"
#include "store/commands.hpp"
#include "store/jobs.hpp"
#include "store/replays.hpp"
#include "store/sessions.hpp"
#include "store/tokens.hpp"
#include "store/users.hpp"

namespace prov::store {

class Transaction {
 public:
  virtual ~Transaction() = default;
  virtual Jobs& jobs() = 0;
  virtual Changes& changes() = 0;
  virtual Audit& audit() = 0;
  virtual Agents& agents() = 0;
  virtual Commands& commands() = 0;
  virtual Replays& replays() = 0;
  virtual Tokens& tokens() = 0;
  virtual Users& users() = 0;
  virtual Sessions& sessions() = 0;
  virtual Attempts& attempts() = 0;
};

enum class Access {
  kRead,   // one consistent view; writing in it is an error
  kWrite,  // serialised with every other write, of other processes too
};

// What there is to do at this moment, for whoever watches it.
struct Load {
  std::size_t waiting_reads = 0;  // closures that were not begun
  std::size_t waiting_writes = 0;
  std::size_t connections = 0;
  std::size_t busy_connections = 0;
};

using Work = std::function<Status(Transaction&)>;
using Completion = std::function<void(Status)>;

class Database {
 public:
  virtual ~Database() = default;

  // Runs `work`, then `done` on a store thread: for a write only once it is durable. An error of
  // `work` rolls back that closure alone and is what `done` gets; so is kUnavailable (busy, closed,
  // not reachable, disk full or failing), kInternal (an exception). Where the connection was lost
  // while committing, kUnavailable does not say that nothing was written. `done` must not block,
  // and is called exactly once.
  virtual void Submit(Access access, Work work, Completion done) = 0;

  virtual Load load() const { return {}; }

  // Tells `listener` what other processes commit, on a thread of the store's; kAnything when it
  // begins to hear them, again after each while in which it did not, and after a write of this
  // process of which it is not known whether it was committed. Nothing where a database is one
  // process's alone. It must not outlive the database.
  [[nodiscard]] virtual std::unique_ptr<Listening> Listen(AnnouncementListener) { return {}; }

  // Blocking; `fn` is `Result<T>(Transaction&)` or `Status(Transaction&)`. Never from a store
  // thread.
  template <class Fn>
  auto Read(Fn fn) {
    return Run(Access::kRead, std::move(fn));
  }
  template <class Fn>
  auto Write(Fn fn) {
    return Run(Access::kWrite, std::move(fn));
  }

 private:
  template <class Fn>
  auto Run(Access access, Fn fn) -> std::invoke_result_t<Fn&, Transaction&> {
    using Outcome = std::invoke_result_t<Fn&, Transaction&>;
    std::optional<Outcome> outcome;
    // Shared, since set_value() may still be returning when the waiter goes on.
    const auto promise = std::make_shared<std::promise<Status>>();
    Submit(
        access,
        [&](Transaction& transaction) -> Status {
          outcome.emplace(fn(transaction));
          if (outcome->has_error()) return outcome->error();
          return {};
        },
        [promise](Status status) { promise->set_value(std::move(status)); });
    Status status = promise->get_future().get();
    if (status.has_error()) return std::move(status).error();
    return std::move(*outcome);
  }
};

}  // namespace prov::store
