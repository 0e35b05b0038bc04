// The audit's chain over tests/vectors/store/audit.json, made by another implementation.
#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "store/audit.hpp"
#include "support/vectors.hpp"

namespace prov::store {
namespace {

using boost::json::value;
using test::TextAt;

std::string BytesAt(const value& row, std::string_view member) {
  return HexDecode(TextAt(row, member)).value();
}
std::uint64_t NumberAt(const value& row, std::string_view member) {
  return row.at(member).to_number<std::uint64_t>();
}

AuditEntry EntryOf(const value& row) {
  AuditEntry entry;
  entry.sequence = NumberAt(row, "sequence");
  entry.event.at = WallTime{Millis{row.at("at").to_number<std::int64_t>()}};
  entry.event.user_id = TextAt(row, "user");
  entry.event.action = TextAt(row, "action");
  entry.event.subject = TextAt(row, "subject");
  entry.detail_text = TextAt(row, "detail");
  entry.previous = BytesAt(row, "previous");
  entry.hash = BytesAt(row, "hash");
  return entry;
}

TEST(AuditVectors, EachChain_IsWholeOrItsFirstBadEntryIsNamed) {
  const auto vectors = test::Vectors("store/audit.json");
  for (const auto& row : test::RowsAt(vectors, "chains")) {
    SCOPED_TRACE(TextAt(row, "name"));
    AuditVerifier verifier;
    for (const auto& entry : row.at("entries").as_array()) {
      if (!verifier.Take(EntryOf(entry))) break;
    }
    const auto& head = row.at("head");
    const auto verdict = verifier.Finish({NumberAt(head, "sequence"), BytesAt(head, "hash")});
    EXPECT_EQ(verdict.first_bad ? value(*verdict.first_bad) : value(), row.at("first_bad"));
    EXPECT_EQ(verdict.reason, TextAt(row, "reason"));
  }
}

TEST(AuditVectors, HashesMadeHere_AreTheVectors) {
  const auto vectors = test::Vectors("store/audit.json");
  for (const auto& row : test::RowsAt(vectors, "chains")) {
    if (!row.at("first_bad").is_null()) continue;
    for (const auto& each : row.at("entries").as_array()) {
      const auto entry = EntryOf(each);
      EXPECT_EQ(HexEncode(AuditHash(entry)), HexEncode(entry.hash));
    }
  }
}

}  // namespace
}  // namespace prov::store
