#include "base/yaml.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prov::yaml {
namespace {

using testing::HasSubstr;

TEST(Yaml, Scalars_KeepTheirText_AndResolveByTheCoreSchema) {
  const auto document = Parse(
      "a: 1.10\nb: yes\nc: true\nd: ~\ne: 0x1F\nf: '7'\ng: -12\nh: 1e3\ni: 1.2.3\nj: |\n  "
      "text\nk:\n");
  ASSERT_TRUE(document.faults.empty()) << document.faults[0].message;
  const auto kind = [&](std::string_view key) { return document.root.Find(key)->kind; };
  EXPECT_EQ(document.root.Find("a")->text, "1.10");
  EXPECT_EQ(kind("a"), Kind::kFloat);
  EXPECT_EQ(kind("b"), Kind::kString);
  EXPECT_EQ(kind("c"), Kind::kBool);
  EXPECT_EQ(kind("d"), Kind::kNull);
  EXPECT_EQ(kind("e"), Kind::kInteger);
  EXPECT_EQ(kind("f"), Kind::kString);
  EXPECT_EQ(kind("g"), Kind::kInteger);
  EXPECT_EQ(kind("h"), Kind::kFloat);
  EXPECT_EQ(kind("i"), Kind::kString);
  EXPECT_EQ(document.root.Find("j")->text, "text\n");
  EXPECT_EQ(kind("k"), Kind::kNull);
  EXPECT_EQ(document.root.Find("absent"), nullptr);
}

TEST(Yaml, Places_AreLinesAndColumnsFromOne) {
  const auto document = Parse("a: 1\nlist:\n  - x\n  - {k: v}\n");
  ASSERT_TRUE(document.faults.empty());
  EXPECT_EQ(document.root.members[1].place, (Place{2, 1}));
  const auto& list = *document.root.Find("list");
  EXPECT_EQ(list.items[0].place, (Place{3, 5}));
  EXPECT_EQ(list.items[1].Find("k")->place, (Place{4, 9}));
  const auto quoted = Parse("\"a\": 'b'\nc: [\"d\"]\n");
  EXPECT_EQ(quoted.root.members[0].place, (Place{1, 1}));
  EXPECT_EQ(quoted.root.Find("a")->place, (Place{1, 6}));
  EXPECT_EQ(quoted.root.Find("c")->items[0].place, (Place{2, 5}));
}

TEST(Yaml, WhatIsNotAllowed_IsNamedWithItsPlace) {
  struct Row {
    std::string_view text, message;
    int line;
  };
  const Row rows[] = {
      {"a: 1\na: 2\n", "`a` is given twice", 2}, {"a: &x 1\n", "anchors", 1},
      {"a: &x 1\nb: *x\n", "aliases", 2},        {"a: 1\nb: !!str 2\n", "tags", 2},
      {"a:\n  <<: {b: 1}\n", "merge keys", 2},   {"a: 1\n---\nb: 2\n", "one document", 2},
      {"a: [1, 2\nb: 3\n", "broken YAML", 3},    {"a:\n- {name: b}\n- {name:", "broken YAML", 3},
      {"a: 1\nb: \xff\n", "UTF-8", 2},           {"? [a]\n: 1\n", "key must be a plain word", 1}};
  for (const auto& row : rows) {
    const auto document = Parse(row.text);
    ASSERT_FALSE(document.faults.empty()) << row.text;
    bool named = false;
    for (const auto& fault : document.faults) {
      named |= fault.message.find(row.message) != std::string::npos && fault.place.line == row.line;
    }
    EXPECT_TRUE(named) << row.text << document.faults[0].place.line << ": "
                       << document.faults[0].message;
  }
}

TEST(Yaml, Places_AreInTheText) {
  EXPECT_EQ(Parse(">").root.place, (Place{1, 2}));
  const auto broken = Parse("a:\n- {name:");
  ASSERT_FALSE(broken.faults.empty());
  EXPECT_EQ(broken.faults[0].place, (Place{2, 9}));
  const auto early = Parse("a: \xc3\xa4\r\nb: *x\r\n");
  ASSERT_FALSE(early.faults.empty());
  EXPECT_EQ(early.faults[0].place.line, 2);
}

TEST(Yaml, SeveralFaults_AreAllReported) {
  EXPECT_GE(Parse("a: &x 1\nb: *x\nb: 2\n").faults.size(), 3U);
}

TEST(Yaml, Bombs_AreRefusedByTheLimits) {
  std::string wide = "a: [";
  for (int i = 0; i < 60'000; ++i) wide += "1,";
  EXPECT_THAT(Parse(wide + "]").faults.at(0).message, HasSubstr("more than 50000 values"));
  EXPECT_THAT(Parse(std::string(40, '[') + std::string(40, ']')).faults.at(0).message,
              HasSubstr("deeper than 32"));
  EXPECT_THAT(Parse(std::string(300'000, 'a')).faults.at(0).message, HasSubstr("larger than"));
}

TEST(Yaml, EveryPrefixOfADocument_IsSurvived) {
  const std::string text =
      "id: nginx\ninputs:\n  - name: a\n    v: {x: [1, '2'], y: \"\\u00e9\"}\n  - |\n   block\n";
  for (std::size_t i = 0; i <= text.size(); ++i) Parse(text.substr(0, i));
  SUCCEED();
}

}  // namespace
}  // namespace prov::yaml
