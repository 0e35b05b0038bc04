// Makes connections to the server that a URL leads to: itself, the master that Sentinels name, or
// the node of a Cluster that has a key.
//
// Single-threaded; outlives the connections' opening, not the connections.
#pragma once

#include <memory>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "redis/cluster_map.hpp"
#include "redis/connection.hpp"

namespace prov::redis {

class Connector {
 public:
  // kInvalidArgument for certificates that cannot be used.
  static Result<std::unique_ptr<Connector>> Create(boost::asio::any_io_executor executor,
                                                   ConnectionOptions options);

  // A connection to the server, signed in. With Sentinels: those named in the URL are asked one
  // after the other who the master is, and the server that they name must say so itself.
  // Errors are those of net::Dial and Connection::Open, with the address but never the password;
  // kUnavailable where no Sentinel knows a master, or the failover to it is not done. With a
  // Cluster: one of its nodes is asked who has options().cluster_key.
  boost::asio::awaitable<Result<std::unique_ptr<Connection>>> Connect();

  // Of a Cluster, as one of its nodes says: of those in the URL and those that were named since.
  boost::asio::awaitable<Result<ClusterMap>> AskCluster();
  // From now on another node of the Cluster is asked first: the one that was may be cut off from
  // the others, and would give its old map for ever.
  void AskAnother() { ++turn_; }
  // Asks another node whether a node that is not the one connected to last has
  // options().cluster_key.
  boost::asio::awaitable<Result<bool>> HasMoved();

  boost::asio::any_io_executor executor() const { return executor_; }
  const ConnectionOptions& options() const { return options_; }

 private:
  Connector(boost::asio::any_io_executor executor, ConnectionOptions options,
            std::shared_ptr<net::TlsContext> tls);
  boost::asio::awaitable<Result<std::unique_ptr<Connection>>> ConnectTo(Address address,
                                                                        SignIn sign_in);
  boost::asio::awaitable<Result<Address>> AskSentinel(Address sentinel);
  boost::asio::awaitable<Result<std::unique_ptr<Connection>>> ConnectToMaster(Address address);
  boost::asio::awaitable<Result<std::unique_ptr<Connection>>> FollowSentinels();

  boost::asio::awaitable<Result<ClusterMap>> AskNode(Address node);
  boost::asio::awaitable<Result<std::unique_ptr<Connection>>> FollowCluster();

  boost::asio::any_io_executor executor_;
  ConnectionOptions options_;
  std::shared_ptr<net::TlsContext> tls_;
  std::size_t first_ = 0;       // of the Sentinels: the one that answered last
  std::vector<Address> nodes_;  // of the Cluster, beside those in the URL
  std::size_t turn_ = 0;        // of them: who is asked first
  Address connected_to_;        // for the key
};

}  // namespace prov::redis
