// A deadline for what has none of its own.
#pragma once

#include <functional>
#include <memory>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/clock.hpp"

namespace prov::net {

// Calls `expire` unless destroyed before. Single-threaded.
class Alarm {
 public:
  Alarm(boost::asio::any_io_executor executor, Millis after, std::function<void()> expire)
      : timer_(executor, after), live_(std::make_shared<bool>(true)) {
    timer_.async_wait([live = live_, call = std::move(expire)](boost::system::error_code error) {
      if (!error && *live) call();
    });
  }
  Alarm(const Alarm&) = delete;
  ~Alarm() { *live_ = false; }

 private:
  boost::asio::steady_timer timer_;
  std::shared_ptr<bool> live_;
};

}  // namespace prov::net
