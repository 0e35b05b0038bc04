#include "redis/resp.hpp"

#include <cmath>
#include <rapidcheck.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace prov::redis {
namespace {

using Type = Value::Type;

struct Read {
  std::vector<std::string> replies;  // as RESP3
  std::string error;
  bool operator==(const Read&) const = default;
};

Read ReadInPieces(std::string_view bytes, std::size_t piece, ParserLimits limits = {}) {
  Parser parser(limits);
  Read read;
  do {
    parser.Feed(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    while (true) {
      auto next = parser.Next();
      if (!next) {
        read.error = next.error().ToString();
        return read;
      }
      if (!*next) break;
      AppendValue(read.replies.emplace_back(), **next);
    }
  } while (!bytes.empty());
  return read;
}

Value ReadOne(std::string_view bytes) {
  Parser parser;
  parser.Feed(bytes);
  auto next = parser.Next();
  EXPECT_TRUE(next && *next) << bytes;
  EXPECT_TRUE(parser.idle()) << bytes;
  return next && *next ? std::move(**next) : Value{};
}

TEST(RespTest, Command_AnyBytes_AreBulkStrings) {
  std::string bytes;
  AppendCommand(bytes, {"SET", std::string("a\r\n\0b", 5), ""});
  EXPECT_EQ(bytes, std::string("*3\r\n$3\r\nSET\r\n$5\r\na\r\n\0b\r\n$0\r\n\r\n", 30));
}

TEST(RespTest, Parser_EveryType_IsRead) {
  EXPECT_EQ(ReadOne("+OK\r\n").type, Type::kSimpleString);
  EXPECT_EQ(ReadOne("+OK\r\n").text, "OK");
  EXPECT_EQ(ReadOne("-ERR no\r\n").type, Type::kError);
  EXPECT_EQ(ReadOne("!6\r\nERR\r\nx\r\n").text, "ERR\r\nx");
  EXPECT_EQ(ReadOne(":-9223372036854775808\r\n").integer, std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(ReadOne(":+5\r\n").integer, 5);
  EXPECT_EQ(ReadOne("$4\r\na\r\nb\r\n").text, "a\r\nb");
  EXPECT_EQ(ReadOne("$0\r\n\r\n").type, Type::kBulkString);
  for (const auto* null : {"$-1\r\n", "*-1\r\n", "_\r\n"}) EXPECT_TRUE(ReadOne(null).is_null());
  EXPECT_EQ(ReadOne("#t\r\n").integer, 1);
  EXPECT_EQ(ReadOne(",-1.5e3\r\n").number, -1500);
  EXPECT_TRUE(std::isinf(ReadOne(",inf\r\n").number));
  EXPECT_LT(ReadOne(",-inf\r\n").number, 0);
  EXPECT_TRUE(std::isnan(ReadOne(",nan\r\n").number));
  EXPECT_EQ(ReadOne("(-349285649823659\r\n").text, "-349285649823659");
  EXPECT_EQ(ReadOne("=8\r\nmkd:text\r\n").text, "text");
  EXPECT_EQ(ReadOne("*2\r\n:1\r\n*0\r\n").elements.size(), 2U);
  EXPECT_EQ(ReadOne("~1\r\n+a\r\n").type, Type::kSet);
  EXPECT_EQ(ReadOne(">1\r\n+a\r\n").type, Type::kPush);
  const auto map = ReadOne("%2\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n%1\r\n+c\r\n:2\r\n");
  ASSERT_NE(map.Find("b"), nullptr);
  EXPECT_EQ(map.Find("b")->Find("c")->integer, 2);
  EXPECT_EQ(map.Find("c"), nullptr);
}

TEST(RespTest, Parser_AnAttribute_IsLeftOut) {
  EXPECT_EQ(ReadOne("|1\r\n+ttl\r\n:3600\r\n:5\r\n").integer, 5);
  const auto list = ReadOne("*2\r\n:1\r\n|1\r\n+a\r\n*1\r\n:9\r\n:2\r\n");
  ASSERT_EQ(list.elements.size(), 2U);
  EXPECT_EQ(list.elements[1].integer, 2);
  EXPECT_EQ(ReadOne("|0\r\n+OK\r\n").text, "OK");
}

struct Refused {
  std::string bytes;
  ErrorCode code;
  const char* why;
};

TEST(RespTest, Parser_WhatIsNotRedis_IsRefused) {
  const Refused table[] = {
      {"HTTP/1.1 400 Bad Request\r\n", ErrorCode::kCorrupt, "is it a Redis server?"},
      {"\r\n", ErrorCode::kCorrupt, "0x0d"},
      {"$?\r\n", ErrorCode::kCorrupt, "length"},
      {"*?\r\n", ErrorCode::kCorrupt, "number of elements"},
      {"$-2\r\n", ErrorCode::kCorrupt, "length"},
      {"!-1\r\n", ErrorCode::kCorrupt, "length"},
      {"%-1\r\n", ErrorCode::kCorrupt, "number of elements"},
      {"$3\r\nabcd\r\n", ErrorCode::kCorrupt, "does not end where"},
      {":1x\r\n", ErrorCode::kCorrupt, "integer"},
      {":\r\n", ErrorCode::kCorrupt, "integer"},
      {":++1\r\n", ErrorCode::kCorrupt, "integer"},
      {":9223372036854775808\r\n", ErrorCode::kCorrupt, "64 bits"},
      {",1,5\r\n", ErrorCode::kCorrupt, "double"},
      {",\r\n", ErrorCode::kCorrupt, "double"},
      {"#y\r\n", ErrorCode::kCorrupt, "boolean"},
      {"_x\r\n", ErrorCode::kCorrupt, "null"},
      {"(12a\r\n", ErrorCode::kCorrupt, "big number"},
      {"=3\r\ntxt\r\n", ErrorCode::kCorrupt, "verbatim"},
      {"+a\n", ErrorCode::kCorrupt, "without a carriage return"},
      {"+a\rb\r\n", ErrorCode::kCorrupt, "within a line"},
      {"*1\r\n>1\r\n+a\r\n", ErrorCode::kCorrupt, "a push within"},
      {"$2000\r\n", ErrorCode::kTooLarge, "bytes in a string"},
      {"*20\r\n", ErrorCode::kTooLarge, "elements"},
      {"%6\r\n", ErrorCode::kTooLarge, "elements"},
      {"%9223372036854775807\r\n", ErrorCode::kTooLarge, "elements"},
      {"*6\r\n*6\r\n", ErrorCode::kTooLarge, "elements"},
      {"*1\r\n*1\r\n*1\r\n*1\r\n", ErrorCode::kTooLarge, "levels"},
      {"*3\r\n$900\r\n" + std::string(900, 'x') + "\r\n$900\r\n", ErrorCode::kTooLarge,
       "1500 bytes"},
      {":" + std::string(100, '1') + "\r\n", ErrorCode::kTooLarge, "bytes in a line"},
      {"+" + std::string(70'000, 'x') + "\r\n", ErrorCode::kTooLarge, "bytes in a line"},
  };
  const ParserLimits limits{.depth = 3, .elements = 10, .bulk_bytes = 1000, .reply_bytes = 1500};
  for (const auto& row : table) {
    SCOPED_TRACE(row.bytes.substr(0, 60));
    Parser parser(limits);
    parser.Feed(row.bytes);
    auto next = parser.Next();
    ASSERT_FALSE(next);
    EXPECT_EQ(next.error().code, row.code) << next.error().ToString();
    EXPECT_NE(next.error().message.find(row.why), std::string::npos) << next.error().ToString();
    parser.Feed("+OK\r\n");
    EXPECT_FALSE(parser.Next()) << "there is no going on";
    const auto whole = ReadInPieces(row.bytes, row.bytes.size(), limits);
    for (const std::size_t piece : {1, 7}) EXPECT_EQ(ReadInPieces(row.bytes, piece, limits), whole);
  }
}

// A number that a hostile server announces costs it nothing, so it must cost nothing here.
TEST(RespTest, Parser_AnnouncedElements_AreNotAllocated) {
  Parser parser({.elements = std::size_t{1} << 40});
  parser.Feed("*1000000000000\r\n");
  const auto next = parser.Next();
  ASSERT_TRUE(next);
  EXPECT_FALSE(*next);
  EXPECT_FALSE(parser.idle());
}

TEST(RespTest, Parser_SmallReplies_AreEachCountedAnew) {
  Parser parser({.elements = 3, .reply_bytes = 40});
  for (int i = 0; i < 100; ++i) {
    parser.Feed("*3\r\n:1\r\n:2\r\n:3\r\n");
    const auto next = parser.Next();
    ASSERT_TRUE(next && *next);
  }
}

Value AnyValue(int depth) {
  const auto kind = *rc::gen::inRange(0, depth > 0 ? 13 : 9);
  Value value{static_cast<Type>(kind)};
  const auto text = [] { return *rc::gen::arbitrary<std::string>(); };
  switch (value.type) {
    case Type::kSimpleString:
      value.text = *rc::gen::container<std::string>(rc::gen::inRange('a', 'z'));
      break;
    case Type::kBulkString:
    case Type::kVerbatimString:
    case Type::kError:
      value.text = text();
      break;
    case Type::kInteger:
      value.integer = *rc::gen::arbitrary<std::int64_t>();
      break;
    case Type::kBoolean:
      value.integer = *rc::gen::inRange(0, 2);
      break;
    case Type::kDouble:
      value.number = *rc::gen::arbitrary<std::int32_t>() / 8.0;
      break;
    case Type::kBigNumber:
      value.text = std::to_string(*rc::gen::arbitrary<std::int64_t>());
      break;
    default:
      break;
  }
  if (kind < 9) return value;
  if (value.type == Type::kPush) value.type = Type::kArray;
  const auto size = *rc::gen::inRange(0, 4) * (value.type == Type::kMap ? 2 : 1);
  for (int i = 0; i < size; ++i) value.elements.push_back(AnyValue(depth - 1));
  return value;
}

TEST(RespTest, Parser_AnyCut_GivesTheSameReplies) {
  EXPECT_TRUE(rc::check([] {
    std::string bytes;
    std::vector<std::string> wanted;
    const auto count = *rc::gen::inRange(1, 4);
    for (int i = 0; i < count; ++i) {
      AppendValue(wanted.emplace_back(), AnyValue(3));
      bytes += wanted.back();
    }
    Parser parser;
    std::vector<std::string> found;
    std::string_view rest = bytes;
    while (!rest.empty()) {
      const auto piece = *rc::gen::inRange<std::size_t>(1, 40);
      parser.Feed(rest.substr(0, piece));
      rest.remove_prefix(std::min(piece, rest.size()));
      while (true) {
        const auto next = parser.Next();
        RC_ASSERT(next.has_value());
        if (!*next) break;
        AppendValue(found.emplace_back(), **next);
      }
    }
    RC_ASSERT(found == wanted);
    RC_ASSERT(parser.idle());
  }));
}

// Bytes that are nearly RESP: the same replies and the same error however they are cut.
TEST(RespTest, Parser_AnyCutOfAnything_IsReadTheSame) {
  EXPECT_TRUE(rc::check([] {
    const auto bytes = *rc::gen::container<std::string>(
        rc::gen::elementOf(std::string("+-:$*_#,(!=%~>|\r\n\r\n\r\n0123tfa")));
    const auto piece = *rc::gen::inRange<std::size_t>(1, 9);
    RC_ASSERT(ReadInPieces(bytes, piece) == ReadInPieces(bytes, bytes.size() + 1));
  }));
}

}  // namespace
}  // namespace prov::redis
