#include "base/json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prov::json {
namespace {

using testing::HasSubstr;

enum class Colour { kRed, kDarkBlue };
BOOST_DESCRIBE_ENUM(Colour, kRed, kDarkBlue)

struct Point {
  int x = 0;
  std::uint8_t small = 0;
  std::optional<std::string> label;
  Colour colour = Colour::kRed;
  std::vector<std::string> tags;
  std::map<std::string, double> weights;
};
BOOST_DESCRIBE_STRUCT(Point, (), (x, small, label, colour, tags, weights))

struct Line {
  Point from;
  Uuid id;
  WallTime at;
};
BOOST_DESCRIBE_STRUCT(Line, (), (from, id, at))

constexpr std::string_view kPoint =
    R"({"x":-1,"small":255,"colour":"dark_blue","tags":["a"],"weights":{"w":0.5}})";

TEST(Json, Parse_ThenWrite_IsTheSameText) {
  const auto point = Parse<Point>(kPoint);
  ASSERT_TRUE(point) << point.error().message;
  EXPECT_EQ(point->colour, Colour::kDarkBlue);
  EXPECT_FALSE(point->label);
  EXPECT_EQ(Write(*point),
            R"({"x":-1,"small":255,"colour":"dark_blue","tags":["a"],"weights":{"w":5E-1}})");
}

TEST(Json, Parse_EveryFault_HasItsPointer) {
  const auto line = Parse<Line>(
      R"({"from":{"x":1.5,"small":256,"label":7,"colour":"green","tags":["a",1],"weights":{"a/b":true},"y":0},"id":"x"})");
  ASSERT_FALSE(line);
  const auto& message = line.error().message;
  EXPECT_THAT(message, HasSubstr("/from/x: must be an integer, not a number with a fraction"));
  EXPECT_THAT(message, HasSubstr("/from/small: must be from 0 to 255"));
  EXPECT_THAT(message, HasSubstr("/from/label: must be a string, not an integer"));
  EXPECT_THAT(message, HasSubstr("/from/colour: must be one of red, dark_blue"));
  EXPECT_THAT(message, HasSubstr("/from/tags/1: must be a string"));
  EXPECT_THAT(message, HasSubstr("/from/weights/a~1b: must be a number"));
  EXPECT_THAT(message, HasSubstr("/from/y: is not a known member"));
  EXPECT_THAT(message, HasSubstr("/id: not a UUID"));
  EXPECT_THAT(message, HasSubstr("/at: is missing"));
}

TEST(Json, Parse_FaultsWithoutEnd_AreNotAllSaid) {
  std::string text(kPoint.substr(0, kPoint.size() - 1));
  for (int i = 0; i < 1000; ++i) text += ",\"" + std::to_string(i) + "\":0";
  const auto point = Parse<Point>(text + "}");
  ASSERT_FALSE(point);
  EXPECT_THAT(point.error().message, HasSubstr("/49: is not a known member; and more"));
  EXPECT_THAT(point.error().message, testing::Not(HasSubstr("/50: ")));
}

TEST(Json, ParseText_HostileText_IsRefused) {
  const std::pair<std::string_view, std::string_view> refusals[] = {
      {R"({"a":1,"a":2})", "`a` is given twice"},
      {R"({"o":{"b":1,"b":1}})", "`b` is given twice"},
      {R"({"\u0061":1,"a":2})", "`a` is given twice"},
      {"{} {}", "not valid JSON"},
      {"", "not valid JSON"},
      {"\"\xff\"", "not valid JSON"},
      {R"("\ud800")", "not valid JSON"},
      {"[NaN]", "not valid JSON"},
      {"[1,]", "not valid JSON"},
      {"/* c */ 1", "not valid JSON"}};
  for (const auto& [text, expected] : refusals) {
    const auto value = ParseText(text);
    ASSERT_FALSE(value) << text;
    EXPECT_THAT(value.error().message, HasSubstr(expected)) << text;
  }
}

TEST(Json, ParseText_TheSameKeyInTwoObjects_IsFine) {
  EXPECT_TRUE(ParseText(R"([{"a":1},{"a":{"a":2}}])"));
}

TEST(Json, ParseText_PastTheLimits_IsRefused) {
  EXPECT_EQ(ParseText("[1,2,3]", {.bytes = 6}).error().code, ErrorCode::kTooLarge);
  EXPECT_TRUE(ParseText(std::string(32, '[') + std::string(32, ']')));
  EXPECT_FALSE(ParseText(std::string(33, '[') + std::string(33, ']')));
  EXPECT_FALSE(ParseText(std::string(500'000, '[')));
}

TEST(Json, AppendString_WritesWhatSerializeWrites) {
  for (const std::string& value :
       {std::string(), std::string("plain"), std::string("\"\\\n\x01\0é", 8),
        std::string(20'000, '"'), std::string(8192, 'x')}) {
    std::string text = "before";
    AppendString(text, value);
    EXPECT_EQ(text, "before" + Serialize(boost::json::string(value)));
  }
}

}  // namespace
}  // namespace prov::json
