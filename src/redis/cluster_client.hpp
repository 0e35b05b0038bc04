// Commands to the nodes of a Redis Cluster, each to the one that has its key, over one connection
// to each node. Where a slot has moved, the Cluster is asked anew and the command is sent to the
// node that has it now; while one is being moved (ASK, TRYAGAIN), its commands get that error. So
// do those that no node serves (CLUSTERDOWN), and the Cluster is asked anew, with growing pauses
// while that goes on.
//
// Single-threaded: used on the thread that runs its executor.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>

#include "net/backoff.hpp"
#include "net/event.hpp"
#include "net/task_group.hpp"
#include "redis/client.hpp"
#include "redis/cluster_map.hpp"

namespace prov::redis {

// Stop() is awaited before it is destroyed, or its io_context runs no more.
class ClusterClient final : public Pipeline {
 public:
  // Learns the nodes in the background. Of the options, `channels` are not for this
  // (kInvalidArgument); `on_change` is told OK once every master that has a slot is connected, and
  // else why one is not.
  static Result<std::unique_ptr<Pipeline>> Create(boost::asio::any_io_executor executor,
                                                  ClientOptions options, Random& random);
  ~ClusterClient() override;

  // A node that cannot be asked is an error reply to each of its commands: CLUSTERDOWN, and why.
  // PUBLISH goes to the node that its channel has as a key; all nodes pass it on.
  boost::asio::awaitable<Result<std::vector<Value>>> CallAll(std::vector<Command> commands,
                                                             Millis within) override;
  boost::asio::awaitable<void> Stop() override;

 private:
  struct Node {
    std::shared_ptr<Client> client;
    Status connection = Error{ErrorCode::kUnavailable, "a node is not connected yet"};
  };
  using Indices = std::vector<std::size_t>;  // of commands of one call

  ClusterClient(boost::asio::any_io_executor executor, ClientOptions options,
                std::unique_ptr<Connector> connector, Random& random);

  boost::asio::awaitable<void> KeepLearning();
  Status Follow(ClusterMap map);
  Result<Node> MakeNode(const Address& address);
  void LearnAnew();
  // Until the attempt to learn that is under way has ended.
  boost::asio::awaitable<void> Learnt(SteadyTime until);
  void Changed(const std::string& node, const Status& connection);
  void Tell();

  boost::asio::awaitable<void> Ask(std::span<const Command> commands, const Indices& which,
                                   Millis within, std::vector<Value>& replies);

  boost::asio::any_io_executor executor_;
  ClientOptions options_;
  std::unique_ptr<Connector> connector_;
  Random& random_;
  ClusterMap map_;
  Status learnt_ = Error{ErrorCode::kUnavailable, "the Redis Cluster was not asked yet"};
  bool learning_ = true;  // or to be begun
  bool down_ = false;     // as a node answered since the Cluster was last asked
  net::Event to_learn_;
  net::Event ended_learning_;
  std::map<std::string, Node> nodes_;  // by their addresses
  bool told_well_ = false;
  bool stopped_ = false;
  net::TaskGroup tasks_;
};

}  // namespace prov::redis
