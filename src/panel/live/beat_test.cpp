#include "panel/live/beat.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

namespace prov::panel {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

struct Counter : Beat::Sleeper {
  void Wake() override {
    ++woken;
    at = SteadyClock::now();
  }
  int woken = 0;
  SteadyClock::time_point at{};
};

TEST(Beat, WhoAsks_IsWokenOnceAtTheNextMoment_WithAllOthers) {
  boost::asio::io_context io;
  Beat beat;
  Counter one, other, gone;
  const auto asked = SteadyClock::now();
  beat.Ask(io.get_executor(), milliseconds{40}, one);
  beat.Ask(io.get_executor(), milliseconds{40}, gone);
  beat.Ask(io.get_executor(), milliseconds{40}, other);
  beat.TakeBack(gone);
  io.run();
  EXPECT_EQ(one.woken, 1);
  EXPECT_EQ(other.woken, 1);
  EXPECT_EQ(gone.woken, 0);
  const auto moment = asked - asked.time_since_epoch() % milliseconds{40} + milliseconds{40};
  EXPECT_GE(one.at, moment);
  EXPECT_GE(other.at, moment);
}

TEST(Beat, AskedAgainWhileItWakes_ThatIsForTheMomentAfter) {
  struct Insistent : Counter {
    Insistent(boost::asio::io_context& c, Beat& b) : io(c), beat(b) {}
    void Wake() override {
      Counter::Wake();
      if (woken < 3) beat.Ask(io.get_executor(), milliseconds{5}, *this);
    }
    boost::asio::io_context& io;
    Beat& beat;
  };
  boost::asio::io_context io;
  Beat beat;
  Insistent sleeper(io, beat);
  const auto asked = SteadyClock::now();
  beat.Ask(io.get_executor(), milliseconds{5}, sleeper);
  io.run();
  EXPECT_EQ(sleeper.woken, 3);
  EXPECT_GE(sleeper.at - asked, milliseconds{10});
}

TEST(Beat, EndsBeforeItsMoment_NobodyIsWoken) {
  boost::asio::io_context io;
  Counter sleeper;
  {
    Beat beat;
    beat.Ask(io.get_executor(), milliseconds{5}, sleeper);
  }
  io.run();
  EXPECT_EQ(sleeper.woken, 0);
}

}  // namespace
}  // namespace prov::panel
