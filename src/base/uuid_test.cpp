#include "base/uuid.hpp"

#include <gtest/gtest.h>

namespace prov {
namespace {

TEST(Uuid, V7_CarriesItsTimeAndVersion_AndSortsByIt) {
  FakeClock clock;
  FakeRandom random;
  const auto first = Uuid::MakeV7(clock, random);
  clock.Advance(Millis{1});
  const auto second = Uuid::MakeV7(clock, random);
  EXPECT_EQ(first.Version(), 7);
  EXPECT_EQ(second.Time(), clock.Now());
  EXPECT_LT(first, second);
  EXPECT_LT(first.ToString(), second.ToString());
  EXPECT_EQ(first.bytes()[8] & 0xC0, 0x80);
}

TEST(Uuid, Parse_RoundTrips) {
  FakeClock clock;
  FakeRandom random;
  const auto id = Uuid::MakeV7(clock, random);
  EXPECT_EQ(*Uuid::Parse(id.ToString()), id);
}

TEST(Uuid, Parse_OtherSpellings_AreRefused) {
  for (const auto* text :
       {"", "0198C3B2-7A6E-7000-8000-000000000000", "{0198c3b2-7a6e-7000-8000-00000000000}",
        "0198c3b27a6e70008000000000000000", "0198c3b2-7a6e-7000-8000-00000000000g",
        "0198c3b2-7a6e-7000-8000-0000000000000", "0198c3b2-7a6e-70008-000-000000000000"}) {
    EXPECT_FALSE(Uuid::Parse(text)) << text;
  }
}

}  // namespace
}  // namespace prov
