#include "contract/output_lines.hpp"

#include <gtest/gtest.h>

namespace prov::contract {
namespace {

TEST(OutputLines, OutputLines_EachForm_IsUnderstoodOrPlain) {
  const std::pair<std::string_view, ScriptLine> table[] = {
      {"::progress 50 Installing packages", ProgressLine{50, "Installing packages"}},
      {"::progress 100", ProgressLine{100, ""}},
      {"::progress 101 x", PlainLine{}},
      {"::progress -1", PlainLine{}},
      {"::progress 5x", PlainLine{}},
      {"::output url=http://h/?a=b", OutputLine{"url", "http://h/?a=b"}},
      {"::output empty=", OutputLine{"empty", ""}},
      {"::output =x", PlainLine{}},
      {"::output Bad=x", PlainLine{}},
      {"::warning low disk\r", WarningLine{"low disk"}},
      {"::warningx", PlainLine{}},
      {"::warning", PlainLine{}},
      {"::group a b", GroupLine{"a b"}},
      {"::group", GroupLine{""}},
      {"::groups", PlainLine{}},
      {"::endgroup\r", EndGroupLine{}},
      {"::endgroupx", PlainLine{}},
      {" ::progress 5", PlainLine{}},
      {"", PlainLine{}},
  };
  for (const auto& [line, expected] : table) EXPECT_TRUE(ParseScriptLine(line) == expected) << line;
}

}  // namespace
}  // namespace prov::contract
