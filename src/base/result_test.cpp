#include "base/result.hpp"

#include <memory>
#include <stdexcept>

#include <gmock/gmock.h>

namespace prov {
namespace {

using testing::HasSubstr;

const Error kWrong{ErrorCode::kConflict, "somebody was faster", {"writing"}};

// How many of them there are.
struct Counted {
  explicit Counted(int given) : number(given) { ++alive; }
  Counted(const Counted& other) : number(other.number) { ++alive; }
  Counted(Counted&& other) noexcept : number(std::exchange(other.number, 0)) { ++alive; }
  Counted& operator=(const Counted&) = default;
  ~Counted() { --alive; }
  int number;
  static inline int alive = 0;
};

TEST(ResultTest, HoldsAValueOrAnError) {
  const Result<std::string> value = "text";
  EXPECT_TRUE(value);
  EXPECT_TRUE(value.has_value());
  EXPECT_FALSE(value.has_error());
  EXPECT_EQ(*value, "text");
  EXPECT_EQ(value->size(), 4U);
  EXPECT_EQ(value.value(), "text");
  EXPECT_EQ(value.error().message, "");

  const Result<std::string> error = kWrong;
  EXPECT_FALSE(error);
  EXPECT_FALSE(error.has_value());
  EXPECT_TRUE(error.has_error());
  EXPECT_EQ(error.error().code, ErrorCode::kConflict);
  EXPECT_EQ(error.error().ToString(), "writing: somebody was faster");

  EXPECT_EQ(*Result<int>(), 0);
  EXPECT_TRUE(Status());
  EXPECT_EQ(Status(kWrong).error().message, kWrong.message);
}

TEST(ResultTest, AnErrorThatIsTakenForAValue_IsSaidWithItsPlace) {
  Result<int> result = kWrong;
  const auto said = [](auto take) -> std::string {
    try {
      take();
    } catch (const std::logic_error& thrown) {
      return thrown.what();
    }
    return "nothing";
  };
  EXPECT_THAT(said([&] { std::ignore = result.value(); }), HasSubstr("result_test.cpp:"));
  EXPECT_THAT(said([&] { std::ignore = result.value(); }), HasSubstr("somebody was faster"));
  EXPECT_THAT(said([&] { std::ignore = std::move(result).value(); }),
              HasSubstr("result_test.cpp:"));
  EXPECT_THAT(said([&] { std::ignore = *result; }), HasSubstr("somebody was faster"));
  EXPECT_THAT(said([&] { std::ignore = result.operator->(); }), HasSubstr("somebody was faster"));
  EXPECT_THAT(said([] { Status(kWrong).value(); }), HasSubstr("result_test.cpp:"));
}

TEST(ResultTest, CopiedMovedAndAssigned_HoldsWhatTheOtherHeld_AndEndsWhatItHad) {
  {
    const Result<Counted> one = Counted(1);
    const Result<Counted> wrong = kWrong;
    auto result = one;
    EXPECT_EQ(result->number, 1);
    result = wrong;
    EXPECT_EQ(result.error().message, kWrong.message);
    EXPECT_EQ(Counted::alive, 1);
    result = wrong;
    result = Counted(2);
    EXPECT_EQ(result->number, 2);
    const auto moved = std::move(result);
    EXPECT_EQ(moved->number, 2);
    EXPECT_EQ(result->number, 0);
    result = one;
    const auto& same = result;
    result = same;
    EXPECT_EQ(result->number, 1);
    EXPECT_EQ(Counted::alive, 3);
  }
  EXPECT_EQ(Counted::alive, 0);
}

TEST(ResultTest, WhatCanOnlyBeMoved_IsHeldAndTaken) {
  static_assert(!std::is_copy_constructible_v<Result<std::unique_ptr<int>>>);
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  auto moved = std::move(result);
  EXPECT_EQ(**moved, 7);
  const auto taken = *std::move(moved);
  EXPECT_EQ(*taken, 7);
}

TEST(ResultTest, WhatIsTakenFromATemporary_OutlivesIt) {
  const auto make = [] {
    return Result<std::vector<std::string>>({"a text that is no short one"});
  };
  for (const auto& text : *make()) EXPECT_EQ(text.size(), 27U);
  const auto& kept = make().value();
  EXPECT_EQ(kept.size(), 1U);
}

Result<int> Half(int number) {
  if (number % 2 != 0) return kWrong;
  return number / 2;
}
Result<int> Quarter(int number) {
  PROV_TRY(const auto half, Half(number));
  return Half(half);
}
Status Even(int number) {
  PROV_CHECK(Half(number));
  return {};
}

TEST(ResultTest, TryAndCheck_PassAnErrorOn) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).error().message, kWrong.message);
  EXPECT_EQ(Quarter(5).error().message, kWrong.message);
  EXPECT_TRUE(Even(2));
  EXPECT_FALSE(Even(1));
}

}  // namespace
}  // namespace prov
