#include "contract/ecma_pattern.hpp"

#include <regex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "contract/pattern.hpp"

namespace prov::contract {
namespace {

struct Case {
  std::string_view re2;
  std::string_view ecma;
};

TEST(EcmaPattern, SyntaxThatBothKnow_IsTranslated) {
  const Case cases[] = {
      {"[a-z]+|x", "^(?:[a-z]+|x)$"},
      {R"([a-z0-9]([a-z0-9\-]*[a-z0-9])?(\.[a-z]{2,63})*)",
       R"(^(?:[a-z0-9]([a-z0-9\-]*[a-z0-9])?(\.[a-z]{2,63})*)$)"},
      {R"(\d\D\w\W\s\S)", R"(^(?:[0-9][^0-9][0-9A-Za-z_][^0-9A-Za-z_][\t\n\f\r ][^\t\n\f\r ])$)"},
      {R"([\d\w\s-])", R"(^(?:[0-90-9A-Za-z_\t\n\f\r \-])$)"},
      {".", R"(^(?:[^\n])$)"},
      {"a/b", R"(^(?:a\/b)$)"},
      {R"(\-\@\.)", R"(^(?:-@\.)$)"},
      {"[]a]", R"(^(?:[\]a])$)"},
      {"[^]a]", R"(^(?:[^\]a])$)"},
      {"[-a[]", R"(^(?:[\-a\[])$)"},
      {"a{2}b{3,}c{4,5}?", "^(?:a{2}b{3,}c{4,5}?)$"},
      {"{a}{,2}", R"(^(?:\{a\}\{,2\})$)"},
      {"(?:a|b)*?", "^(?:(?:a|b)*?)$"},
      {"^a$", "^(?:^a$)$"},
      {"\xC3\xBC+", "^(?:\xC3\xBC+)$"},
  };
  for (const auto& [re2, ecma] : cases) {
    ASSERT_TRUE(Pattern::Compile(std::string(re2))) << re2;
    EXPECT_EQ(EcmaPattern(re2), ecma) << re2;
  }
}

TEST(EcmaPattern, SyntaxOfRe2Alone_IsLeftOut) {
  for (const std::string re2 : {"(?i)abc", "(?i:abc)", "(?P<name>a)", "[[:alpha:]]", "[a[:digit:]]",
                                R"(a\z)", R"(\Aa)", R"(\pL)", R"([\pL])", R"(\x41)",
                                R"(\x{10FFFF})", R"(\Qa.b\E)", R"(\bx)", R"([\D])", "^*"}) {
    EXPECT_TRUE(Pattern::Compile(re2)) << re2;
    EXPECT_EQ(EcmaPattern(re2), std::nullopt) << re2;
  }
}

TEST(EcmaPattern, TranslatedPattern_MatchesWhatRe2Matches) {
  const std::string patterns[] = {"[a-c]+|x",      R"(\d{2,3}-\w)", R"([^\d\s]+)", "a.b",
                                  R"([\]\-\[a]*)", "(a|b)?c+?",     "[-+]?[0-9]+", "{x}"};
  const std::string values[] = {"",    "a",    "x",   "xa",  "abc", "12-z", "1-z",
                                "a b", "a\nb", "a-b", "-]",  "[a",  "ac",   "c",
                                "+12", "-",    "7",   "{x}", "b ",  "abc\n"};
  for (const auto& text : patterns) {
    const auto re2 = Pattern::Compile(text);
    ASSERT_TRUE(re2) << text;
    const auto translated = EcmaPattern(text);
    ASSERT_TRUE(translated) << text;
    const std::regex ecma(*translated, std::regex::ECMAScript);
    for (const auto& value : values) {
      EXPECT_EQ(std::regex_search(value, ecma), re2->MatchesWhole(value)) << text << " " << value;
    }
  }
}

}  // namespace
}  // namespace prov::contract
