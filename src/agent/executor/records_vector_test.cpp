// What the executor writes into its journal, over tests/vectors/agent/records.json, made by another
// implementation.
#include <gtest/gtest.h>

#include "agent/executor/records.hpp"
#include "base/json.hpp"
#include "support/vectors.hpp"

namespace prov::agent {
namespace {

Result<Entry> Read(const boost::json::value& row) {
  return ParseEntry(json::ParseText(test::TextAt(row, "record")).value());
}

TEST(RecordVectors, Records_AreReadAndWrittenByteForByte) {
  const auto vectors = test::Vectors("agent/records.json");
  for (const auto& row : test::RowsAt(vectors, "records")) {
    SCOPED_TRACE(test::TextAt(row, "name"));
    const auto entry = Read(row);
    ASSERT_TRUE(entry) << entry.error().ToString();
    EXPECT_EQ(json::Write(*entry), test::TextAt(row, "record"));
  }
}

TEST(RecordVectors, EveryOtherRecord_IsRefused) {
  const auto vectors = test::Vectors("agent/records.json");
  for (const auto& row : test::RowsAt(vectors, "refused")) {
    SCOPED_TRACE(test::TextAt(row, "name"));
    test::ExpectRefused(Read(row), row);
  }
}

}  // namespace
}  // namespace prov::agent
