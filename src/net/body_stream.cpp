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
  const auto size = piece->bytes().size();
  while (open() && waiting_ > 0 && waiting_ + size > limit_) co_await writable_.Wait();
  if (!open()) co_return false;
  if (size == 0) co_return true;  // as a chunk it would be the last
  waiting_ += size;
  pieces_.push_back(std::move(piece));
  readable_.Notify();
  co_return true;
}

void BodyStream::End() {
  ended_ = true;
  readable_.Notify();
}

asio::awaitable<BodyStream::Piece> BodyStream::Take() {
  while (pieces_.empty() && !ended_ && !closed_) co_await readable_.Wait();
  if (pieces_.empty()) co_return nullptr;
  const auto pieces = std::exchange(pieces_, {});
  const auto size = std::exchange(waiting_, 0);
  writable_.Notify();
  if (pieces.size() == 1) co_return pieces.front();
  std::string all;
  all.reserve(size);
  for (const auto& piece : pieces) all += piece->bytes();
  co_return std::make_shared<const BodyPiece>(std::move(all));
}

void BodyStream::Close() {
  closed_ = true;
  pieces_ = {};
  readable_.Notify();
  writable_.Notify();
}

}  // namespace prov::net
