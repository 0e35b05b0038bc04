// What tests/vectors/ holds, and how its rows are made and judged.
#pragma once

#include <string>
#include <string_view>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.hpp"
#include "base/json.hpp"
#include "base/result.hpp"

namespace prov::test {

// tests/vectors/<name>
inline boost::json::value Vectors(std::string_view name) {
  constexpr std::size_t kMost = 1 << 20;
  const auto path = Path(PROV_SOURCE_DIR) / "tests/vectors" / name;
  return json::ParseText(ReadFile(path, kMost).value(), {kMost, 32}).value();
}

inline std::string TextAt(const boost::json::value& row, std::string_view member) {
  return std::string(row.at(member).as_string());
}

// A table without rows would pass for one whose rows hold.
inline const boost::json::array& RowsAt(const boost::json::value& vectors,
                                        std::string_view member) {
  const auto& rows = vectors.at(member).as_array();
  EXPECT_FALSE(rows.empty()) << member;
  return rows;
}

// Sets what stands at a JSON pointer; what is missing on the way is made.
inline void SetAt(boost::json::value& document, std::string_view pointer,
                  const boost::json::value& to) {
  auto* at = &document;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const auto token = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(token.size());
    at = at->is_array() ? &at->as_array().at(std::stoul(std::string(token)))
                        : &at->as_object()[token];
  }
  *at = to;
}

// Refused with the row's `error`, in a sentence that holds what it `says`.
template <class T>
void ExpectRefused(const Result<T>& read, const boost::json::value& row) {
  ASSERT_TRUE(read.has_error()) << "it was taken";
  EXPECT_EQ(ToString(read.error().code), TextAt(row, "error")) << read.error().ToString();
  EXPECT_THAT(read.error().ToString(), testing::HasSubstr(TextAt(row, "says")));
}

}  // namespace prov::test
