#include "panel/dispatch/routed_queue.hpp"

#include "panel/dispatch/dispatch_fixture_test.hpp"

namespace prov::panel {
namespace {

class Routes : public PanelTest {
 protected:
  class Sink final : public transport::EventSink {
   public:
    boost::asio::awaitable<Result<std::string>> Deliver(std::string agent,
                                                        std::vector<std::string> events) override {
      co_return "ack of " + agent + " " + std::to_string(events.size());
    }
    void Seen(const std::string& agent) override { seen.push_back(agent); }
    std::vector<std::string> seen;
  };
  void SetUp() override {
    http_.Use(http_queue_);
    redis_.Use(redis_queue_);
  }
  static transport::Parcel Order(const std::string& id) {
    return {transport::ParcelKind::kJob, id, "order " + id};
  }

  Sink sink_;
  RoutedQueue routed_{sink_};
  RoutedQueue::Route& http_ = routed_.Add();
  RoutedQueue::Route& redis_ = routed_.Add();
  FakeQueue http_queue_;
  FakeQueue redis_queue_;
};

TEST_F(Routes, LeadWhereTheAgentWasHeardLast) {
  http_.Seen("a");
  redis_.Seen("b");
  ASSERT_TRUE(Await(routed_.Push("a", Order("1"))));
  ASSERT_TRUE(Await(routed_.Push("b", Order("2"))));
  EXPECT_EQ(http_queue_.PushedAs("1").size(), 1U);
  EXPECT_EQ(redis_queue_.PushedAs("2").size(), 1U);
  EXPECT_TRUE(*Await(routed_.Holds("a", Order("1"))));
  // It has redis_url now. What is left in the other queue is not held by this one.
  redis_.Seen("a");
  EXPECT_FALSE(*Await(routed_.Holds("a", Order("1"))));
  ASSERT_TRUE(Await(routed_.Push("a", Order("1"))));
  EXPECT_EQ(redis_queue_.PushedAs("1").size(), 1U);
  EXPECT_EQ(*Await(routed_.Depth("a")), 2U);
}

TEST_F(Routes, ToWhoWasNotHeard_AreUnavailable) {
  const auto pushed = Await(routed_.Push("a", Order("1")));
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(Await(routed_.Holds("a", Order("1"))));
  EXPECT_FALSE(Await(routed_.Depth("a")));
}

TEST_F(Routes, OfAllTransports_EndInOneSink) {
  EXPECT_EQ(*Await(http_.Deliver("a", {"1"})), "ack of a 1");
  EXPECT_EQ(*Await(redis_.Deliver("b", {"1", "2"})), "ack of b 2");
  http_.Seen("a");
  redis_.Seen("b");
  EXPECT_EQ(sink_.seen, (std::vector<std::string>{"a", "b"}));
}

}  // namespace
}  // namespace prov::panel
