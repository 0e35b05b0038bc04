#include "net/body_stream.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace prov::net {

namespace asio = boost::asio;

// In the memory of what it was given, which may be a megabyte.
BodyPiece::BodyPiece(std::string bytes) : size_(bytes.size()), chunk_(std::move(bytes)) {
  std::array<char, 18> head;
  auto* end = std::to_chars(head.data(), head.data() + 16, size_, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  begin_ = static_cast<std::size_t>(end - head.data());
  chunk_.insert(0, head.data(), begin_).append("\r\n");
}

asio::awaitable<bool> BodyStream::Send(std::string bytes) {
  co_return co_await Send(std::make_shared<const BodyPiece>(std::move(bytes)));
}

asio::awaitable<bool> BodyStream::Send(Piece piece) {
  while (!TrySend(piece)) {
    if (!open()) co_return false;
    co_await writable_.Wait();
  }
  co_return true;
}

bool BodyStream::TrySend(Piece piece) {
  const auto size = piece->bytes().size();
  if (!open() || (waiting_ > 0 && waiting_ + size > limit_)) return false;
  if (size == 0) return true;  // as a chunk it would be the last
  if (pieces_.empty() && writable_now_) {
    const auto wire = Wire(*piece);
    written_ = writer_(wire);
    if (written_ == wire.size()) {
      written_ = 0;
      taken_ += size;
      return true;
    }
  }
  waiting_ += size;
  pieces_.push_back(std::move(piece));
  readable_.Notify();
  return true;
}

void BodyStream::End() {
  ended_ = true;
  readable_.Notify();
}

asio::awaitable<std::string_view> BodyStream::Take() {
  held_.reset();
  writable_now_ = true;
  while (pieces_.empty() && !ended_ && !closed_) co_await readable_.WaitInPlace();
  writable_now_ = false;
  if (pieces_.empty()) co_return std::string_view();
  // What has begun on the wire is finished first; what waits behind it goes out as one.
  if (pieces_.size() == 1 || written_ > 0) {
    held_ = std::move(pieces_.front());
    pieces_.erase(pieces_.begin());
    if (pieces_.empty()) pieces_ = {};
  } else {
    std::string all;
    all.reserve(waiting_);
    for (const auto& piece : std::exchange(pieces_, {})) all += piece->bytes();
    held_ = std::make_shared<const BodyPiece>(std::move(all));
  }
  const auto size = held_->bytes().size();
  waiting_ -= size;
  taken_ += size;
  writable_.Notify();
  co_return Wire(*held_).substr(std::exchange(written_, 0));
}

void BodyStream::Close() {
  closed_ = true;
  pieces_ = {};
  readable_.Notify();
  writable_.Notify();
}

}  // namespace prov::net
