// The queue in a cluster of three RabbitMQ nodes (docs/faults.md, rows 31 and 32).
#include "support/rabbitmq_cluster.hpp"

#include "support/free_port.hpp"
#include "transport/rabbitmq/rabbitmq_transport_test.hpp"

namespace prov::transport::rabbitmq {
namespace {

class RabbitmqClusterQueue : public RabbitmqTest {
 protected:
  static void SetUpTestSuite() { cluster_ = std::make_unique<test::RabbitmqCluster>(); }
  static void TearDownTestSuite() { cluster_ = nullptr; }

  void SetUp() override {
    cluster_->Mend();  // what the test before did to it
    auto transport = std::make_unique<RabbitmqTransport>(io_, cluster_->node(0), /*tls=*/false);
    transport->unreceipted = Millis{1'000};
    transport->answer = Seconds{5};
    for (std::size_t at = 1; at < test::RabbitmqCluster::kNodes; ++at)
      transport->others.push_back({"127.0.0.1", cluster_->node(at).port()});
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
          at = cluster_->NodeOfConnection("provisioning-agent a");
          return at < test::RabbitmqCluster::kNodes;
        },
        "the agent's connection to be listed");
    return at;
  }

  // Orders and events before, while and after the node that the agent is connected to is lost. With
  // it go some of the panel's connections, and the leaders of some queues.
  void LoseTheNodeInUse(const std::function<void(std::size_t)>& lose) {
    constexpr int kOrders = 15;
    auto& agent = StartAgent("a");
    RunUntil([&] { return panel_.seen["a"] > 0; }, "the agent");
    const auto in_use = NodeOfTheAgent();
    int orders = 0;
    const auto work = [&] {
      std::ignore = Push("a", std::to_string(orders++));
      agent.Report();
      agent.Report();
    };
    while (orders < kOrders) work();
    lose(in_use);
    const auto until = std::chrono::steady_clock::now() + Seconds{60};
    while (test::IsOpen(cluster_->node(in_use).port())) {
      ASSERT_LT(std::chrono::steady_clock::now(), until) << "the node does not leave its clients";
      work();
      RunFor(Millis{50});
    }
    for (int i = 0; i < kOrders; ++i) work();
    UntilAllArrived(orders, agent.outbox.size(), Seconds{60});
  }

  static std::unique_ptr<test::RabbitmqCluster> cluster_;
};
std::unique_ptr<test::RabbitmqCluster> RabbitmqClusterQueue::cluster_;

TEST_F(RabbitmqClusterQueue, NodeInUseCutOff_EveryOrderIsTakenAndEveryEventAppliedOnce) {
  LoseTheNodeInUse([](std::size_t node) { cluster_->CutOff(node); });
}

TEST_F(RabbitmqClusterQueue, NodeInUseKilled_EveryOrderIsTakenAndEveryEventAppliedOnce) {
  LoseTheNodeInUse([](std::size_t node) { cluster_->node(node).Kill(); });
}

}  // namespace
}  // namespace prov::transport::rabbitmq
