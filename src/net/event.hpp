// Something that coroutines of one thread wait for. Waiters re-check their condition:
//   while (!ready) co_await event.Wait();
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace prov::net {

// Single-threaded.
class Event {
 public:
  explicit Event(boost::asio::any_io_executor executor)
      : timer_(executor, boost::asio::steady_timer::time_point::max()) {}
  // Wakes everybody who waits now; nothing is remembered for later waiters.
  void Notify() { timer_.cancel(); }
  // Without a coroutine of its own, for what thousands wait for: only to be awaited.
  auto WaitInPlace() { return timer_.async_wait(boost::asio::as_tuple(boost::asio::deferred)); }
  boost::asio::awaitable<void> Wait() { co_await WaitInPlace(); }

 private:
  boost::asio::steady_timer timer_;
};

}  // namespace prov::net
