// A real cluster of three RabbitMQ nodes on loopback. To start it takes some twenty seconds of a
// processor; one test suite has one.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "support/rabbitmq_server.hpp"

namespace prov::test {

class RabbitmqCluster {
 public:
  static constexpr std::size_t kNodes = 3;

  // Throws where it is not formed in three minutes.
  RabbitmqCluster();

  RabbitmqServer& node(std::size_t at) { return *nodes_[at]; }
  // The place of the node that has the connection of this name; kNodes while none does. Asks the
  // first node, which runs.
  std::size_t NodeOfConnection(const std::string& name) const;

  // From the other nodes: it is in the minority then, and leaves its clients.
  void CutOff(std::size_t at);
  // Starts what was killed, joins what was cut off, and waits until they are one cluster.
  void Mend();

 private:
  void AwaitFormed() const;
  bool Formed() const;
  void SetCookieForOthers(std::size_t at, const std::string& cookie) const;
  std::string OthersOf(std::size_t at) const;

  // The first has the management API.
  std::vector<std::unique_ptr<RabbitmqServer>> nodes_;
  std::vector<bool> cut_off_ = std::vector<bool>(kNodes);
};

}  // namespace prov::test
