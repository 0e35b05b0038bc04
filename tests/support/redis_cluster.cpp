#include "support/redis_cluster.hpp"

#include <stdexcept>

#include "support/wait_for.hpp"

namespace prov::test {
namespace {

constexpr std::size_t kSlots = 16384;

std::size_t FirstSlot(std::size_t master) { return kSlots * master / RedisCluster::kMasters; }

}  // namespace

RedisCluster::RedisCluster(bool with_replicas, std::vector<std::string> acl) {
  const auto count = with_replicas ? 2 * kMasters : kMasters;
  for (std::size_t i = 0; i < count; ++i)
    nodes_.push_back(std::make_unique<RedisServer>(RedisOptions{.acl = acl, .cluster = true}));
  for (std::size_t i = 0; i < count; ++i) {
    if (i < kMasters) {
      nodes_[i]->Cli("CLUSTER ADDSLOTSRANGE " + std::to_string(FirstSlot(i)) + " " +
                     std::to_string(FirstSlot(i + 1) - 1));
      nodes_[i]->Cli("CLUSTER SET-CONFIG-EPOCH " + std::to_string(i + 1));
    }
    if (i > 0) {
      nodes_[0]->Cli("CLUSTER MEET 127.0.0.1 " + std::to_string(nodes_[i]->port()) + " " +
                     std::to_string(nodes_[i]->cluster_port()));
    }
  }
  WaitFor([this] { return Formed(); }, "that all nodes of the Redis Cluster know each other");
  for (std::size_t i = kMasters; i < count; ++i)
    nodes_[i]->Cli("CLUSTER REPLICATE " + IdOf(i - kMasters));
  for (std::size_t i = kMasters; i < count; ++i) {
    WaitFor(
        [this, i] {
          return nodes_[i]->Cli("INFO replication").find("master_link_status:up") !=
                 std::string::npos;
        },
        "that a replica in the Redis Cluster has its master's data");
  }
}

bool RedisCluster::Formed() const {
  for (const auto& node : nodes_) {
    const auto info = node->Cli("CLUSTER INFO");
    if (info.find("cluster_state:ok") == std::string::npos ||
        info.find("cluster_known_nodes:" + std::to_string(nodes_.size())) == std::string::npos)
      return false;
  }
  return true;
}

RedisCluster& RedisCluster::Shared() {
  static RedisCluster cluster;
  for (const auto& node : cluster.nodes_) node->Cli("FLUSHALL");
  return cluster;
}

std::size_t RedisCluster::NodeOf(const std::string& key) {
  for (std::size_t at = 0; at < kMasters; ++at) {
    // Of whatever type it is: only who has it looks at it.
    const auto said = nodes_[at]->Cli("TYPE " + key);
    if (said.find("MOVED") == std::string::npos && said.find("refused") == std::string::npos)
      return at;
  }
  throw std::runtime_error("the Redis Cluster: nobody has " + key);
}

void RedisCluster::MoveSlot(const std::string& key, std::size_t from, std::size_t to) {
  const auto slot = nodes_[from]->Cli("CLUSTER KEYSLOT " + key);
  nodes_[to]->Cli("CLUSTER SETSLOT " + slot + " IMPORTING " + IdOf(from));
  nodes_[from]->Cli("CLUSTER SETSLOT " + slot + " MIGRATING " + IdOf(to));
  for (;;) {
    const auto held = nodes_[from]->Cli("CLUSTER GETKEYSINSLOT " + slot + " 1");
    if (held.empty()) break;
    nodes_[from]->Cli("MIGRATE 127.0.0.1 " + std::to_string(nodes_[to]->port()) + " '" + held +
                      "' 0 5000");
  }
  for (const auto at : {to, from}) nodes_[at]->Cli("CLUSTER SETSLOT " + slot + " NODE " + IdOf(to));
}

void RedisCluster::TakeOut(std::size_t at, std::size_t to) {
  const auto id = IdOf(at);
  const auto slots = std::to_string(FirstSlot(at)) + " " + std::to_string(FirstSlot(at + 1) - 1);
  nodes_[at]->Cli("FLUSHALL");
  nodes_[at]->Cli("CLUSTER RESET HARD");
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (i == at) continue;
    nodes_[i]->Cli("CLUSTER FORGET " + id);
    nodes_[i]->Cli("CLUSTER DELSLOTSRANGE " + slots);
  }
  nodes_[to]->Cli("CLUSTER ADDSLOTSRANGE " + slots);
  WaitFor(
      [&] {
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
          if (i != at &&
              nodes_[i]->Cli("CLUSTER INFO").find("cluster_state:ok") == std::string::npos)
            return false;
        }
        return true;
      },
      "that the others in the Redis Cluster have its slots");
}

}  // namespace prov::test
