// HTTP/1.1 from the wire: Beast's parser, and the refusals that it leaves to us (STACK.md's list:
// missing Host, obs-fold, odd Transfer-Encoding, both lengths, two lengths, bare LF). For this
// module only. Single-threaded.
#pragma once

#include <memory>
#include <string>

#include "net/http_message.hpp"

namespace prov::net {

struct WireHead {
  std::string method;
  std::string target;
  int status = 0;
  int version = 11;  // 10 or 11
  Headers headers;
};

class WireParser {
 public:
  enum class Kind { kRequest, kResponse, kResponseToHead };
  explicit WireParser(Kind kind);
  WireParser(WireParser&&) noexcept;
  WireParser& operator=(WireParser&&) noexcept;
  ~WireParser();

  // The bytes of the whole head at the start of `buffer`, 0 while it is not all there. kTooLarge
  // above `limit` bytes, kInvalidArgument for a bare CR or LF, a NUL or a folded line.
  static Result<std::size_t> FindHead(std::string_view buffer, std::size_t limit);
  // `head` is what FindHead measured.
  Result<WireHead> ParseHead(std::string_view head);
  // Takes what it can from the front of `buffer` and appends body bytes to `body`. kTooLarge when
  // the body, announced or real, passes `limit`.
  Status FeedBody(std::string& buffer, std::string& body);
  Status SetBodyLimit(std::size_t limit);
  // The peer ended the stream; an error when the message is cut.
  Status FeedEnd();
  bool done() const;
  bool until_end() const;  // a response whose body ends with the connection

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace prov::net
