#include "contract/number.hpp"

#include <cmath>

namespace prov::contract {
namespace {

// A uint64 in a value is above what an int64 holds, or a small one that a program put there.
__extension__ using Wide = __int128;

Wide Whole(const boost::json::value& number) {
  return number.is_int64() ? Wide{number.get_int64()} : Wide{number.get_uint64()};
}

std::partial_ordering CompareWithDouble(Wide whole, double other) {
  if (std::isnan(other)) return std::partial_ordering::unordered;
  // 2^64: beyond it the sign decides, and below it the conversion to an integer is defined.
  if (std::abs(other) >= 18446744073709551616.0) return 0.0 <=> other;
  const double floor = std::floor(other);
  const auto floored = static_cast<Wide>(floor);
  if (whole != floored)
    return whole < floored ? std::partial_ordering::less : std::partial_ordering::greater;
  return floor < other ? std::partial_ordering::less : std::partial_ordering::equivalent;
}

}  // namespace

std::partial_ordering CompareNumbers(const boost::json::value& left,
                                     const boost::json::value& right) {
  if (left.is_double() && right.is_double()) return left.get_double() <=> right.get_double();
  if (right.is_double()) return CompareWithDouble(Whole(left), right.get_double());
  if (left.is_double()) return 0 <=> CompareWithDouble(Whole(right), left.get_double());
  const Wide a = Whole(left);
  const Wide b = Whole(right);
  return a == b  ? std::partial_ordering::equivalent
         : a < b ? std::partial_ordering::less
                 : std::partial_ordering::greater;
}

}  // namespace prov::contract
