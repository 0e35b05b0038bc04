#include "support/rabbitmq_cluster.hpp"

#include <algorithm>

#include <boost/json.hpp>

#include "support/free_port.hpp"
#include "support/wait_for.hpp"

namespace prov::test {
namespace {

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
    node->Configure("{cluster_partition_handling, pause_minority}");
    node->Launch();
  }
  for (const auto& node : nodes_) node->AwaitBoot();
  AwaitFormed();
}

void RabbitmqCluster::AwaitFormed() const {
  WaitFor([this] { return Formed(); }, "that the nodes of RabbitMQ are one cluster",
          std::chrono::seconds(180));
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

// A node that does not know another one's cookie is not known by it either, whoever connects.
void RabbitmqCluster::CutOff(std::size_t at) {
  cut_off_[at] = true;
  SetCookieForOthers(at, "of-strangers");
  nodes_[at]->Evaluate("[rpc:call(Node, erlang, disconnect_node, [Other]) || Other <- " +
                       OthersOf(at) + "]");
}

void RabbitmqCluster::Mend() {
  for (std::size_t at = 0; at < kNodes; ++at) {
    if (!nodes_[at]->running()) nodes_[at]->Start();
    if (!cut_off_[at]) continue;
    SetCookieForOthers(at, RabbitmqServer::kCookie);
    cut_off_[at] = false;
  }
  AwaitFormed();
}

void RabbitmqCluster::SetCookieForOthers(std::size_t at, const std::string& cookie) const {
  nodes_[at]->Evaluate("[true = rpc:call(Node, erlang, set_cookie, [Other, '" + cookie +
                       "']) || Other <- " + OthersOf(at) + "]");
}

// As a list of Erlang's.
std::string RabbitmqCluster::OthersOf(std::size_t at) const {
  std::string others;
  for (std::size_t other = 0; other < kNodes; ++other) {
    if (other == at) continue;
    others += (others.empty() ? "['" : ", '") + nodes_[other]->node() + "'";
  }
  return others + "]";
}

}  // namespace prov::test
