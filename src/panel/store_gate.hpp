// The store for coroutines: work runs on the store's threads, the coroutine goes on where it was.
//
//   PROV_CO_TRY(auto job, co_await gate.Read([id, actor](store::Transaction& t) {
//     return t.jobs().Get(actor, id);
//   }));
//
// The closure is copied to another thread and may run more than once: it captures by value, and
// touches nothing of the panel's.
#pragma once

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "store/database.hpp"

namespace prov::panel {

// Who asks where no caller does: the panel itself, who sees everything.
inline const store::Actor kPanel{"panel", true};

class StoreGate {
 public:
  explicit StoreGate(store::Database& database) : database_(database) {}

  template <class Fn>
  auto Read(Fn fn) {
    return Run(store::Access::kRead, std::move(fn));
  }
  template <class Fn>
  boost::asio::awaitable<std::invoke_result_t<Fn&, store::Transaction&>> Write(Fn fn) {
    auto outcome = co_await Run(store::Access::kWrite, std::move(fn));
    if (!outcome.has_error())
      failing_.reset();
    else if (outcome.error().code == ErrorCode::kUnavailable)
      failing_ = outcome.error();
    co_return outcome;
  }

  store::Load load() const { return database_.load(); }

  // Why the store takes no writes: a full disk, say, or a server that became read-only. Nothing
  // where it does, as far as can be known without writing.
  boost::asio::awaitable<std::optional<Error>> WriteFailure() {
    // Begun and ended as any write is; there is nothing in it.
    const auto tried =
        co_await Run(store::Access::kWrite, [](store::Transaction&) { return Status{}; });
    if (tried.has_error()) co_return tried.error();
    co_return failing_;
  }

 private:
  template <class Fn>
  auto Run(store::Access access, Fn fn)
      -> boost::asio::awaitable<std::invoke_result_t<Fn&, store::Transaction&>> {
    using Outcome = std::invoke_result_t<Fn&, store::Transaction&>;
    struct State {
      Fn fn;
      std::optional<Outcome> outcome;
    };
    const auto state = std::make_shared<State>(State{std::move(fn), std::nullopt});
    const auto executor = co_await boost::asio::this_coro::executor;
    // Not cancellable: what was submitted is waited for, so that a commit is never left unknown.
    Status status =
        co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(Status)>(
            [this, access, state, executor](auto handler) {
              const auto shared = std::make_shared<decltype(handler)>(std::move(handler));
              auto work = boost::asio::make_work_guard(executor);
              database_.Submit(
                  access,
                  [state](store::Transaction& transaction) -> Status {
                    state->outcome.emplace(state->fn(transaction));
                    if (state->outcome->has_error()) return state->outcome->error();
                    return {};
                  },
                  [shared, work = std::move(work), executor](Status done) mutable {
                    boost::asio::post(executor, [shared, done = std::move(done)]() mutable {
                      (*shared)(std::move(done));
                    });
                    work.reset();
                  });
            },
            boost::asio::use_awaitable);
    if (status.has_error()) co_return std::move(status).error();
    co_return std::move(*state->outcome);
  }

  store::Database& database_;
  std::optional<Error> failing_;  // of the last write, where the store is to blame
};

}  // namespace prov::panel
