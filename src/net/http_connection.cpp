#include "net/http_connection.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include "net/header_list.hpp"
#include "net/problem.hpp"

namespace prov::net {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kWriteBytes = 256 * 1024;
constexpr std::size_t kSmallBody = 16 * 1024;  // is nobody's burden

bool WantsClose(const WireHead& head) {
  if (head.version == 10) return true;
  return std::ranges::any_of(ListElements(head.headers, "Connection"), [](std::string_view token) {
    return EqualsIgnoringCase(token, "close");
  });
}

bool HasNoBody(int status) { return status == 204 || status == 304; }

std::string HeadOf(const Response& response, bool chunked, bool keep_alive) {
  std::vector<std::pair<std::string, std::string>> framing;
  if (chunked) {
    framing.emplace_back("Transfer-Encoding", "chunked");
  } else if (!response.stream && !HasNoBody(response.status)) {
    framing.emplace_back("Content-Length", std::to_string(response.Body().size()));
  }
  if (!keep_alive) framing.emplace_back("Connection", "close");
  return SerializeHead(response, framing);
}

constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace

Status BodyShare::Hold(std::size_t bytes) {
  const auto wanted = bytes > kSmallBody ? bytes : 0;
  if (wanted > held_ && all_ - held_ + wanted > most_) {
    return Error{
        ErrorCode::kExhausted, "too many large requests at once; send it again in a moment", {}};
  }
  all_ = all_ - held_ + wanted;
  held_ = wanted;
  return {};
}

asio::awaitable<void> HttpConnection::Run() {
  waits_since_ = shared_.clock.Steady();
  SetDeadline(shared_.options.limits.header);
  const auto handshake = co_await io_->Handshake();
  if (handshake) {
    // A stream may be there for hours, and thousands of them: nothing else is kept meanwhile.
    auto streamed = co_await ServeRequests();
    if (streamed) co_await SendStream(*streamed);
  }
  deadline_.reset();
  Close(ErrorCode::kCanceled);
}

void HttpConnection::Drain() {
  if (idle_) Close(ErrorCode::kCanceled);
  if (stream_) stream_->End();
}

void HttpConnection::Close(ErrorCode why) {
  waits_since_.reset();
  if (stream_) stream_->Close();
  io_->Close(why);
}

asio::awaitable<Result<bool>> HttpConnection::ReadMore() {
  PROV_CO_TRY(const auto got, co_await io_->ReadSome(shared_.chunk));
  buffer_.append(shared_.chunk.data(), got);
  co_return got > 0;
}

asio::awaitable<Result<WireHead>> HttpConnection::ReadHead(WireParser& parser) {
  const auto& limits = shared_.options.limits;
  idle_ = buffer_.empty();
  waits_since_ = shared_.clock.Steady();
  SetDeadline(idle_ ? limits.idle : limits.header);
  while (true) {
    while (buffer_.starts_with("\r\n")) buffer_.erase(0, 2);  // RFC 9112, 2.2
    PROV_CO_TRY(const auto size, WireParser::FindHead(buffer_, limits.header_bytes));
    if (size > 0) {
      auto head = parser.ParseHead(std::string_view(buffer_).substr(0, size));
      buffer_.erase(0, size);
      co_return head;
    }
    PROV_CO_TRY(const bool more, co_await ReadMore());
    if (!more) co_return Error{ErrorCode::kUnavailable, "the client has closed"};
    if (std::exchange(idle_, false)) SetDeadline(limits.header);
  }
}

asio::awaitable<Status> HttpConnection::ReadBody(WireParser& parser, Request& request,
                                                 BodyShare& share) {
  const auto& options = shared_.options;
  const auto limit = options.body_limit ? options.body_limit(request) : options.limits.body_bytes;
  PROV_CO_CHECK(parser.SetBodyLimit(limit));
  SetDeadline(options.limits.body);
  PROV_CO_CHECK(parser.FeedBody(buffer_, request.body));
  const auto expect = request.headers.Find("Expect");
  if (!parser.done() && expect && EqualsIgnoringCase(*expect, "100-continue")) {
    PROV_CO_CHECK(co_await io_->WriteAll("HTTP/1.1 100 Continue\r\n\r\n"));
  }
  while (!parser.done()) {
    PROV_CO_TRY(const bool more, co_await ReadMore());
    if (!more) co_return Error{ErrorCode::kUnavailable, "the client closed within the body"};
    PROV_CO_CHECK(parser.FeedBody(buffer_, request.body));
    PROV_CO_CHECK(share.Hold(request.body.size()));
  }
  co_return Status{};
}

asio::awaitable<std::optional<HttpConnection::Exchange>> HttpConnection::ServeRequests() {
  while (!shared_.draining) {
    Exchange exchange;
    if (!co_await Respond(exchange)) break;
    exchange.keep_alive = exchange.keep_alive && !shared_.draining && !exchange.response.stream;
    const auto answered = co_await Answer(exchange);
    if (answered == Answered::kToBeStreamed) co_return exchange;
    if (answered == Answered::kFailed || !exchange.keep_alive) break;
  }
  co_return std::nullopt;
}

asio::awaitable<bool> HttpConnection::Respond(Exchange& exchange) {
  WireParser parser(WireParser::Kind::kRequest);
  BodyShare share(shared_);
  auto read = co_await ReadHead(parser);
  idle_ = false;
  waits_since_.reset();
  began_ = shared_.clock.Steady();
  if (!read) {
    co_await Refuse(read.error(), {});
    co_return false;
  }
  auto& head = exchange.head = std::move(*read);
  exchange.keep_alive = !WantsClose(head);
  Request request{.method = head.method, .headers = std::exchange(head.headers, {}), .peer = peer_};
  request.tls = shared_.options.tls.has_value();
  request.peer_closed = [self = shared_from_this()]() { return self->io_->WaitClosed(); };
  auto good = SetTarget(request, head.target);
  if (good && !parser.done()) good = co_await ReadBody(parser, request, share);
  if (!good) {
    co_await Refuse(good.error(), std::move(head));
    co_return false;
  }
  if (buffer_.empty()) buffer_.shrink_to_fit();
  deadline_.reset();  // a handler may take its time: a long poll does
  exchange.response = co_await Handle(std::move(request));
  co_return true;
}

asio::awaitable<Response> HttpConnection::Handle(Request request) {
  std::string failure;
  try {
    co_return co_await shared_.options.handler(std::move(request));
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted) throw;
    failure = error.what();
  } catch (const std::exception& error) {
    failure = error.what();
  }
  if (shared_.options.on_failure) shared_.options.on_failure(failure);
  co_return MakeProblem(ToProblem(Error{ErrorCode::kInternal, failure}));
}

