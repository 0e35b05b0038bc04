// The body of a response while it is being made: a bounded queue between who makes it and the
// connection that sends it. Single-threaded.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "net/event.hpp"

namespace prov::net {

// A part of a body, made once for all the streams that send it. Immutable.
class BodyPiece {
 public:
  explicit BodyPiece(std::string bytes);

  std::string_view bytes() const { return std::string_view(chunk_).substr(begin_, size_); }
  std::string_view chunk() const { return chunk_; }  // as a chunk of HTTP/1.1 (RFC 9112, 7.1)

 private:
  std::size_t size_;
  std::size_t begin_;
  std::string chunk_;
};

class BodyStream {
 public:
  using Piece = std::shared_ptr<const BodyPiece>;

  // Writes as much as the peer takes without waiting; returns how many bytes.
  using Writer = std::function<std::size_t(std::string_view)>;

  // `limit`: bytes a reader may owe.
  BodyStream(boost::asio::any_io_executor executor, std::size_t limit, bool chunked, Writer writer)
      : limit_(limit),
        chunked_(chunked),
        writer_(std::move(writer)),
        readable_(executor),
        writable_(executor) {}

  // Waits until the reader has taken enough; false when it has gone. One piece may be larger than
  // the limit.
  boost::asio::awaitable<bool> Send(std::string bytes);
  boost::asio::awaitable<bool> Send(Piece piece);
  // The same where nothing has to be waited for: what the peer takes is on its way when this
  // returns. False: the reader owes too much, or has gone.
  bool TrySend(Piece piece);
  void End();  // the body is whole; what waits will still be sent

  bool open() const { return !closed_ && !ended_; }

  // For the connection: what is to be written next, once there is something; empty at the end. Only
  // while the connection waits here is anything written by TrySend. It is valid until the next
  // call.
  boost::asio::awaitable<std::string_view> Take();
  void Close();  // the reader has gone
  bool closed() const { return closed_; }
  std::size_t taken() const { return taken_; }  // bytes of the body, by the connection

 private:
  std::string_view Wire(const BodyPiece& piece) const {
    return chunked_ ? piece.chunk() : piece.bytes();
  }

  std::size_t limit_;
  bool chunked_;
  Writer writer_;
  std::size_t waiting_ = 0;  // bytes
  std::vector<Piece> pieces_;
  std::size_t written_ = 0;    // bytes on the wire, of the first of them
  bool writable_now_ = false;  // the connection waits in Take
  Piece held_;                 // what the connection writes
  std::size_t taken_ = 0;
  bool ended_ = false;
  bool closed_ = false;
  Event readable_;
  Event writable_;
};

}  // namespace prov::net
