// The net role's port without its privileges: the executor is played over a socketpair.
#include "agent/net/channel_port.hpp"

#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/write.hpp>

#include "job/order.hpp"
#include "transport/conformance_test.hpp"

namespace prov::agent {
namespace {

namespace asio = boost::asio;

class ChannelPortTest : public transport::TransportTest {
 protected:
  void SetUp() override {
    asio::local::stream_protocol::socket net(io_);
    asio::local::connect_pair(net, executor_);
    port_ = std::make_unique<ChannelPort>(std::move(net));
    running_->Spawn(port_->Read());
    running_->Spawn(port_->Write());
  }
  void TearDown() override {
    executor_.close();
    running_->CancelAll();
    RunUntil([&] { return running_->size() == 0; }, "everything that waits to end");
  }

  void SayBytes(std::string_view bytes) { asio::write(executor_, asio::buffer(bytes)); }
  void Say(const Message& message) {
    std::string bytes;
    AppendFrame(bytes, message);
    SayBytes(bytes);
  }
  // What the executor hears next.
  template <class T>
  T Hear() {
    Message message;
    const auto heard = [&] {
      std::array<char, 65536> chunk;
      for (;;) {
        const auto next = heard_.Next(message);
        EXPECT_TRUE(next);
        if (!next || *next) return true;
        if (executor_.available() == 0) return false;
        heard_.Feed({chunk.data(), executor_.read_some(asio::buffer(chunk))});
      }
    };
    RunUntil(heard, "a message");
    EXPECT_TRUE(std::holds_alternative<T>(message)) << message.index();
    return std::get<T>(std::move(message));
  }
  // Nothing more happens without the executor.
  void Settle() {
    io_.restart();
    while (io_.poll() > 0) {
    }
  }

  // A call that is under way; its result once there is one.
  template <class T>
  std::shared_ptr<std::optional<T>> Call(asio::awaitable<T> call) {
    auto result = std::make_shared<std::optional<T>>();
    running_->Spawn(
        [](asio::awaitable<T> of, std::shared_ptr<std::optional<T>> to) -> asio::awaitable<void> {
          to->emplace(co_await std::move(of));
        }(std::move(call), result));
    return result;
  }
  template <class T>
  T ResultOf(const std::shared_ptr<std::optional<T>>& call) {
    RunUntil([&] { return call->has_value(); }, "a call to return");
    return std::move(**call);
  }

