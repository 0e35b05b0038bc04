#include "cli/inputs.hpp"

#include <gtest/gtest.h>

#include "base/json.hpp"
#include "support/temporary_directory.hpp"

namespace prov::cli {
namespace {

KnownInputs Known() {
  return InputsOf(*json::ParseText(R"({"inputs": [
      {"name": "name", "type": "string", "sensitive": false},
      {"name": "certificate", "type": "text", "sensitive": false},
      {"name": "modules", "type": "multiselect", "sensitive": false},
      {"name": "password", "type": "password", "sensitive": true}]})"));
}

std::string Refusal(const GivenInputs& given) {
  const auto read = ReadInputs(given, Known());
  EXPECT_TRUE(read.has_error());
  if (!read.has_error()) return "";
  EXPECT_EQ(read.error().status, ExitStatus::kUsage);
  return read.error().message;
}

TEST(CliInputs, ValuesGoAsTheyWereTyped) {
  const auto read = ReadInputs({.plain = {"name=a=b", "modules=x,y", "other="}}, Known());
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, (boost::json::object{{"name", "a=b"}, {"modules", {"x", "y"}}, {"other", ""}}));
}

TEST(CliInputs, ASecretOnTheCommandLine_IsRefusedUnlessForced) {
  EXPECT_NE(Refusal({.plain = {"password=hunter22"}}).find("--secret password"), std::string::npos);
  const auto forced = ReadInputs({.plain = {"password=hunter22"}, .insecure_argv = true}, Known());
  ASSERT_TRUE(forced);
  EXPECT_EQ(forced->at("password"), "hunter22");
}

TEST(CliInputs, WhatIsNoPair_IsRefused) {
  EXPECT_EQ(Refusal({.plain = {"name"}}), "`name` is not NAME=VALUE");
  EXPECT_EQ(Refusal({.plain = {"=value"}}), "`=value` is not NAME=VALUE");
  EXPECT_EQ(Refusal({.files = {"name"}}), "`name` is not NAME=FILE");
}

TEST(CliInputs, AFilesLastNewline_IsKeptForTextsOnly) {
  const test::TemporaryDirectory directory;
  const auto file = (directory.path() / "f").string();
  ASSERT_TRUE(WriteFileAtomically(file, "value\n", 0600));
  const auto read = ReadInputs({.files = {"password=" + file, "certificate=" + file}}, Known());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->at("password"), "value");
  EXPECT_EQ(read->at("certificate"), "value\n");
  EXPECT_NE(Refusal({.files = {"name=/does/not/exist"}}).find("/does/not/exist"),
            std::string::npos);
}

}  // namespace
}  // namespace prov::cli
