// Commands that make the server wait (BLMOVE, XREADGROUP with BLOCK), on a connection of their own.
//
// Single-threaded: used on the thread that runs its executor. The object outlives its calls.
#pragma once

#include <memory>

#include <boost/asio/awaitable.hpp>

#include "redis/connector.hpp"

namespace prov::redis {

class BlockingClient {
 public:
  // `connector` outlives it, and may be shared. `grace`: for the answer, beyond the time that the
  // command waits.
  explicit BlockingClient(Connector& connector, Millis grace = Millis{5'000})
      : connector_(connector), grace_(grace) {}

  // Connects where there is no connection, and asks one command; a second call at the same time is
  // kConflict. `blocks`: how long the command itself tells the server to wait, which must be
  // bounded. Tried once: the caller waits (net::Backoff) before it calls again after an error.
  // kUnavailable and kTimeout: the command may have been carried out, a BLMOVE have moved its
  // element. After them, and after a canceled caller, the next call has a new connection, so no
  // call ever gets the reply of one before.
  boost::asio::awaitable<Result<Value>> Call(Command command, Millis blocks);

  // Ends the call that waits, with kCanceled.
  void Close();

 private:
  Connector& connector_;
  Millis grace_;
  std::unique_ptr<Connection> connection_;
  bool calling_ = false;
};

}  // namespace prov::redis
