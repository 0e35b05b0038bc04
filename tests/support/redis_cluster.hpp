// A real Redis Cluster on loopback: three masters, and replicas where they are wanted.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "support/redis_server.hpp"

namespace prov::test {

class RedisCluster {
 public:
  static constexpr std::size_t kMasters = 3;

  // Throws where it is not formed in 30 s. `acl`: lines of each node's ACL file.
  explicit RedisCluster(bool with_replicas = false, std::vector<std::string> acl = {});

  // One without replicas, empty, for all tests of a program that leave its nodes alive: to form one
  // takes some seconds.
  static RedisCluster& Shared();

  RedisServer& node(std::size_t at) { return *nodes_[at]; }
  // The replica of the master at this place.
  RedisServer& replica_of(std::size_t at) { return *nodes_[kMasters + at]; }
  // The place of the master that has the key's slot.
  std::size_t NodeOf(const std::string& key);
  // With all its keys, while it is used.
  void MoveSlot(const std::string& key, std::size_t from, std::size_t to);
  // Its slots, emptied, are another master's; it is alone, and has none. There are no replicas.
  void TakeOut(std::size_t at, std::size_t to);
  std::string url() const {
    return "redis+cluster://127.0.0.1:" + std::to_string(nodes_[0]->port());
  }

 private:
  std::string IdOf(std::size_t at) { return nodes_[at]->Cli("CLUSTER MYID"); }
  bool Formed() const;

  std::vector<std::unique_ptr<RedisServer>> nodes_;
};

}  // namespace prov::test