asio::awaitable<Status> HttpConnection::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    SetDeadline(shared_.options.limits.write);
    PROV_CO_CHECK(co_await io_->WriteAll(bytes.substr(0, kWriteBytes)));
    bytes.remove_prefix(std::min(bytes.size(), kWriteBytes));
  }
  deadline_.reset();
  co_return Status{};
}

// In one piece, where the body is small.
asio::awaitable<Status> HttpConnection::Write(std::string head, std::string_view body) {
  const bool apart = body.size() > kReadBytes;
  if (!apart) head += body;
  PROV_CO_CHECK(co_await Write(head));
  if (apart) PROV_CO_CHECK(co_await Write(body));
  co_return Status{};
}

asio::awaitable<HttpConnection::Answered> HttpConnection::Answer(Exchange& exchange) {
  auto& [head, keep_alive, response] = exchange;
  const bool with_body = head.method != "HEAD" && !HasNoBody(response.status);
  const bool streamed = with_body && response.stream;
  const auto body = with_body && !streamed ? response.Body() : std::string_view();
  const auto written =
      co_await Write(HeadOf(response, streamed && head.version == 11, keep_alive), body);
  response.headers = {};
  if (written && streamed) co_return Answered::kToBeStreamed;
  Log(exchange, body.size());
  if (!written) co_return Answered::kFailed;
  if (!keep_alive) co_await Linger();
  co_return Answered::kWhole;
}

