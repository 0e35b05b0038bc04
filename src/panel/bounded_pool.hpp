// Blocking work for coroutines: a few threads, and a short queue before them. What finds the queue
// full is refused at once.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/result.hpp"

namespace prov::panel {

// Run() is for one thread alone; what it runs is on the pool's.
class BoundedPool {
 public:
  BoundedPool(std::size_t threads, std::size_t waiting)
      : most_(threads + waiting), threads_(threads) {}

  // `fn()` is a Result; kExhausted without a call of it where too many wait already.
  template <class Fn>
  auto Run(Fn fn) -> boost::asio::awaitable<std::invoke_result_t<Fn&>> {
    if (taken_ >= most_) co_return Error{ErrorCode::kExhausted, "too many wait already", {}};
    const Place place(taken_);
    co_return co_await boost::asio::co_spawn(threads_, Call(std::move(fn)),
                                             boost::asio::use_awaitable);
  }

 private:
  struct Place {
    explicit Place(std::size_t& taken) : taken_(taken) { ++taken_; }
    ~Place() { --taken_; }
    Place(const Place&) = delete;
    std::size_t& taken_;
  };
  template <class Fn>
  static auto Call(Fn fn) -> boost::asio::awaitable<std::invoke_result_t<Fn&>> {
    co_return fn();
  }

  std::size_t most_;
  std::size_t taken_ = 0;
  boost::asio::thread_pool threads_;
};

}  // namespace prov::panel
