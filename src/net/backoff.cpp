#include "net/backoff.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace prov::net {

Millis Backoff::Next() {
  std::uint16_t chance = 0;
  random_.Fill(&chance, sizeof chance);
  const auto pause = std::exchange(next_, std::min(2 * next_, longest_));
  return pause / 2 + pause / 2 * chance / 0xffff;
}

boost::asio::awaitable<void> Pause(Backoff& backoff) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, backoff.Next());
  co_await timer.async_wait(boost::asio::use_awaitable);
}

}  // namespace prov::net
