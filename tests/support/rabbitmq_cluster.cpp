#include "support/rabbitmq_cluster.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <thread>

#include <boost/json.hpp>

#include "support/free_port.hpp"

namespace prov::test {
namespace {

constexpr std::chrono::seconds kForming{180};

// A list of objects, or nothing where the API answers something else.
boost::json::array ListOf(const std::string& answer) {
  boost::system::error_code error;
  auto parsed = boost::json::parse(answer, error);
  return !error && parsed.is_array() ? std::move(parsed).as_array() : boost::json::array();
}

}  // namespace

RabbitmqCluster::RabbitmqCluster() {
  const auto epmd_port = FreePort();
  std::string peers;
  for (std::size_t at = 0; at < kNodes; ++at) {
    nodes_.push_back(std::unique_ptr<RabbitmqServer>(new RabbitmqServer(epmd_port)));
    peers += (at == 0 ? "'" : ", '") + nodes_[at]->node() + "'";
  }
  nodes_.front()->OwnEpmd();
  nodes_.front()->Manage();
  for (const auto& node : nodes_) {
    node->Configure("{cluster_nodes, {[" + peers + "], disc}}");
    node->Launch();
  }
  for (const auto& node : nodes_) node->AwaitBoot();
  const auto until = std::chrono::steady_clock::now() + kForming;
  while (!Formed()) {
    if (std::chrono::steady_clock::now() > until)
      throw std::runtime_error("the nodes of RabbitMQ form no cluster: " +
                               nodes_.front()->Api("GET", "nodes?columns=name,running"));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

bool RabbitmqCluster::Formed() const {
  const auto known = ListOf(nodes_.front()->Api("GET", "nodes?columns=name,running"));
  return known.size() == kNodes && std::ranges::all_of(known, [](const auto& each) {
           return each.as_object().contains("running") && each.at("running").as_bool();
         });
}

std::size_t RabbitmqCluster::NodeOfConnection(const std::string& name) const {
  for (const auto& each :
       ListOf(nodes_.front()->Api("GET", "connections?columns=node,user_provided_name"))) {
    const auto& connection = each.as_object();
    const auto* const named = connection.if_contains("user_provided_name");
    if (named == nullptr || *named != boost::json::value(name)) continue;
    for (std::size_t at = 0; at < kNodes; ++at) {
      if (connection.at("node") == boost::json::value(nodes_[at]->node())) return at;
    }
  }
  return kNodes;
}

}  // namespace prov::test
