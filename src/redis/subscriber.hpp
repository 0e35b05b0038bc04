// Pub/sub: what is published on channels, as long as there is a connection. Redis keeps nothing for
// those who are away, so the subscriber says where messages may be missing.
//
// Single-threaded: used on the thread that runs its executor.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/random.hpp"
#include "redis/connector.hpp"

namespace prov::redis {

struct SubscriberOptions {
  ConnectionOptions connection;
  Millis ping{15'000};      // a server that is silent for twice that is given up
  Millis first_pause{100};  // between attempts to connect; doubled each time, with jitter
  Millis longest_pause{5'000};
  // What is kept for Next(); what comes beyond is dropped, and counted.
  std::size_t most_messages = 10'000;
  std::size_t most_bytes = std::size_t{16} << 20;
};

struct Notice {
  enum class Kind {
    kMessage,
    // All that was asked for is subscribed, but what was refused: from here on messages come, and
    // what was published before may have been missed. One after each reconnect and each change.
    kSubscribed,
    kDropped,  // `dropped` messages did not fit and are missing here
  };
  Kind kind = Kind::kMessage;
  std::string channel;
  std::string pattern;  // by which the message came; "": by its channel
  std::string payload;  // any bytes
  std::size_t dropped = 0;
};

// May be destroyed at any time; Stop() besides waits until nothing of it runs. `random` outlives
// both.
class Subscriber {
 public:
  // Connects in the background, and again whenever the connection is lost.
  static Result<std::unique_ptr<Subscriber>> Create(boost::asio::any_io_executor executor,
                                                    SubscriberOptions options, Random& random);
  ~Subscriber();

  // Takes effect now, or once there is a connection, and holds over reconnects. A message whose
  // channel matches a pattern too comes once for each.
  void Subscribe(std::string channel);
  void Unsubscribe(const std::string& channel);
  void SubscribePattern(std::string pattern);  // glob: "job:*:updates"
  void UnsubscribePattern(const std::string& pattern);

  // The next notice; one caller at a time. An Error says why there is no connection, or which
  // channel was refused (kPermissionDenied; once for each reason, and it is asked for again with
  // pauses of `longest_pause` at most); the subscriber goes on by itself. kCanceled once it is
  // stopped.
  boost::asio::awaitable<Result<Notice>> Next();

  boost::asio::awaitable<void> Stop();

 private:
  struct State;
  explicit Subscriber(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace prov::redis
