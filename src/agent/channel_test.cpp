#include "agent/channel.hpp"

#include <gtest/gtest.h>

namespace prov::agent {
namespace {

std::string Encoded(const Message& message) {
  std::string bytes;
  AppendFrame(bytes, message);
  return bytes;
}

std::vector<Message> Samples() {
  return {Hello{"{\"a\":1}", std::string(32, 'k')},
          TakeParcel{7, "an envelope"},
          TakeParcel{8, ""},
          ParcelTaken{7},
          WantEvents{3, 65536},
          SignedEvents{3, {"one", "", "three"}},
          SignedEvents{9, {}},
          OutboxState{12, 5},
          PanelClock{-1500}};
}

TEST(Channel, EveryMessage_ComesThroughByteForByteWhateverTheCuts) {
  std::string all;
  for (const auto& message : Samples()) AppendFrame(all, message);
  for (std::size_t piece = 1; piece < all.size(); piece += 3) {
    FrameReader reader;
    std::string again;
    for (std::size_t at = 0; at < all.size(); at += piece) {
      reader.Feed(std::string_view(all).substr(at, piece));
      Message message;
      for (auto next = reader.Next(message); next && *next; next = reader.Next(message))
        AppendFrame(again, message);
    }
    EXPECT_EQ(again, all) << "in pieces of " << piece;
  }
}

TEST(Channel, AFrameThatIsNone_IsRefused) {
  const auto refused = [](std::string bytes) {
    FrameReader reader;
    reader.Feed(bytes);
    Message message;
    const auto next = reader.Next(message);
    return next ? ErrorCode::kInternal : next.error().code;
  };
  EXPECT_EQ(refused(std::string("\xff\xff\xff\xff", 4)), ErrorCode::kTooLarge);
  EXPECT_EQ(refused(std::string("\0\0\0\0", 4)), ErrorCode::kCorrupt);
  EXPECT_EQ(refused(std::string("\1\0\0\0\x63", 5)), ErrorCode::kCorrupt);
  for (const auto& message : Samples()) {
    auto bytes = Encoded(message);
    if (std::holds_alternative<TakeParcel>(message)) continue;  // takes any number of bytes
    bytes += 'x';
    bytes[0] = static_cast<char>(bytes[0] + 1);
    EXPECT_EQ(refused(bytes), ErrorCode::kCorrupt) << message.index();
  }
}

}  // namespace
}  // namespace prov::agent