  asio::local::stream_protocol::socket executor_{io_};
  FrameReader heard_;
  std::unique_ptr<ChannelPort> port_;
  std::unique_ptr<net::TaskGroup> running_ = MakeTasks();
};

TEST_F(ChannelPortTest, Take_ReturnsOnceTheExecutorHasTheParcel_AndNotBefore) {
  const auto first = Call(port_->Take("one"));
  const auto second = Call(port_->Take("two"));
  const auto one = Hear<TakeParcel>();
  const auto two = Hear<TakeParcel>();
  EXPECT_EQ(one.bytes, "one");
  EXPECT_EQ(two.bytes, "two");
  Settle();
  EXPECT_FALSE(*first);
  Say(ParcelTaken{one.number});
  EXPECT_TRUE(ResultOf(first));
  EXPECT_FALSE(*second);
  Say(ParcelTaken{two.number});
  EXPECT_TRUE(ResultOf(second));
}

TEST_F(ChannelPortTest, Events_HaveTheirSequenceNumbers_AndEachAnswerFindsItsRequest) {
  const auto early = Call(port_->Events(7, 1000));
  const auto late = Call(port_->Events(9, 500));
  const auto want = Hear<WantEvents>();
  EXPECT_EQ(want.from, 7U);
  EXPECT_EQ(want.most_bytes, 1000U);
  EXPECT_EQ(Hear<WantEvents>().from, 9U);
  Say(SignedEvents{7, {"seven", "eight"}});
  Settle();
  EXPECT_FALSE(*late);
  Say(SignedEvents{0, {}});
  const auto events = ResultOf(early);
  ASSERT_TRUE(events);
  ASSERT_EQ(events->size(), 2U);
  EXPECT_EQ(events->at(0).seq, 7U);
  EXPECT_EQ(events->at(1).seq, 8U);
  EXPECT_EQ(events->at(1).bytes, "eight");
  const auto none = ResultOf(late);
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->empty());
}

TEST_F(ChannelPortTest, WhatTheOutboxHolds_IsKnown_AndNewsWakesWhoWaits) {
  EXPECT_EQ(port_->last_event(), 0U);
  bool woken = false;
  running_->Spawn([](ChannelPort& port, bool& to) -> asio::awaitable<void> {
    co_await port.Changed();
    to = true;
  }(*port_, woken));
  Settle();
  EXPECT_FALSE(woken);
  Say(OutboxState{12, 5});
  RunUntil([&] { return woken; }, "Changed");
  EXPECT_EQ(port_->last_event(), 12U);
  EXPECT_EQ(port_->acknowledged(), 5U);
}

TEST_F(ChannelPortTest, FramesInSinglePieces_AreAsGoodAsWhole) {
  const auto take = Call(port_->Take("one"));
  const auto events = Call(port_->Events(1, 1000));
  std::string bytes;
  AppendFrame(bytes, ParcelTaken{Hear<TakeParcel>().number});
  AppendFrame(bytes, OutboxState{3, 1});
  AppendFrame(bytes, SignedEvents{1, {"one", ""}});
  for (const char byte : bytes) {
    EXPECT_FALSE(*events);
    SayBytes({&byte, 1});
    Settle();
  }
  EXPECT_TRUE(ResultOf(take));
  EXPECT_EQ(ResultOf(events)->size(), 2U);
  EXPECT_EQ(port_->last_event(), 3U);
}

TEST_F(ChannelPortTest, AnExecutorThatGoes_EndsEveryWait_AndEachLaterCall) {
  const auto take = Call(port_->Take("one"));
  const auto events = Call(port_->Events(1, 1000));
  running_->Spawn(port_->Changed());
  // In the middle of an answer.
  std::string answer;
  AppendFrame(answer, ParcelTaken{Hear<TakeParcel>().number});
  SayBytes(answer.substr(0, answer.size() - 1));
  Settle();
  executor_.close();
  RunUntil([&] { return running_->size() == 0; }, "all that waits");
  EXPECT_EQ(ResultOf(take).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(ResultOf(events).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(ResultOf(Call(port_->Take("two"))).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(ResultOf(Call(port_->Events(1, 1000))).error().code, ErrorCode::kUnavailable);
}

TEST_F(ChannelPortTest, AFrameThatIsNone_IsAsIfTheExecutorHadGone) {
  const auto take = Call(port_->Take("one"));
  Hear<TakeParcel>();
  SayBytes(std::string_view("\1\0\0\0\x63", 5));
  EXPECT_EQ(ResultOf(take).error().code, ErrorCode::kUnavailable);
  RunUntil([&] { return running_->size() == 0; }, "reader and writer to end");
}

TEST_F(ChannelPortTest, AnExecutorThatDoesNotRead_IsWaitedFor_HeardMeanwhile_AndLosesNothing) {
  constexpr std::size_t kMany = 40;  // far more than a socket holds
  std::vector<std::shared_ptr<std::optional<Status>>> calls;
  const auto bytes_of = [](std::size_t i) {
    return std::string(job::kMaxEnvelopeBytes - i, static_cast<char>('a' + i % 26));
  };
  for (std::size_t i = 0; i < kMany; ++i) calls.push_back(Call(port_->Take(bytes_of(i))));
  Settle();
  Say(OutboxState{12, 5});
  Settle();
  EXPECT_EQ(port_->last_event(), 12U);
  for (std::size_t i = 0; i < kMany; ++i) {
    EXPECT_FALSE(*calls[i]);
    const auto parcel = Hear<TakeParcel>();
    EXPECT_TRUE(parcel.bytes == bytes_of(i)) << i;
    Say(ParcelTaken{parcel.number});
    EXPECT_TRUE(ResultOf(calls[i]));
  }
}

// The executor took the frame for that of a broken net role and started another one, which was
// given the parcel again, and so on for ever.
TEST_F(ChannelPortTest, AParcelThatNoFrameHolds_ReachesTheExecutorCut_AndTheNextOneWhole) {
  const auto large = Call(port_->Take(std::string(kMaxFrameBytes, 'x')));
  const auto next = Call(port_->Take("two"));
  const auto heard = Hear<TakeParcel>();
  EXPECT_EQ(heard.bytes.size(), job::kMaxEnvelopeBytes + 1);  // too large, as it was
  EXPECT_EQ(Hear<TakeParcel>().bytes, "two");
  Say(ParcelTaken{heard.number});
  EXPECT_TRUE(ResultOf(large));
}

TEST_F(ChannelPortTest, AParcelThatIsAsLargeAsAnEnvelopeMayBe_ReachesTheExecutorWhole) {
  const std::string bytes(job::kMaxEnvelopeBytes, 'x');
  const auto take = Call(port_->Take(bytes));
  EXPECT_TRUE(Hear<TakeParcel>().bytes == bytes);
}

}  // namespace
}  // namespace prov::agent
