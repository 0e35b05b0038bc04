#include "base/clock.hpp"

#include <gtest/gtest.h>

namespace prov {
namespace {

TEST(Clock, FormatTime_IsRfc3339WithMilliseconds) {
  EXPECT_EQ(FormatTime(WallTime{Millis{0}}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(FormatTime(WallTime{Millis{1'709'164'805'007}}), "2024-02-29T00:00:05.007Z");
}

TEST(Clock, ParseTime_ReadsWhatFormatTimeWrites) {
  const WallTime time{Millis{1'800'000'000'123}};
  EXPECT_EQ(*ParseTime(FormatTime(time)), time);
  EXPECT_EQ(*ParseTime("2024-02-29T00:00:05Z"), WallTime{Millis{1'709'164'805'000}});
}

TEST(Clock, ParseTime_AnythingElse_IsRefused) {
  for (const auto* text :
       {"", "2023-02-29T00:00:00Z", "2024-13-01T00:00:00Z", "2024-01-01 00:00:00Z",
        "2024-01-01T24:00:00Z", "2024-01-01T00:00:60Z", "2024-01-01T00:00:00+00:00",
        "2024-01-01T00:00:00.1Z", "2024-01-01T00:00:00.1234Z", "1969-12-31T23:59:59Z",
        "2024-01-0aT00:00:00Z", "2024-01-01T00:00:00.-12Z"}) {
    EXPECT_FALSE(ParseTime(text)) << text;
  }
}

TEST(Clock, FakeClock_WallAndSteadyPart_WhenTheWallIsSet) {
  FakeClock clock;
  const auto steady = clock.Steady();
  clock.SetWall(WallTime{Millis{0}});
  clock.Advance(Seconds{5});
  EXPECT_EQ(clock.Steady() - steady, Seconds{5});
  EXPECT_EQ(clock.Now(), WallTime{Millis{5000}});
}

}  // namespace
}  // namespace prov
