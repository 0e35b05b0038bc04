#include "contract/input.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.hpp"
#include "contract/reserved_names.hpp"

namespace prov::contract {
namespace {

Input Of(InputType type) {
  Input input;
  input.name = "x";
  input.label = "X";
  input.type = type;
  return input;
}

// "" when accepted, else the rule that is broken.
std::string Broken(const Input& input, const boost::json::value& value) {
  const auto checked = CheckValue(input, value);
  return checked ? "" : checked.error().rule;
}

TEST(Input, Coercion_TakesJsonTypesAndTheirExactStringForms) {
  struct Row {
    InputType type;
    boost::json::value given;
    std::string_view normal;  // "" means refused
  };
  const Row rows[] = {
      {InputType::kInteger, 8080, "8080"},
      {InputType::kInteger, "8080", "8080"},
      {InputType::kInteger, "-3", "-3"},
      {InputType::kInteger, "8080 ", ""},
      {InputType::kInteger, "+1", ""},
      {InputType::kInteger, "01", ""},
      {InputType::kInteger, "-0", ""},
      {InputType::kInteger, 1.0, ""},
      {InputType::kInteger, "9223372036854775808", ""},
      {InputType::kInteger, true, ""},
      {InputType::kInteger, nullptr, ""},
      {InputType::kPort, 65535, "65535"},
      {InputType::kPort, 65536, ""},
      {InputType::kPort, 0, ""},
      {InputType::kNumber, "2.5", "2.5"},
      {InputType::kNumber, 3, "3"},
      {InputType::kNumber, "1e5", ""},
      {InputType::kNumber, ".5", ""},
      {InputType::kNumber, "nan", ""},
      {InputType::kNumber, 1e21, "1000000000000000000000"},
      {InputType::kBoolean, true, "true"},
      {InputType::kBoolean, "false", "false"},
      {InputType::kBoolean, "yes", ""},
      {InputType::kBoolean, "True", ""},
      {InputType::kBoolean, 1, ""},
      {InputType::kString, "a", "a"},
      {InputType::kString, 5, ""},
      {InputType::kString, "a\nb", ""},
      {InputType::kText, "a\nb", "a\nb"},
      {InputType::kString, "tab\tok", "tab\tok"},
      {InputType::kString, "bell\a", ""},
      {InputType::kString, boost::json::string("nul\0x", 5), ""},
      {InputType::kString, "del\x7f", ""},
      {InputType::kText, "cr\r\n", ""},
  };
  for (const auto& row : rows) {
    const auto checked = CheckValue(Of(row.type), row.given);
    EXPECT_EQ(checked ? ValueAsText(*checked) : "", row.normal)
        << json::EnumName(row.type) << " " << row.given;
    EXPECT_EQ(checked.has_value(), !row.normal.empty())
        << json::EnumName(row.type) << " " << row.given;
  }
}

TEST(Input, FixedGrammars) {
  struct Row {
    InputType type;
    std::vector<std::string> good, bad;
  };
  const Row rows[] = {
      {InputType::kEmail,
       {"a@example.com", "first.last+tag@sub.example.org"},
       {"a", "a@b", "@example.com", "a@@example.com", "a b@example.com", ".a@example.com",
        "a@-x.com", "a@example.com\n"}},
      {InputType::kHostname,
       {"localhost", "a.b-c.example", "x1", std::string(63, 'a') + ".de"},
       {"-a", "a-", "a..b", ".a", "a.", "a_b", std::string(64, 'a'), "a b", "a/b"}},
      {InputType::kIp,
       {"192.0.2.1", "::1", "2001:db8::7"},
       {"192.0.2", "192.0.2.256", "192.0.02.1", "::g", "1.2.3.4/24", "fe80::1%eth0"}},
      {InputType::kUrl,
       {"https://example.com", "redis://u:p@h:6379/0", "http://[::1]:80/x?y#z"},
       {"example.com", "http://", "http:///x", "http://a b", "javascript:alert(1)", "http://a<b"}},
      {InputType::kPath,
       {"/", "/srv/www", "/a/...", "/.hidden"},
       {"srv", "/a/../b", "/a/.", "/./a", "/a//b", "~/x", "/a/.."}},
  };
  for (const auto& row : rows) {
    for (const auto& text : row.good)
      EXPECT_EQ(Broken(Of(row.type), boost::json::string(text)), "") << text;
    for (const auto& text : row.bad)
      EXPECT_NE(Broken(Of(row.type), boost::json::string(text)), "") << text;
  }
}

TEST(Input, APattern_MatchesTheWholeValue) {
  auto input = Of(InputType::kText);
  input.rules.pattern = *Pattern::Compile("^[a-z.]+$");
  EXPECT_EQ(Broken(input, "example.test"), "");
  EXPECT_EQ(Broken(input, "example.test\n"), "pattern");
  EXPECT_EQ(Broken(input, "xEXAMPLE"), "pattern");
  input.rules.pattern = *Pattern::Compile("a|bc");
  EXPECT_EQ(Broken(input, "ac"), "pattern");
}

TEST(Input, APatternBomb_IsRefusedOrLinear) {
  EXPECT_FALSE(Pattern::Compile("((a{1000}){1000}){1000}"));
  EXPECT_FALSE(Pattern::Compile("(?=a)"));
  const auto evil = *Pattern::Compile("(a+)+$");
  EXPECT_FALSE(evil->Matches(std::string(100'000, 'a') + "b"));
}

TEST(Input, Lengths_CountCodePoints) {
  auto input = Of(InputType::kString);
  input.rules.min_length = 2;
  input.rules.max_length = 3;
  EXPECT_EQ(Broken(input, "é"), "min_length");
  EXPECT_EQ(Broken(input, "éé"), "");
  EXPECT_EQ(Broken(input, "😀😀😀"), "");
  EXPECT_EQ(Broken(input, "éééé"), "max_length");
}

TEST(Input, WithoutMaxLength_TheDefaultCapsHold) {
  EXPECT_EQ(Broken(Of(InputType::kString), boost::json::string(4'096, 'a')), "");
  EXPECT_EQ(Broken(Of(InputType::kString), boost::json::string(4'097, 'a')), "max_length");
  EXPECT_EQ(Broken(Of(InputType::kText), boost::json::string(65'536, 'a')), "");
  auto text = Of(InputType::kText);
  text.rules.max_length = 1'000'000;
  EXPECT_EQ(Broken(text, boost::json::string(120'000, 'a')), "");
  EXPECT_EQ(Broken(text, boost::json::string(120'001, 'a')), "max_length");
}

TEST(Input, ASensitiveValue_HasEightCharacters_AndIsNotInTheMessage) {
  auto input = Of(InputType::kPassword);
  input.sensitive = true;
  input.rules.pattern = *Pattern::Compile("[a-z]+");
  EXPECT_EQ(Broken(input, "seven77"), "min_length");
  const auto refused = CheckValue(input, "hunter2hunter2");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, testing::Not(testing::HasSubstr("hunter2")));
}

TEST(Input, ARange_Binds) {
  auto input = Of(InputType::kInteger);
  input.rules.min_value = 10;
  input.rules.max_value = 20;
  EXPECT_EQ(Broken(input, 9), "min_value");
  EXPECT_EQ(Broken(input, "10"), "");
  EXPECT_EQ(Broken(input, 21), "max_value");
}

TEST(Input, Choices_BindSelectAndMultiselect) {
  auto input = Of(InputType::kSelect);
  input.rules.allowed_values = {{"a", "A"}, {"b", "B"}};
  EXPECT_EQ(Broken(input, "a"), "");
  EXPECT_EQ(Broken(input, "A"), "allowed_values");
  input.type = InputType::kMultiselect;
  EXPECT_EQ(ValueAsText(*CheckValue(input, boost::json::array{"b", "a"})), "b,a");
  EXPECT_EQ(ValueAsText(*CheckValue(input, "b,a")), "b,a");
  EXPECT_EQ(Broken(input, boost::json::array{"a", "a"}), "type");
  EXPECT_EQ(Broken(input, boost::json::array{"c"}), "allowed_values");
  EXPECT_EQ(Broken(input, boost::json::array{1}), "type");
  EXPECT_EQ(Broken(input, "a,,b"), "allowed_values");
}

TEST(ReservedNames, WhatAShellReads_IsTaken) {
  for (const auto* name : {"path", "home", "ifs", "env", "bash_env", "ld_preload",
                           "provisioning_job", "debian_frontend"}) {
    EXPECT_TRUE(IsReservedName(name)) << name;
  }
  for (const auto* name : {"server_name", "http_port", "document_root", "paths", "homepage"}) {
    EXPECT_FALSE(IsReservedName(name)) << name;
  }
}

}  // namespace
}  // namespace prov::contract
