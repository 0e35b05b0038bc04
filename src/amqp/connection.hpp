// One connection to RabbitMQ, signed in, and the channels on it.
//
// Single-threaded: used on the thread that runs its executor. Connection and channels may be
// destroyed in any order, at any time; who waits gets kCanceled.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "amqp/message.hpp"
#include "amqp/url.hpp"
#include "base/clock.hpp"
#include "base/files.hpp"
#include "base/result.hpp"
#include "net/io.hpp"

namespace prov::amqp {

// The oldest server that is worked with: it has quorum queues and the single active consumer.
constexpr int kOldestMajor = 3;
constexpr int kOldestMinor = 8;

struct ConnectionOptions {
  Url url;
  // For amqps://. The CA must have issued the server's certificate; a client certificate and its
  // key only where the server asks for one.
  Path ca_file = "/etc/ssl/certs/ca-certificates.crt";
  Path client_certificate;
  Path client_key;
  std::string name = "provisioning";  // as the server's tools show the connection
  Millis connect{10'000};             // name, TCP, TLS and signing in, of all hosts together
  Millis answer{5'000};               // of a call; a server that takes longer is given up
  Millis heartbeat{10'000};           // whole seconds; silent for two of them, it is given up
  std::size_t most_body_bytes = std::size_t{1} << 20;  // of a message that comes
  // What came and nobody took yet; while it is more, nothing is read, and the broker waits.
  std::size_t most_waiting_bytes = std::size_t{16} << 20;
};

// kInvalidArgument for certificates that cannot be used; null for amqp://.
Result<std::shared_ptr<net::TlsContext>> MakeTls(const ConnectionOptions& options);

// A closed channel, for whatever reason, is closed for good: its calls fail with that reason.
class Channel {
 public:
  ~Channel();

  // Calls of one channel are answered in their order. kNotFound, kConflict, kPermissionDenied and
  // the like (reply_error.hpp) close the channel, for other callers with kUnavailable; so
  // does kTimeout. kExhausted while publishing is blocked, for the broker reads nothing then.
  boost::asio::awaitable<Status> DeclareExchange(std::string name, std::string type);
  // Makes it where it is not there. kConflict where it is, with other arguments.
  boost::asio::awaitable<Result<QueueState>> DeclareQueue(Queue queue);
  // With all that is in it; one that is not there is none either.
  boost::asio::awaitable<Status> DeleteQueue(std::string queue);
  boost::asio::awaitable<Status> Bind(std::string queue, std::string exchange,
                                      std::string routing_key);

  // The one consumer of this channel. At most `prefetch` deliveries wait for their acknowledgement;
  // 0: what is delivered counts as acknowledged, and is not acknowledged again.
  boost::asio::awaitable<Status> Consume(std::string queue, std::uint16_t prefetch);
  boost::asio::awaitable<Result<Delivery>> Next();
  // What has come and waits for Next().
  std::optional<Delivery> Ready();
  // `tag`, or with `multiple` all up to it. What is not acknowledged when the channel closes is
  // delivered again.
  void Acknowledge(std::uint64_t tag, bool multiple = false);

  // From now on Publish may be used.
  boost::asio::awaitable<Status> UseConfirms();
  // Ends when the broker has taken them all for good. kExhausted while an alarm of the broker
  // (disk, memory) blocks publishing, or where a queue refuses one: it is full, or in a cluster
  // without a leader, and the channel is closed; kNotFound where no queue takes one; kTimeout: they
  // may have been taken. After an error some may have been.
  boost::asio::awaitable<Status> Publish(std::vector<Message> messages);
  // Whether it arrives is not asked. Dropped while publishing is blocked.
  void PublishUnconfirmed(const Message& message);

  bool open() const;

 private:
  friend class Connection;
  struct State;
  explicit Channel(std::shared_ptr<State> state);
  boost::asio::awaitable<Result<QueueState>> Call(Status encoded, std::string bytes);
  std::shared_ptr<State> state_;
};

class Connection {
 public:
  // To one of the hosts: the one at `first` in the URL, else the next one, and so on; each is given
  // an equal share of the time that is left. Where it is none, the message has all their reasons,
  // and the code is the first host's:
  // kUnauthenticated for a wrong user or password, kPermissionDenied for a virtual host that is not
  // there or not the user's, kUnsupported for a server that is too old or is none of RabbitMQ's,
  // kUnavailable and the like of net::Dial. `tls` is of MakeTls().
  static boost::asio::awaitable<Result<std::unique_ptr<Connection>>> Open(
      boost::asio::any_io_executor executor, ConnectionOptions options,
      std::shared_ptr<net::TlsContext> tls, std::size_t first = 0);
  ~Connection();

  boost::asio::awaitable<Result<std::unique_ptr<Channel>>> OpenChannel();
  // Ends when the connection has: why.
  boost::asio::awaitable<Error> Ended();
  // Why publishing is blocked, while it is.
  const std::optional<std::string>& blocked() const;
  const std::string& server_version() const;

 private:
  friend class Channel;
  struct State;
  explicit Connection(std::shared_ptr<State> state);
  static boost::asio::awaitable<Result<std::unique_ptr<Connection>>> OpenTo(
      boost::asio::any_io_executor executor, ConnectionOptions options,
      std::shared_ptr<net::TlsContext> tls);
  std::shared_ptr<State> state_;
};

}  // namespace prov::amqp
