// Time comes in as a parameter, so that tests can tick it. Timeouts use Steady(), never Now().
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace prov {

using Millis = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;
using WallTime = std::chrono::sys_time<Millis>;  // UTC
using SteadyTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime Now() const = 0;
  virtual SteadyTime Steady() const = 0;
};

class SystemClock final : public Clock {
 public:
  WallTime Now() const override;
  SteadyTime Steady() const override;
};

// A clock that stands still until Advance(). Not thread-safe.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(WallTime start = WallTime{Millis{1'800'000'000'000}}) : now_(start) {}
  WallTime Now() const override { return now_; }
  SteadyTime Steady() const override { return steady_; }
  void Advance(Millis by) { now_ += by, steady_ += by; }
  void SetWall(WallTime now) {
    now_ = now;
  }  // somebody sets the machine's clock; steady time goes on

 private:
  WallTime now_;
  SteadyTime steady_{Seconds{1000}};
};

// RFC 3339, UTC, milliseconds: "2026-11-24T00:23:58.120Z". Years 1970 to 9999.
std::string FormatTime(WallTime time);
// Exactly what FormatTime writes, and also without a fraction; anything else is kInvalidArgument.
Result<WallTime> ParseTime(std::string_view text);

}  // namespace prov
