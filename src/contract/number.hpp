// Numbers of JSON and YAML compared as what they are: an int64 beyond 2^53 and a double are never
// compared by rounding the one to the other. Pure.
#pragma once

#include <compare>

#include <boost/json.hpp>

namespace prov::contract {

// Both are int64, uint64 or double; unordered only where one is NaN.
std::partial_ordering CompareNumbers(const boost::json::value& left,
                                     const boost::json::value& right);

}  // namespace prov::contract
