// What the panel answers to polls and events, over tests/vectors/transport/bodies.json, made by
// another implementation. Its requests are sent to the panel's end in panel_end_test.cpp.
#include <gtest/gtest.h>

#include "base/json.hpp"
#include "support/vectors.hpp"
#include "transport/http/messages.hpp"

namespace prov::transport::http {
namespace {

template <class Body>
void ExpectAsTheVectorsSay(std::string_view kind) {
  SCOPED_TRACE(kind);
  const auto vectors = test::Vectors("transport/bodies.json").at(kind);
  for (const auto& text : test::RowsAt(vectors, "valid")) {
    const auto body = json::Parse<Body>(text.as_string());
    ASSERT_TRUE(body) << body.error().ToString();
    EXPECT_EQ(json::Write(*body), text.as_string());
  }
  for (const auto& row : vectors.at("refused").as_array()) {
    if (!row.as_object().contains("error")) continue;  // a request: the panel's end refuses it
    SCOPED_TRACE(test::TextAt(row, "name"));
    test::ExpectRefused(json::Parse<Body>(test::TextAt(row, "body")), row);
  }
}

TEST(BodyVectors, EachBody_IsReadAndWrittenByteForByte_AndEveryOtherAnswerIsRefused) {
  ExpectAsTheVectorsSay<PollRequest>("poll");
  ExpectAsTheVectorsSay<PollAnswer>("poll_answer");
  ExpectAsTheVectorsSay<EventsRequest>("events");
  ExpectAsTheVectorsSay<EventsAnswer>("events_answer");
}

}  // namespace
}  // namespace prov::transport::http
