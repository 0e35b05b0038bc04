// The queue in a cluster of three RabbitMQ nodes (docs/faults.md, row 31).
#include "support/rabbitmq_cluster.hpp"

#include "transport/rabbitmq/rabbitmq_transport_test.hpp"

namespace prov::transport::rabbitmq {
namespace {

class RabbitmqClusterQueue : public RabbitmqTest {
 protected:
  void SetUp() override {
    auto transport = std::make_unique<RabbitmqTransport>(io_, cluster_.node(0), /*tls=*/false);
    transport->unreceipted = Millis{1'000};
    transport->answer = Seconds{5};
    for (std::size_t at = 1; at < test::RabbitmqCluster::kNodes; ++at)
      transport->others.push_back({"127.0.0.1", cluster_.node(at).port()});
    transport_ = std::move(transport);
    StartPanel();
  }
  void TearDown() override {
    TransportTest::TearDown();
    transport_ = nullptr;  // which leaves its virtual host
  }

  std::size_t NodeOfTheAgent() {
    auto at = test::RabbitmqCluster::kNodes;
    RunUntil(
        [&] {
          at = cluster_.NodeOfConnection("provisioning-agent a");
          return at < test::RabbitmqCluster::kNodes;
        },
        "the agent's connection to be listed");
    return at;
  }

  test::RabbitmqCluster cluster_;
};

// With it go the agent's connection, some of the panel's, and the leaders of some queues.
TEST_F(RabbitmqClusterQueue, NodeInUseKilled_EveryOrderIsTakenAndEveryEventAppliedOnce) {
  constexpr int kOrders = 30;
  auto& agent = StartAgent("a");
  RunUntil([&] { return panel_.seen["a"] > 0; }, "the agent");
  const auto in_use = NodeOfTheAgent();
  for (int i = 0; i < kOrders; ++i) {
    std::ignore = Push("a", std::to_string(i));
    agent.Report();
    agent.Report();
    if (i == kOrders / 2) cluster_.node(in_use).Kill();
  }
  UntilAllArrived(kOrders, agent.outbox.size(), Seconds{60});
}

}  // namespace
}  // namespace prov::transport::rabbitmq
