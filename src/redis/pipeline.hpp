// Commands that many coroutines share connections for: to one server (client.hpp), or to the nodes
// of a Cluster (cluster_client.hpp), whichever the URL names.
//
// Single-threaded: used on the thread that runs its executor.
#pragma once

#include <memory>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "redis/resp.hpp"

namespace prov::redis {

struct ClientOptions;

class Pipeline {
 public:
  virtual ~Pipeline() = default;

  // Several commands in one piece, one reply each, in order; an error reply is a value of type
  // kError here (ToResult makes it an Error). An Error is about all of them. In a Cluster the
  // commands go to the nodes that have their keys (each command's first argument), so that they are
  // in one piece only as far as they are for one node, and an Error of one node is that of all.
  virtual boost::asio::awaitable<Result<std::vector<Value>>> CallAll(std::vector<Command> commands,
                                                                     Millis within) = 0;
  // Ends what is under way with kCanceled, and returns when nothing of it runs any more.
  virtual boost::asio::awaitable<void> Stop() = 0;
};

// kInvalidArgument for options that cannot work. `random` outlives it.
Result<std::unique_ptr<Pipeline>> MakePipeline(boost::asio::any_io_executor executor,
                                               ClientOptions options, Random& random);

}  // namespace prov::redis
