// The body of a response while it is being made: a bounded buffer between who makes it and the
// connection that sends it. Single-threaded.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "net/event.hpp"

namespace prov::net {

class BodyStream {
 public:
  BodyStream(boost::asio::any_io_executor executor, std::size_t limit)
      : limit_(limit), readable_(executor), writable_(executor) {}

  // Never waits. A reader so slow that the buffer would pass its limit is dropped (SSE resumes by
  // Last-Event-ID); false when it was, or has gone.
  bool Push(std::string_view bytes);
  // Waits until the reader has taken enough; false when it has gone. For bodies larger than memory.
  boost::asio::awaitable<bool> Send(std::string bytes);
  void End();  // the body is whole; what is buffered will still be sent

  bool open() const { return !closed_ && !ended_; }
  bool too_slow() const { return too_slow_; }

  // For the connection: everything buffered, waiting for something; "" at the end.
  boost::asio::awaitable<std::string> Take();
  void Close();  // the reader has gone
  bool closed() const { return closed_; }

 private:
  std::size_t limit_;
  std::string buffer_;
  bool ended_ = false;
  bool closed_ = false;
  bool too_slow_ = false;
  Event readable_;
  Event writable_;
};

}  // namespace prov::net