// What the stream is given, until it ends or is closed; then its end, if it had one.
asio::awaitable<void> HttpConnection::SendStream(Exchange& exchange) {
  const bool chunked = exchange.head.version == 11;
  const auto stream =
      std::make_shared<BodyStream>(executor_, shared_.options.limits.stream_buffer, chunked,
                                   [this](std::string_view bytes) { return io_->TryWrite(bytes); });
  stream_ = stream;
  const auto producer =
      shared_.tasks.Spawn(Produce(shared_from_this(), std::move(exchange.response.stream), stream));
  if (producer == 0) stream->Close();
  io_->OnClosed([self = shared_from_this(), stream] { stream->Close(); });
  while (true) {
    const auto bytes = co_await stream->Take();
    if (bytes.empty()) break;
    if (!co_await Write(bytes)) stream->Close();
  }
  if (chunked && !stream->closed() && !co_await Write(kLastChunk)) stream->Close();
  const bool whole = !stream->closed();
  stream->Close();
  shared_.tasks.Cancel(producer);
  stream_.reset();
  if (!whole) io_->Close(ErrorCode::kCanceled);
  Log(exchange, stream->taken());
  if (whole) co_await Linger();
}

asio::awaitable<void> HttpConnection::Produce(std::shared_ptr<HttpConnection> connection,
                                              StreamBody body, std::shared_ptr<BodyStream> stream) {
  try {
    co_await body(stream);
    stream->End();
  } catch (const std::exception& error) {
    // Without the last chunk, so that the client sees that the body is cut.
    const bool canceled = stream->closed();
    stream->Close();
    const auto& hook = connection->shared_.options.on_failure;
    if (!canceled && hook) hook(error.what());
  }
}

asio::awaitable<void> HttpConnection::Refuse(const Error& error, WireHead head) {
  // Only a client that broke a rule is answered; one that left, or stalled, is not.
  Exchange exchange{.head = std::move(head)};
  auto& response = exchange.response;
  if (error.code == ErrorCode::kInvalidArgument) {
    response = MakeProblem(400, "bad_request", error.message);
  } else if (error.code == ErrorCode::kTooLarge && exchange.head.method.empty()) {
    response = MakeProblem(431, "header_too_large", error.message);
  } else if (error.code == ErrorCode::kTooLarge) {
    response = MakeProblem(413, "too_large", error.message);
  } else if (error.code == ErrorCode::kExhausted) {
    response = MakeProblem(503, "busy", error.message);
    response.headers.Set("Retry-After", "5");
  } else {
    co_return;
  }
  co_await Answer(exchange);
}

// Closing with unread bytes would reset the connection and lose the answer on its way.
asio::awaitable<void> HttpConnection::Linger() {
  constexpr std::size_t kMost = 256 * 1024;
  io_->ShutdownWrite();
  SetDeadline(Millis{2'000});
  std::array<char, kReadBytes> chunk;
  std::size_t drained = 0;
  while (drained < kMost) {
    const auto got = co_await io_->ReadSome(chunk);
    if (!got || *got == 0) break;
    drained += *got;
  }
}

void HttpConnection::Log(const Exchange& exchange, std::size_t bytes) {
  if (!shared_.options.access_log) return;
  const auto& [head, keep_alive, response] = exchange;
  const auto took = std::chrono::duration_cast<Millis>(shared_.clock.Steady() - began_);
  shared_.options.access_log({head.method, head.target, response.route, response.status, bytes,
                              took, response.client.empty() ? peer_ : response.client});
}

}  // namespace prov::net
