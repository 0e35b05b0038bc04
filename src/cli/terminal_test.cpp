#include "cli/terminal.hpp"

#include <gtest/gtest.h>

#include "base/yaml.hpp"
#include "cli/api_client.hpp"

namespace prov::cli {
namespace {

TEST(Terminal, WhatComesFromElsewhere_CannotDriveIt) {
  EXPECT_EQ(Harmless("\x1b[31mred\x07\n\ttab"), "\\x1b[31mred\\x07\n\ttab");
  EXPECT_EQ(Harmless("\xc2\x9b"
                     "31m"),
            "\\x9b31m");
  EXPECT_EQ(Harmless("a\r\nb\r\r\nc\rd"), "a\nb\nc\\x0dd");
  EXPECT_EQ(Harmless("\xff"
                     "ok"),
            "\xef\xbf\xbd"
            "ok");
  EXPECT_EQ(Harmless("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
}

TEST(Terminal, Table_IsAsWideAsItsWidestCell) {
  EXPECT_EQ(Table({"ID", "NAME"}, {{"1", "x"}, {"1234", "\xc3\xbc"}}),
            "ID    NAME\n1     x\n1234  \xc3\xbc\n");
}

TEST(Terminal, Yaml_HoldsAnyTextAsItWas) {
  const boost::json::value value{{"plain", "yes"},
                                 {"a: b", "# no comment\n"},
                                 {"list", {1, {{"deep", nullptr}}}},
                                 {"none", boost::json::array()}};
  const auto document = yaml::Parse(Yaml(value));
  ASSERT_TRUE(document.faults.empty()) << Yaml(value);
  EXPECT_EQ(document.root.Find("plain")->text, "yes");
  EXPECT_TRUE(document.root.Find("plain")->quoted);
  EXPECT_EQ(document.root.Find("a: b")->text, "# no comment\n");
  EXPECT_EQ(document.root.Find("list")->items.at(1).Find("deep")->kind, yaml::Kind::kNull);
}

TEST(ExitStatus, EveryEndOfAJob_HasTheDocumentedOne) {
  EXPECT_EQ(StatusOf("succeeded"), ExitStatus::kOk);
  for (const auto* status : {"failed", "timed_out"})
    EXPECT_EQ(StatusOf(status), ExitStatus::kFailed);
  for (const auto* status : {"canceled", "rejected", "expired"})
    EXPECT_EQ(StatusOf(status), ExitStatus::kNotExecuted);
  for (const auto* status : {"lost", "interrupted", "running"})
    EXPECT_EQ(StatusOf(status), ExitStatus::kUnknown);
}

}  // namespace
}  // namespace prov::cli
