#include "contract/number.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace prov::contract {
namespace {

TEST(CompareNumbers, WholeNumbersBeyondADoublesPrecision_StayApart) {
  const std::int64_t exact = 9007199254740993;  // 2^53 + 1: a double rounds it to 2^53
  EXPECT_TRUE(CompareNumbers(exact, 9007199254740992) > 0);
  EXPECT_TRUE(CompareNumbers(exact, 9007199254740992.0) > 0);
  EXPECT_TRUE(CompareNumbers(9007199254740992.0, exact) < 0);
  EXPECT_TRUE(CompareNumbers(9007199254740992, 9007199254740992.0) == 0);
  EXPECT_TRUE(CompareNumbers(INT64_MAX, 9223372036854775808.0) < 0);
  EXPECT_TRUE(CompareNumbers(UINT64_MAX, INT64_MAX) > 0);
}

TEST(CompareNumbers, FractionsAndExtremes_AreOrdered) {
  EXPECT_TRUE(CompareNumbers(0, 0.5) < 0);
  EXPECT_TRUE(CompareNumbers(0, -0.5) > 0);
  EXPECT_TRUE(CompareNumbers(-1, -0.5) < 0);
  EXPECT_TRUE(CompareNumbers(INT64_MIN, -1e300) > 0);
  EXPECT_TRUE(CompareNumbers(1e300, UINT64_MAX) > 0);
  EXPECT_TRUE(CompareNumbers(0.25, 0.5) < 0);
  EXPECT_EQ(CompareNumbers(1, std::nan("")), std::partial_ordering::unordered);
}

}  // namespace
}  // namespace prov::contract
