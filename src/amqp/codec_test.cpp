// Bytes as a broker sends them, whole, cut anywhere, and not as they should be.
#include "amqp/codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prov::amqp {
namespace {

std::string Number(std::uint64_t number, int bytes) {
  std::string text;
  for (int at = bytes - 1; at >= 0; --at) text += static_cast<char>(number >> (8 * at) & 0xff);
  return text;
}

std::string FrameOf(int type, int channel, const std::string& payload) {
  return Number(static_cast<std::uint64_t>(type), 1) +
         Number(static_cast<std::uint64_t>(channel), 2) + Number(payload.size(), 4) + payload +
         "\xce";
}

// What a broker begins with is a method, and the library takes nothing else.
std::string First() { return FrameOf(1, 0, Number(10, 2) + Number(61, 2)); }

std::string Short(const std::string& text) { return Number(text.size(), 1) + text; }

// basic.deliver to consumer "c" by tag 7, with routing key "k".
std::string Deliver() {
  return FrameOf(1, 3,
                 Number(60, 2) + Number(60, 2) + Short("c") + Number(7, 8) + Number(1, 1) +
                     Short("x") + Short("k"));
}
std::string HeaderOf(std::uint64_t body) {
  return FrameOf(2, 3,
                 Number(60, 2) + Number(0, 2) + Number(body, 8) + Number(0x280, 2) + Short("to") +
                     Short("id"));
}
std::string DeliveryOf(const std::string& body) {
  auto bytes = Deliver() + HeaderOf(body.size());
  for (std::size_t at = 0; at < body.size(); at += 1000)
    bytes += FrameOf(3, 3, body.substr(at, 1000));
  return bytes;
}

// What came of the bytes in pieces of so many; an error ends it.
Result<std::vector<Frame>> Decode(const std::string& bytes, std::size_t piece = 1 << 20) {
  Decoder decoder(5000, [](ChannelNumber channel) { return channel == 3; });
  std::vector<Frame> frames;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    auto rest = std::string_view(bytes).substr(at, piece);
    while (true) {
      auto next = decoder.Next(rest);
      if (!next) return std::move(next).error();
      if (!*next) break;
      frames.push_back(std::move(**next));
    }
    EXPECT_TRUE(rest.empty());
  }
  return frames;
}

TEST(AmqpDecoder, ADelivery_IsTheSame_HoweverItIsCut) {
  const std::string body(2500, 'b');
  const auto bytes = First() + FrameOf(8, 0, "") + DeliveryOf(body) + DeliveryOf("");
  for (const std::size_t piece : {1, 2, 7, 100, 4096}) {
    const auto frames = Decode(bytes, piece);
    ASSERT_TRUE(frames) << frames.error().ToString();
    ASSERT_EQ(frames->size(), 4U);
    EXPECT_TRUE(std::holds_alternative<Unblocked>((*frames)[0].what));
    EXPECT_TRUE(std::holds_alternative<Heartbeat>((*frames)[1].what));
    const auto& delivery = std::get<Delivery>((*frames)[2].what);
    EXPECT_EQ((*frames)[2].channel, 3);
    EXPECT_EQ(delivery.tag, 7U);
    EXPECT_TRUE(delivery.redelivered);
    EXPECT_EQ(delivery.routing_key, "k");
    EXPECT_EQ(delivery.message_id, "id");
    EXPECT_EQ(delivery.reply_to, "to");
    EXPECT_EQ(delivery.body, body);
    EXPECT_EQ(std::get<Delivery>((*frames)[3].what).body, "");
  }
}

TEST(AmqpDecoder, ABodyBeyondTheLimit_IsPassedOver_AndSaidToBe) {
  const auto frames = Decode(DeliveryOf(std::string(5001, 'b')) + DeliveryOf("x"));
  ASSERT_TRUE(frames) << frames.error().ToString();
  ASSERT_EQ(frames->size(), 2U);
  EXPECT_TRUE(std::get<Delivery>((*frames)[0].what).too_large);
  EXPECT_EQ(std::get<Delivery>((*frames)[0].what).body, "");
  EXPECT_FALSE(std::get<Delivery>((*frames)[1].what).too_large);
}

TEST(AmqpDecoder, WhatIsNotAsItShouldBe_IsRefused) {
  const std::pair<const char*, std::string> cases[] = {
      {"http", "HTTP/1.1 400 Bad Request\r\n\r\n"},
      {"no frame end", First() + FrameOf(8, 0, "").substr(0, 7) + "x"},
      {"a frame beyond the limit", First() + "\x3" + Number(3, 2) + Number(200'000, 4)},
      {"a header without a delivery", First() + First() + HeaderOf(1)},
      {"a body without a header", First() + Deliver() + FrameOf(3, 3, "b")},
      {"two headers", First() + Deliver() + HeaderOf(1) + HeaderOf(1)},
      {"more body than said", First() + Deliver() + HeaderOf(1) + FrameOf(3, 3, "bb")},
      {"a method in between", First() + Deliver() + Deliver()},
      {"a method that breaks off",
       First() + FrameOf(1, 3, Number(60, 2) + Number(60, 2) + Short("c"))},
      {"a method of a client",
       FrameOf(1, 0, Number(10, 2) + Number(40, 2) + Short("/") + Short("") + Number(0, 1))},
      {"a frame of an unknown type", First() + FrameOf(9, 0, "") + First()},
      {"a channel that is not open", First() + FrameOf(1, 4, Number(20, 2) + Number(41, 2))},
      {"an unknown method", FrameOf(1, 0, Number(99, 2) + Number(99, 2))},
  };
  for (const auto& [name, bytes] : cases) {
    const auto frames = Decode(bytes);
    ASSERT_FALSE(frames) << name;
    EXPECT_EQ(frames.error().code, ErrorCode::kCorrupt) << name;
    EXPECT_EQ(Decode(bytes, 1).error().code, ErrorCode::kCorrupt) << name << ", byte by byte";
  }
}

TEST(AmqpDecoder, AnotherVersion_IsSaid) {
  const auto frames = Decode(std::string("AMQP\0\1\0\0", 8));
  ASSERT_FALSE(frames);
  EXPECT_EQ(frames.error().code, ErrorCode::kUnsupported);
}

TEST(AmqpEncoder, ABody_IsCutIntoFrames_AndALongNameRefused) {
  std::string bytes;
  ASSERT_TRUE(AppendPublish(bytes, 1,
                            {.exchange = "",
                             .routing_key = "q",
                             .body = std::string(250, 'b'),
                             .type = "",
                             .message_id = ""},
                            /*mandatory=*/true, 108));
  std::vector<std::size_t> sizes;
  for (std::size_t at = 0; at < bytes.size();) {
    std::size_t size = 0;
    for (std::size_t i = 3; i < 7; ++i)
      size = size << 8 | static_cast<unsigned char>(bytes[at + i]);
    if (bytes[at] == 3) sizes.push_back(size);
    at += size + 8;
  }
  EXPECT_THAT(sizes, testing::ElementsAre(100, 100, 50));
  EXPECT_FALSE(AppendPublish(bytes, 1,
                             {.exchange = "",
                              .routing_key = std::string(256, 'q'),
                              .body = "",
                              .type = "",
                              .message_id = ""},
                             /*mandatory=*/true, 4096));
}

}  // namespace
}  // namespace prov::amqp
