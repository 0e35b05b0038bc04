#include "panel/live/beat.hpp"

#include <utility>

namespace prov::panel {

void Beat::Ask(const boost::asio::any_io_executor& executor,
               std::chrono::steady_clock::duration length, Sleeper& sleeper) {
  asleep_.push_back(&sleeper);
  if (timer_) return;
  const auto now = std::chrono::steady_clock::now();
  timer_ = std::make_unique<boost::asio::steady_timer>(
      executor, now - now.time_since_epoch() % length + length);
  timer_->async_wait([this](boost::system::error_code failure) {
    if (!failure) WakeAll();
  });
}

void Beat::TakeBack(const Sleeper& sleeper) { std::erase(asleep_, &sleeper); }

void Beat::WakeAll() {
  timer_.reset();
  for (auto* sleeper : std::exchange(asleep_, {})) sleeper->Wake();
}

}  // namespace prov::panel
