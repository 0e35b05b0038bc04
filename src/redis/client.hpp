// Commands of many coroutines over one connection to a Redis server, pipelined. Of a Cluster it is
// the server that has ConnectionOptions::cluster_key; MOVED brings it to another one, and
// CLUSTERDOWN lets it ask, with pauses, whether there is one.
//
// Single-threaded: used on the thread that runs its executor.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "redis/connector.hpp"
#include "redis/pipeline.hpp"
#include "redis/resp.hpp"

namespace prov::redis {

struct ClientOptions {
  ConnectionOptions connection;
  Millis answer{10'000};  // of a call that names no time of its own
  // No byte came for so long while calls were waiting: the connection is given up. Looked at when a
  // call runs out of its time.
  Millis silence{5'000};
  Millis first_pause{100};  // between attempts to connect; doubled each time, with jitter
  Millis longest_pause{5'000};
  std::size_t most_calls = 16'384;  // commands under way; those whose caller has gone count too
  std::size_t most_unsent_bytes = std::size_t{64} << 20;
  // Told with each change: connected, or why not. Not called after Stop() has ended.
  std::function<void(const Status&)> on_change;
  // Subscribed to on each new connection before it is used, where the server knows RESP3 (without
  // it nothing comes). What is published while there is no connection is lost: `on_change` says
  // where. Where a channel is refused, so is the connection.
  std::vector<std::string> channels;
  std::function<void(std::string_view channel, std::string_view payload)> on_message;
};

// The client may be destroyed at any time: it is then stopped, and calls end with kCanceled. Stop()
// besides waits until nothing of it runs. `random` outlives both.
class Client final : public Pipeline {
 public:
  // Connects in the background, and again whenever the connection is lost. kInvalidArgument for
  // options that cannot work.
  static Result<std::unique_ptr<Client>> Create(boost::asio::any_io_executor executor,
                                                ClientOptions options, Random& random);
  ~Client() override;

  // The reply to one command; an error reply is an Error (FromErrorReply).
  //
  // Commands are sent in the order of the calls. Nothing is ever sent twice: kUnavailable says that
  // the connection was lost (kTooLarge: it was given up, over a reply beyond the limits, to this or
  // to another call), and kTimeout that no reply came in time; either way the command may have been
  // carried out, and its message says so where it may. While there is no connection, a
  // call waits for the attempt to connect that is under way; where that fails, so do they, and
  // others at once, with its reason (kUnauthenticated, say). kExhausted: too many are under way,
  // nothing was sent. kInvalidArgument: a command that would block the others or change the
  // connection's state (BLMOVE, SUBSCRIBE, SELECT, MULTI, ..); nothing was sent. A canceled caller
  // never gets another one's reply, nor another one its.
  boost::asio::awaitable<Result<Value>> Call(Command command);
  boost::asio::awaitable<Result<Value>> Call(Command command, Millis within);

  // In one piece.
  boost::asio::awaitable<Result<std::vector<Value>>> CallAll(std::vector<Command> commands,
                                                             Millis within) override;

  // The same between MULTI and EXEC: all of them are carried out, or none. kConflict and other
  // codes of FromErrorReply where the server refused one of them, with that reason. An error that
  // shows only when a command runs (WRONGTYPE) is among the replies: Redis undoes nothing.
  boost::asio::awaitable<Result<std::vector<Value>>> Transaction(std::vector<Command> commands,
                                                                 Millis within);

  bool connected() const;
  std::size_t calls_under_way() const;
  boost::asio::awaitable<void> Stop() override;

 private:
  struct State;
  explicit Client(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

// Whether a command is not for a connection that others share: kInvalidArgument with the reason.
Status CheckShareable(const Command& command);

}  // namespace prov::redis
