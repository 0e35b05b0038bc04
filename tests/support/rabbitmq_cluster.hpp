// A real cluster of three RabbitMQ nodes on loopback. To start it takes some twenty seconds of a
// processor; one test has one.
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

 private:
  bool Formed() const;

  // The first has the management API.
  std::vector<std::unique_ptr<RabbitmqServer>> nodes_;
};

}  // namespace prov::test
