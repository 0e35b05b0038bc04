#include "net/body_stream.hpp"

namespace prov::net {

namespace asio = boost::asio;

bool BodyStream::Push(std::string_view bytes) {
  if (!open()) return false;
  if (buffer_.size() + bytes.size() > limit_) {
    too_slow_ = true;
    Close();
    return false;
  }
  buffer_ += bytes;
  readable_.Notify();
  return true;
}

asio::awaitable<bool> BodyStream::Send(std::string bytes) {
  while (open() && !buffer_.empty() && buffer_.size() + bytes.size() > limit_) {
    co_await writable_.Wait();
  }
  if (!open()) co_return false;
  if (buffer_.empty())
    buffer_ = std::move(bytes);
  else
    buffer_ += bytes;
  readable_.Notify();
  co_return true;
}

void BodyStream::End() {
  ended_ = true;
  readable_.Notify();
}

asio::awaitable<std::string> BodyStream::Take() {
  while (buffer_.empty() && !ended_ && !closed_) co_await readable_.Wait();
  writable_.Notify();
  co_return closed_ ? std::string() : std::exchange(buffer_, {});
}

void BodyStream::Close() {
  closed_ = true;
  buffer_ = {};
  readable_.Notify();
  writable_.Notify();
}

}  // namespace prov::net
