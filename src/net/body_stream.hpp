// The body of a response while it is being made: a bounded queue between who makes it and the
// connection that sends it. Single-threaded.
#pragma once

#include <cstddef>
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

  BodyStream(boost::asio::any_io_executor executor, std::size_t limit)
      : limit_(limit), readable_(executor), writable_(executor) {}

  // Waits until the reader has taken enough; false when it has gone. One piece may be larger than
  // the limit.
  boost::asio::awaitable<bool> Send(std::string bytes);
  boost::asio::awaitable<bool> Send(Piece piece);
  void End();  // the body is whole; what waits will still be sent

  bool open() const { return !closed_ && !ended_; }

  // For the connection: what waits, once something does; nothing at the end.
  boost::asio::awaitable<Piece> Take();
  void Close();  // the reader has gone
  bool closed() const { return closed_; }

 private:
  std::size_t limit_;
  std::size_t waiting_ = 0;  // bytes
  std::vector<Piece> pieces_;
  bool ended_ = false;
  bool closed_ = false;
  Event readable_;
  Event writable_;
};

}  // namespace prov::net
