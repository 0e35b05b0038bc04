// Keeps a connection to RabbitMQ, connecting again with jittered pauses whenever it is lost: to any
// of the hosts in its URL, beginning with one by chance, so that many clients spread over them.
//
// Single-threaded: used on the thread that runs its executor.
#pragma once

#include <functional>
#include <memory>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "amqp/connection.hpp"
#include "base/random.hpp"

namespace prov::amqp {

struct ClientOptions {
  ConnectionOptions connection;
  Millis first_pause{100};  // between attempts to connect; doubled each time, with jitter
  Millis longest_pause{5'000};
  // Told with each change: connected, or why not. Not called after the client's end.
  std::function<void(const Status&)> on_change;
};

// May be destroyed at any time; what is waited for then ends with kCanceled.
class Client {
 public:
  // Connects in the background. kInvalidArgument for certificates that cannot be used. `random`
  // outlives it and its Stop().
  static Result<std::unique_ptr<Client>> Create(boost::asio::any_io_executor executor,
                                                ClientOptions options, Random& random);
  ~Client();

  // On the connection that there is, or that is being made. While there is none, with its reason at
  // once.
  boost::asio::awaitable<Result<std::unique_ptr<Channel>>> OpenChannel();
  // Ends what is under way, and returns when nothing of the client runs any more.
  boost::asio::awaitable<void> Stop();

 private:
  struct State;
  explicit Client(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace prov::amqp
