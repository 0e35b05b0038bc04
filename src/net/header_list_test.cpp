#include "net/header_list.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prov::net {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(HeaderLists, AreReadOverAllTheirLines) {
  Headers headers;
  headers.Add("Accept", "a, b;q=0.5\t,,c d ");
  headers.Add("Accepts", "no");
  headers.Add("accept", " ,e,");
  EXPECT_THAT(ListElements(headers, "ACCEPT"), ElementsAre("a", "b;q=0.5", "c d", "e"));
  EXPECT_THAT(ListElements(headers, "Vary"), IsEmpty());
}

TEST(HeaderLists, TrimSpaceLeavesWhatIsWithin) {
  EXPECT_EQ(TrimSpace(" \ta b\t "), "a b");
  EXPECT_EQ(TrimSpace(" \t "), "");
  EXPECT_EQ(TrimSpace(""), "");
}

}  // namespace
}  // namespace prov::net
