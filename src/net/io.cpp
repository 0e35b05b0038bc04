#include "net/io.hpp"

#include <csignal>
#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>

#include "net/socket_io.hpp"

namespace prov::net {

namespace asio = boost::asio;

namespace {

// While the next request is here already and nobody reads it, "readable" says nothing any more: how
// often is looked then.
constexpr Millis kUnread{200};

}  // namespace

SocketIo::SocketIo(asio::ip::tcp::socket socket)
    : socket_(std::move(socket)), pause_(socket_.get_executor()) {
  boost::system::error_code ignored;
  socket_.native_non_blocking(true, ignored);
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
}

SocketIo::Step SocketIo::ReadStep(std::span<char> into) {
  while (true) {
    const auto got = recv(fd(), into.data(), into.size(), 0);
    if (got >= 0) return {Outcome::kDone, static_cast<std::size_t>(got), {}};
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {Outcome::kWantRead, 0, {}};
    auto error = ErrnoError("reading from the peer");
    error.code = ErrorCode::kUnavailable;
    return {Outcome::kFailed, 0, std::move(error)};
  }
}

SocketIo::Step SocketIo::WriteStep(std::string_view bytes) {
  while (true) {
    const auto sent = send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) return {Outcome::kDone, static_cast<std::size_t>(sent), {}};
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {Outcome::kWantWrite, 0, {}};
    auto error = ErrnoError("writing to the peer");
    error.code = ErrorCode::kUnavailable;
    return {Outcome::kFailed, 0, std::move(error)};
  }
}

Error SocketIo::ClosedError() const {
  const auto why = closed_.value_or(ErrorCode::kCanceled);
  return {why, why == ErrorCode::kTimeout ? "the peer did not answer in time"
                                          : "the connection was closed on this side"};
}

asio::awaitable<Status> SocketIo::WaitFor(Outcome outcome) {
  without_waiting_ = 0;
  const auto what = outcome == Outcome::kWantRead ? asio::ip::tcp::socket::wait_read
                                                  : asio::ip::tcp::socket::wait_write;
  const auto [error] = co_await socket_.async_wait(what, asio::as_tuple(asio::deferred));
  if (closed_ || error) co_return ClosedError();
  co_return Status{};
}

bool SocketIo::OthersTurn() { return ++without_waiting_ % 32 == 0; }

asio::awaitable<void> SocketIo::GiveWay() {
  co_await asio::post(socket_.get_executor(), asio::deferred);
}

asio::awaitable<Result<std::size_t>> SocketIo::ReadSome(std::span<char> into) {
  if (OthersTurn()) co_await GiveWay();
  while (true) {
    if (closed_) co_return ClosedError();
    auto step = ReadStep(into);
    if (step.outcome == Outcome::kDone) co_return step.bytes;
    if (step.outcome == Outcome::kFailed) co_return std::move(step.error);
    PROV_CO_CHECK(co_await WaitFor(step.outcome));
  }
}

asio::awaitable<Status> SocketIo::WriteAll(std::string_view bytes) {
  if (OthersTurn()) co_await GiveWay();
  while (!bytes.empty()) {
    if (closed_) co_return ClosedError();
    auto step = WriteStep(bytes);
    if (step.outcome == Outcome::kFailed) co_return std::move(step.error);
    if (step.outcome == Outcome::kDone) {
      bytes.remove_prefix(step.bytes);
    } else {
      PROV_CO_CHECK(co_await WaitFor(step.outcome));
    }
  }
  co_return Status{};
}

std::size_t SocketIo::TryWrite(std::string_view bytes) {
  std::size_t written = 0;
  while (!closed_ && written < bytes.size()) {
    const auto step = WriteStep(bytes.substr(written));
    if (step.outcome != Outcome::kDone) break;
    written += step.bytes;
  }
  return written;
}

asio::awaitable<Status> SocketIo::Handshake() {
  while (true) {
    if (closed_) co_return ClosedError();
    auto step = HandshakeStep();
    if (step.outcome == Outcome::kDone) co_return Status{};
    if (step.outcome == Outcome::kFailed) co_return std::move(step.error);
    PROV_CO_CHECK(co_await WaitFor(step.outcome));
  }
}

SocketIo::Peer SocketIo::LookAtPeer() {
  if (closed_) return Peer::kGone;
  pollfd state{fd(), POLLIN | POLLRDHUP, 0};
  poll(&state, 1, 0);
  if ((state.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0) return Peer::kGone;
  return (state.revents & POLLIN) != 0 ? Peer::kHasSent : Peer::kThere;
}

bool SocketIo::PeerClosed() { return LookAtPeer() == Peer::kGone; }

asio::awaitable<void> SocketIo::WaitClosed() {
  for (auto peer = LookAtPeer(); peer != Peer::kGone; peer = LookAtPeer()) {
    if (peer == Peer::kHasSent) {
      pause_.expires_after(kUnread);
      co_await pause_.async_wait(asio::as_tuple(asio::deferred));
    } else {
      const auto [error] = co_await socket_.async_wait(asio::ip::tcp::socket::wait_read,
                                                       asio::as_tuple(asio::deferred));
      // Who waits is canceled, as at the end of each long poll; waiting again would throw that.
      if (error == asio::error::operation_aborted) co_return;
    }
  }
}

void SocketIo::OnClosed(std::function<void()> then) {
  const auto peer = LookAtPeer();
  if (peer == Peer::kGone) return asio::post(socket_.get_executor(), std::move(then));
  auto look_again = [this, then = std::move(then)](const boost::system::error_code&) mutable {
    OnClosed(std::move(then));
  };
  if (peer == Peer::kHasSent) {
    pause_.expires_after(kUnread);
    pause_.async_wait(std::move(look_again));
  } else {
    socket_.async_wait(asio::ip::tcp::socket::wait_read, std::move(look_again));
  }
}

void SocketIo::ShutdownWrite() {
  boost::system::error_code ignored;
  if (!closed_) socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

void SocketIo::Close(ErrorCode why) {
  if (closed_) return;
  closed_ = why;
  boost::system::error_code ignored;
  pause_.cancel();
  socket_.close(ignored);
}

std::unique_ptr<Io> MakeTcpIo(asio::ip::tcp::socket socket) {
  return std::make_unique<SocketIo>(std::move(socket));
}

void IgnoreSigpipe() { std::signal(SIGPIPE, SIG_IGN); }

}  // namespace prov::net
