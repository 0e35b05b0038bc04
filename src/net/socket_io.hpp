// What TCP and TLS share: trying a non-blocking operation and waiting where it would block. For
// this module only.
#pragma once

#include <optional>

#include <boost/asio/steady_timer.hpp>

#include "net/io.hpp"

namespace prov::net {

class SocketIo : public Io {
 public:
  explicit SocketIo(boost::asio::ip::tcp::socket socket);
  boost::asio::awaitable<Result<std::size_t>> ReadSome(std::span<char> into) override;
  boost::asio::awaitable<Status> WriteAll(std::string_view bytes) override;
  std::size_t TryWrite(std::string_view bytes) override;
  boost::asio::awaitable<void> WaitClosed() override;
  void OnClosed(std::function<void()> then) override;
  bool PeerClosed() override;
  boost::asio::awaitable<Status> Handshake() override;
  void ShutdownWrite() override;
  void Close(ErrorCode why) override;

 protected:
  enum class Outcome { kDone, kWantRead, kWantWrite, kFailed };
  struct Step {
    Outcome outcome = Outcome::kDone;
    std::size_t bytes = 0;
    Error error;
  };
  virtual Step ReadStep(std::span<char> into);
  virtual Step WriteStep(std::string_view bytes);
  virtual Step HandshakeStep() { return {}; }
  // Until the socket is ready for what `step` wants.
  boost::asio::awaitable<Status> WaitFor(Outcome outcome);
  // A peer that always has data ready must not keep the thread from the others.
  bool OthersTurn();
  boost::asio::awaitable<void> GiveWay();
  int fd() { return socket_.native_handle(); }

  boost::asio::ip::tcp::socket socket_;
  std::optional<ErrorCode> closed_;

 private:
  Error ClosedError() const;
  enum class Peer { kThere, kHasSent, kGone };
  Peer LookAtPeer();
  boost::asio::steady_timer pause_;
  unsigned without_waiting_ = 0;
};

}  // namespace prov::net
