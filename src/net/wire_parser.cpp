#include "net/wire_parser.hpp"

#include <limits>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

namespace prov::net {

namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using View = boost::beast::string_view;

Error Malformed(std::string message) { return {ErrorCode::kInvalidArgument, std::move(message)}; }

std::string ToText(View view) { return {view.data(), view.size()}; }

struct Collected {
  WireHead head;
  bool head_done = false;
  std::size_t limit = std::numeric_limits<std::size_t>::max();
  std::size_t taken = 0;
  std::string* body = nullptr;

  void Body(View bytes, error_code& error) {
    taken += bytes.size();
    if (taken > limit) {
      error = http::error::body_limit;
    } else if (body != nullptr) {
      body->append(bytes.data(), bytes.size());
    }
  }
};

template <bool kRequest>
class Parser final : public http::basic_parser<kRequest> {
 public:
  explicit Parser(Collected& into) : into_(into) {
    this->header_limit(std::numeric_limits<std::uint32_t>::max());  // FindHead limits it
    this->body_limit(boost::none);                                  // Collected limits it
  }

 private:
  void on_request_impl(http::verb, View method, View target, int version, error_code&) override {
    into_.head.method = ToText(method);
    into_.head.target = ToText(target);
    into_.head.version = version;
  }
  void on_response_impl(int code, View, int version, error_code&) override {
    into_.head.status = code;
    into_.head.version = version;
  }
  void on_field_impl(http::field, View name, View value, error_code&) override {
    // Trailers are read and forgotten.
    if (!into_.head_done) into_.head.headers.Add(ToText(name), ToText(value));
  }
  void on_header_impl(error_code&) override { into_.head_done = true; }
  void on_body_init_impl(boost::optional<std::uint64_t> const&, error_code&) override {}
  std::size_t on_body_impl(View bytes, error_code& error) override {
    into_.Body(bytes, error);
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t, View, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, View bytes, error_code& error) override {
    into_.Body(bytes, error);
    return bytes.size();
  }
  void on_finish_impl(error_code&) override {}

  Collected& into_;
};

Status CheckFraming(const WireHead& head, bool request) {
  const auto& headers = head.headers;
  if (request && headers.Count("Host") != 1) {
    return Malformed("A request needs exactly one Host header.");
  }
  const auto lengths = headers.Count("Content-Length");
  const auto codings = headers.Count("Transfer-Encoding");
  if (lengths > 1) return Malformed("Content-Length is there more than once.");
  if (lengths > 0 && codings > 0) {
    return Malformed("Content-Length and Transfer-Encoding exclude each other.");
  }
  if (codings > 1 || (codings == 1 && *headers.Find("Transfer-Encoding") != "chunked")) {
    return Malformed("Transfer-Encoding may only be \"chunked\".");
  }
  if (codings == 1 && head.version == 10) {
    return Malformed("HTTP/1.0 has no Transfer-Encoding.");
  }
  if (lengths == 1) {
    const auto length = *headers.Find("Content-Length");
    if (length.empty() || length.size() > 18 ||
        length.find_first_not_of("0123456789") != std::string_view::npos) {
      return Malformed("Content-Length must be a decimal number.");
    }
  }
  return {};
}

}  // namespace

struct WireParser::Impl {
  explicit Impl(Kind kind) : request(collected), response(collected) {
    is_request = kind == Kind::kRequest;
    if (kind == Kind::kResponseToHead) response.skip(true);
  }
  template <class F>
  auto With(F f) {
    return is_request ? f(request) : f(response);
  }

  bool is_request;
  Collected collected;
  Parser<true> request;
  Parser<false> response;
};

WireParser::WireParser(Kind kind) : impl_(std::make_unique<Impl>(kind)) {}
WireParser::WireParser(WireParser&&) noexcept = default;
WireParser& WireParser::operator=(WireParser&&) noexcept = default;
WireParser::~WireParser() = default;

