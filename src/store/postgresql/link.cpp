#include "store/postgresql/link.hpp"

#include <thread>

#include "base/random.hpp"

namespace prov::store::postgresql {
namespace {

using PauseClock = std::chrono::steady_clock;

constexpr Millis kShortestPause{20};
constexpr Millis kLongestPause{1000};

// Between half of it and all, so that panels do not come back all at once.
Millis Jittered(Millis pause) {
  const auto byte = static_cast<unsigned char>(SystemRandom().Bytes(1)[0]);
  return pause / 2 + pause * byte / 510;
}

}  // namespace

Result<std::unique_ptr<Connection>> Link::Connect() {
  trouble_ = Trouble::kOther;
  PROV_TRY(auto made, Connection::Open(url_, options_, &trouble_));
  if (auto prepared = prepare_(*made); prepared.has_error()) {
    trouble_ = made->trouble();
    return std::move(prepared).error();
  }
  return made;
}

Result<Connection*> Link::Get(SteadyTime deadline) {
  if (connected()) return connection_.get();
  connection_.reset();
  while (true) {
    // Where another one got through since, the server is there.
    if (connects_ == connects_then_ && PauseClock::now() < next_try_) {
      if (away_) return last_;
      std::this_thread::sleep_until(std::min(next_try_, deadline));
    }
    auto made = Connect();
    if (made) {
      ++connects_;
      away_ = false;
      pause_ = Millis{0};
      connection_ = std::move(*made);
      return connection_.get();
    }
    last_ = made.error();
    connects_then_ = connects_;
    pause_ = std::clamp(pause_ * 2, kShortestPause, kLongestPause);
    next_try_ = PauseClock::now() + Jittered(pause_);
    if (away_ || next_try_ >= deadline || !IsMendedByWaiting(trouble_)) {
      away_ = true;
      return last_;
    }
  }
}

}  // namespace prov::store::postgresql
