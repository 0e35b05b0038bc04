// Replies of a Redis server (src/redis/resp.hpp): however the bytes are cut, the same replies and
// the same error; each written and read again is the same; and none is larger than the limits.
#include "redis/resp.hpp"

#include "fuzz/fuzz.hpp"

namespace prov::fuzz {
namespace {

using redis::Value;

constexpr redis::ParserLimits kLimits{
    .depth = 5, .elements = 32, .bulk_bytes = 256, .reply_bytes = 600};

struct Replies {
  std::vector<std::string> values;  // as RESP3
  std::string error;
  bool operator==(const Replies&) const = default;
};

std::size_t Elements(const Value& value, std::size_t depth) {
  Require(depth <= kLimits.depth, "no value is deeper than the limit");
  Require(value.type == Value::Type::kError || value.type == Value::Type::kSimpleString ||
              value.type == Value::Type::kBigNumber || value.text.size() <= kLimits.bulk_bytes,
          "no string is longer than the limit");
  Require(value.type != Value::Type::kMap || value.elements.size() % 2 == 0,
          "every key of a map has a value");
  auto count = value.elements.size();
  for (const auto& element : value.elements) {
    Require(element.type != Value::Type::kPush, "a push is in no other value");
    count += Elements(element, depth + !element.elements.empty());
  }
  return count;
}

Replies Read(std::string_view bytes, std::size_t piece, redis::ParserLimits limits) {
  redis::Parser parser(limits);
  Replies replies;
  for (std::size_t at = 0; at < bytes.size() && replies.error.empty(); at += piece) {
    parser.Feed(bytes.substr(at, piece));
    while (true) {
      const auto next = parser.Next();
      if (!next) {
        replies.error = next.error().ToString();
        Require(!replies.error.empty(), "a refusal says why");
        Require(!parser.Next(), "nothing is read after an error");
        break;
      }
      if (!*next) break;
      Require(Elements(**next, 1) <= kLimits.elements, "no reply has more elements than the limit");
      AppendValue(replies.values.emplace_back(), **next);
    }
  }
  return replies;
}

}  // namespace

void FuzzResp(std::string_view bytes) {
  const auto whole = Read(bytes, std::max<std::size_t>(bytes.size(), 1), kLimits);
  for (const std::size_t piece : {1, 2, 7, 64})
    Require(Read(bytes, piece, kLimits) == whole, "a cut changes nothing");
  // What is written may be longer: "1" of a double becomes "1.0", "+" becomes "!".
  auto wide = kLimits;
  wide.reply_bytes *= 8;
  wide.bulk_bytes = wide.reply_bytes;
  for (const auto& value : whole.values) {
    const Replies once{{value}, ""};
    Require(Read(value, value.size(), wide) == once, "written and read again it is the same");
  }
}

}  // namespace prov::fuzz