Result<std::size_t> WireParser::FindHead(std::string_view buffer, std::size_t limit) {
  const auto end = buffer.find("\r\n\r\n");
  const auto head = buffer.substr(0, end == buffer.npos ? buffer.npos : end + 4);
  for (std::size_t i = 0; i < head.size() && i < limit; ++i) {
    const char c = head[i];
    if (c == '\0') return Malformed("A NUL byte is in the header.");
    if (c == '\n' && (i == 0 || head[i - 1] != '\r')) {
      return Malformed("Header lines end with CR LF.");
    }
    if (c == '\r' && i + 1 < head.size() && head[i + 1] != '\n') {
      return Malformed("A bare CR is in the header.");
    }
    if ((c == ' ' || c == '\t') && i > 0 && head[i - 1] == '\n') {
      return Malformed("Folded header lines are not taken.");
    }
  }
  if (head.size() > limit) {
    return Error{ErrorCode::kTooLarge,
                 "The header is larger than " + std::to_string(limit) + " bytes."};
  }
  return end == buffer.npos ? 0 : head.size();
}

Result<WireHead> WireParser::ParseHead(std::string_view head) {
  error_code error;
  const auto taken =
      impl_->With([&](auto& parser) { return parser.put({head.data(), head.size()}, error); });
  if (error || taken != head.size()) {
    return Malformed("This is not HTTP/1.1: " + (error ? error.message() : "odd header") + ".");
  }
  PROV_CHECK(CheckFraming(impl_->collected.head, impl_->is_request));
  impl_->With([](auto& parser) { parser.eager(true); });
  return std::move(impl_->collected.head);
}

Status WireParser::SetBodyLimit(std::size_t limit) {
  impl_->collected.limit = limit;
  const auto announced = impl_->With([](auto& parser) { return parser.content_length(); });
  if (announced && *announced > limit) {
    return Error{ErrorCode::kTooLarge,
                 "The body is larger than " + std::to_string(limit) + " bytes."};
  }
  return {};
}

Status WireParser::FeedBody(std::string& buffer, std::string& body) {
  constexpr std::size_t kMostUnfinished = 16 * 1024;  // a chunk's header line, or the trailers
  impl_->collected.body = &body;
  error_code error;
  std::size_t taken = 0;
  // Beast asserts five bytes of a last chunk that it has looked at in vain, and looks at three.
  // More always follow.
  const bool torn_last_chunk = buffer.size() == 4 && buffer.starts_with("0\r\n");
  if (torn_last_chunk && impl_->With([](auto& parser) { return parser.chunked(); })) return {};
  while (!done() && taken < buffer.size() && !error) {
    taken += impl_->With([&](auto& parser) {
      return parser.put({buffer.data() + taken, buffer.size() - taken}, error);
    });
  }
  buffer.erase(0, taken);
  impl_->collected.body = nullptr;
  if (error == http::error::body_limit) {
    return Error{ErrorCode::kTooLarge,
                 "The body is larger than " + std::to_string(impl_->collected.limit) + " bytes."};
  }
  if (error && error != http::error::need_more) {
    return Malformed("The body is malformed: " + error.message() + ".");
  }
  // Beast would wait for a CR that never comes. What is left here is a chunk's header or trailers.
  if (error && impl_->With([](auto& parser) { return parser.chunked(); })) {
    for (auto at = buffer.find('\n'); at != std::string::npos; at = buffer.find('\n', at + 1)) {
      if (at == 0 || buffer[at - 1] != '\r') return Malformed("Chunk headers end with CR LF.");
    }
  }
  if (error && buffer.size() > kMostUnfinished) {
    return Malformed("A chunk's header or the trailers are too long.");
  }
  return {};
}

Status WireParser::FeedEnd() {
  error_code error;
  if (!done()) impl_->With([&](auto& parser) { return parser.put_eof(error), 0; });
  if (error) return Error{ErrorCode::kUnavailable, "the peer closed in the middle of a message"};
  return {};
}

bool WireParser::done() const {
  return impl_->With([](auto& parser) { return parser.is_done(); });
}

bool WireParser::until_end() const {
  return impl_->With([](auto& parser) { return parser.need_eof(); });
}

}  // namespace prov::net
