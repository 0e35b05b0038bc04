#include "net/body_stream.hpp"

#include <algorithm>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

namespace prov::net {
namespace {

namespace asio = boost::asio;

// A stream whose peer takes `takes` bytes without waiting, and a connection that writes the rest.
class BodyStreamTest : public ::testing::Test {
 public:
  BodyStream Make(std::size_t limit, bool chunked = false) {
    return {io_.get_executor(), limit, chunked, [this](std::string_view bytes) {
              const auto some = bytes.substr(0, std::min(takes_, bytes.size()));
              takes_ -= some.size();
              wire_ += some;
              return some.size();
            }};
  }
  // The connection takes and writes once.
  void Take(BodyStream& stream) {
    asio::co_spawn(
        io_,
        [](BodyStreamTest& test, BodyStream& from) -> asio::awaitable<void> {
          const auto bytes = co_await from.Take();
          ++test.taken_;
          test.wire_ += bytes;
        }(*this, stream),
        asio::detached);
    Turn();
  }
  void Turn() {
    io_.restart();
    io_.poll();
  }
  static BodyStream::Piece Piece(std::string bytes) {
    return std::make_shared<const BodyPiece>(std::move(bytes));
  }

  asio::io_context io_;
  std::size_t takes_ = 1000;
  std::string wire_;
  int taken_ = 0;  // times
};

TEST_F(BodyStreamTest, WhileTheConnectionWaits_APieceIsWrittenAtOnce) {
  auto stream = Make(100);
  Take(stream);
  EXPECT_TRUE(stream.TrySend(Piece("first ")));
  EXPECT_TRUE(stream.TrySend(Piece("second")));
  EXPECT_EQ(wire_, "first second");
  EXPECT_EQ(stream.taken(), 12U);
  Turn();
  EXPECT_EQ(taken_, 0) << "there was nothing for the connection to do";
}

TEST_F(BodyStreamTest, WhileTheConnectionWrites_APieceWaitsItsTurn) {
  auto stream = Make(100);
  EXPECT_TRUE(stream.TrySend(Piece("first ")));
  EXPECT_TRUE(stream.TrySend(Piece("second")));
  EXPECT_EQ(wire_, "");
  Take(stream);
  EXPECT_EQ(wire_, "first second");
  EXPECT_EQ(stream.taken(), 12U);
}

// Wherever the peer stops taking, within a chunk's frame too.
TEST_F(BodyStreamTest, APeerThatTakesAPart_GetsTheRestFirst) {
  for (std::size_t part = 1; part < 8; ++part) {
    auto stream = Make(100, true);
    wire_.clear();
    takes_ = part;
    Take(stream);
    EXPECT_TRUE(stream.TrySend(Piece("abc")));
    EXPECT_EQ(wire_, std::string("3\r\nabc\r\n").substr(0, part));
    takes_ = 1000;  // it has room again, but what has begun comes first
    EXPECT_TRUE(stream.TrySend(Piece("de")));
    EXPECT_TRUE(stream.TrySend(Piece("f")));
    Turn();
    EXPECT_EQ(wire_, "3\r\nabc\r\n") << part;
    Take(stream);
    EXPECT_EQ(wire_, "3\r\nabc\r\n3\r\ndef\r\n") << part;
    EXPECT_EQ(stream.taken(), 6U);
  }
}

TEST_F(BodyStreamTest, AReaderThatOwesTooMuch_IsSentNothing) {
  auto stream = Make(10);
  EXPECT_TRUE(stream.TrySend(Piece(std::string(20, 'x')))) << "one piece may be larger";
  EXPECT_FALSE(stream.TrySend(Piece("y")));
  std::optional<bool> sent;
  asio::co_spawn(
      io_,
      [](BodyStream& to, std::optional<bool>& done) -> asio::awaitable<void> {
        done = co_await to.Send("z");
      }(stream, sent),
      asio::detached);
  Turn();
  EXPECT_EQ(sent, std::nullopt);
  Take(stream);
  EXPECT_EQ(sent, true);
  Take(stream);
  EXPECT_EQ(wire_, std::string(20, 'x') + "z");
  stream.Close();
  EXPECT_FALSE(stream.TrySend(Piece("y")));
}

TEST_F(BodyStreamTest, Ended_WhatWaitsIsStillWrittenAndNothingMore) {
  auto stream = Make(100);
  EXPECT_TRUE(stream.TrySend(Piece("last")));
  stream.End();
  EXPECT_FALSE(stream.TrySend(Piece("later")));
  Take(stream);
  Take(stream);
  EXPECT_EQ(wire_, "last");
  EXPECT_EQ(taken_, 2);
}

}  // namespace
}  // namespace prov::net
