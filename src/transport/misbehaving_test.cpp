// Panel and agent models over a transport that does everything it must not: with pushes that are
// made again and an agent that knows what it ran, nothing is lost and nothing runs twice.
#include "transport/misbehaving_test.hpp"

#include "transport/http/http_transport_test.hpp"
#include "transport/rabbitmq/rabbitmq_transport_test.hpp"
#include "transport/redis/redis_transport_test.hpp"

namespace prov::transport {
namespace {

constexpr int kOrders = 30;
constexpr int kEvents = 40;
constexpr int kDeaths = 10;  // of panel and agent; each loses what was on its way

using Parameters = std::tuple<TransportFactory, std::uint32_t>;

class Misbehaving : public TransportTest, public testing::WithParamInterface<Parameters> {
 protected:
  void SetUp() override { Begin(std::get<TransportFactory>(GetParam())); }

  EventSink& sink() override { return bad_sink_; }
  JobQueue& queue() override { return bad_queue_; }
  AgentPort& port(const std::string& name) override {
    auto& bad = bad_ports_[name];
    if (!bad) bad = std::make_unique<MisbehavingPort>(Agent(name), dice_);
    return *bad;
  }

  // What the reconciler does: what the agent did not report as taken, and the queue does not hold,
  // is pushed again.
  void Reconcile(const std::string& name) {
    for (int i = 0; i < kOrders; ++i) {
      const auto id = std::to_string(i);
      if (Agent(name).journal.contains("order " + id)) continue;
      const auto held = Await(queue().Holds(name, Order(id)));
      if (held && !*held) std::ignore = Push(name, id);
    }
  }
  // A process dies, or nothing happens.
  void Disturb(const std::string& name) {
    if (deaths_ == kDeaths || !dice_.Roll(3)) return;
    ++deaths_;
    if (dice_.Roll(2)) {
      StopAgent(name);
      StartAgent(name);
    } else {
      StopPanel();
      StartPanel();
    }
  }

  int deaths_ = 0;
  const std::uint32_t seed_ = std::get<std::uint32_t>(GetParam());
  Dice dice_{seed_};
  MisbehavingSink bad_sink_{panel_, dice_};
  MisbehavingQueue bad_queue_{[this]() -> JobQueue& { return transport_->queue(); }, dice_};
  std::map<std::string, std::unique_ptr<MisbehavingPort>> bad_ports_;
};

TEST_P(Misbehaving, EveryOrderRunsOnce_AndEveryEventIsAppliedOnceInSequence) {
  auto& agent = StartAgent("a");
  const auto done = [&] { return agent.taken() == kOrders && agent.acknowledged() == kEvents; };
  const auto until = std::chrono::steady_clock::now() + Seconds{60};
  while (!done()) {
    ASSERT_LT(std::chrono::steady_clock::now(), until)
        << agent.taken() << " taken, acknowledged up to " << agent.acknowledged();
    if (agent.outbox.size() < kEvents) agent.Report();
    Reconcile("a");
    Disturb("a");
    io_.restart();
    io_.run_for(Millis{5});  // the world goes on
  }
  EXPECT_EQ(panel_.events_of["a"], agent.outbox);
  // The journal's key is the order, whatever came how often; something did come twice.
  EXPECT_EQ(agent.journal.size(), static_cast<std::size_t>(kOrders));
  EXPECT_TRUE(std::ranges::any_of(agent.journal, [](const auto& each) { return each.second > 1; }));
}

std::string NameOf(const testing::TestParamInfo<Parameters>& info) {
  const auto& [factory, seed] = info.param;
  return factory.name + std::to_string(seed);
}

INSTANTIATE_TEST_SUITE_P(Embedded, Misbehaving,
                         testing::Combine(testing::Values(http::PlainHttpTransport()),
                                          testing::Values(1u, 2u, 3u, 4u, 5u, 6u)),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(Servers, Misbehaving,
                         testing::Combine(testing::Values(redis::TlsRedisTransport(),
                                                          rabbitmq::TlsRabbitmqTransport()),
                                          testing::Values(1u, 2u)),
                         NameOf);

}  // namespace
}  // namespace prov::transport
