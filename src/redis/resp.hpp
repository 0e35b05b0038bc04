// RESP, Redis's protocol, versions 2 and 3: commands are written, replies are read. Replies come
// from a server that may be hostile, so everything about them is bounded.
// https://redis.io/docs/latest/develop/reference/protocol-spec/
//
// Pure; not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace prov::redis {

// A command's name and its arguments; any bytes.
using Command = std::vector<std::string>;

// Appends the command as an array of bulk strings. It must not be empty.
void AppendCommand(std::string& to, const Command& command);

// One reply, or a part of one.
struct Value {
  enum class Type {
    kNull,  // also RESP2's "$-1" and "*-1"
    kSimpleString,
    kBulkString,
    kVerbatimString,  // `text` is without its format ("txt:")
    kError,           // "-" and "!"
    kInteger,
    kBoolean,    // `integer` is 0 or 1
    kDouble,     // `number`; inf, -inf and nan too
    kBigNumber,  // `text` is its digits
    kArray,
    kSet,
    kMap,   // `elements` is key, value, key, value, as a RESP2 server sends it as an array
    kPush,  // out of band: pub/sub. Never within another value
  };
  Type type = Type::kNull;
  std::string text;
  std::int64_t integer = 0;
  double number = 0;
  std::vector<Value> elements;

  bool is_null() const { return type == Type::kNull; }
  bool is_error() const { return type == Type::kError; }
  bool is_text() const;
  // An array, a set or a map.
  bool is_list() const;
  // The value after `key` in a map, or in an array that is one; nullptr where there is none.
  const Value* Find(std::string_view key) const;
};

// Appends the value as a RESP3 server sends it.
void AppendValue(std::string& to, const Value& value);

struct ParserLimits {
  std::size_t depth = 16;                             // of values within values
  std::size_t elements = 1 << 20;                     // of one reply, on all levels
  std::size_t bulk_bytes = std::size_t{16} << 20;     // of one string
  std::size_t reply_bytes = std::size_t{64} << 20;    // of one reply on the wire
  static constexpr std::size_t kLineBytes = 1 << 16;  // a simple string, an error, a big number
};

// Reads replies from bytes that come in any pieces: however they are cut, the replies are the same.
// Attributes ("|") are read and left out; streamed strings and aggregates ("$?"), which no server
// sends, are refused.
class Parser {
 public:
  explicit Parser(ParserLimits limits = {}) : limits_(limits) {}
  void Feed(std::string_view bytes);
  // The next whole reply; nullopt when it is not all there. kCorrupt for what is not RESP,
  // kTooLarge over a limit, both with the place in the reply; there is no going on after an error,
  // which is returned again and again.
  Result<std::optional<Value>> Next();
  // No reply is begun and not yet returned.
  bool idle() const { return position_ == buffer_.size() && open_.empty() && !in_reply_; }

 private:
  // An aggregate whose elements are being read.
  struct Open {
    Value value;
    std::size_t missing = 0;
    bool attribute = false;
  };
  enum class Step { kMore, kWait, kDone };
  Result<Step> ReadOne();
  Result<Step> ReadBulk(char kind);
  Result<std::optional<std::string_view>> Line(std::size_t most);
  Result<Step> ReadLine(char kind, std::string_view line);
  Result<Step> BeginBulk(char kind, std::string_view line);
  Result<Step> BeginAggregate(char kind, std::string_view line);
  Result<Step> Finish(Value value);
  Error Corrupt(std::string_view why) const;
  Error TooLarge(std::string_view what, std::size_t limit) const;
  void Consume(std::size_t bytes);

  ParserLimits limits_;
  std::string buffer_;
  std::size_t position_ = 0;  // in buffer_, of what is not consumed
  std::size_t scanned_ = 0;   // bytes from position_ on that have no line end
  std::vector<Open> open_;
  char bulk_kind_ = 0;  // of the string whose bytes are awaited
  std::size_t bulk_missing_ = 0;
  bool in_reply_ = false;
  std::size_t consumed_ = 0;  // of this reply
  std::size_t elements_ = 0;  // of this reply
  std::optional<Value> done_;
  std::optional<Error> failed_;
};

}  // namespace prov::redis
