#include "net/http_client.hpp"

#include "net/alarm.hpp"
#include "net/dial.hpp"
#include "net/wire_parser.hpp"

namespace prov::net {

namespace asio = boost::asio;

namespace {

bool IsIdempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" ||
         method == "OPTIONS";
}

// A parser has one message, an Io many.
struct Exchange {
  explicit Exchange(WireParser::Kind kind) : parser(kind) {}
  WireParser parser;
  WireHead head;
  std::string buffer;
  bool answered = false;  // a byte of the answer has come
};

asio::awaitable<Result<bool>> ReadMore(Io& io, std::string& buffer) {
  std::array<char, 16 * 1024> chunk;
  PROV_CO_TRY(const auto got, co_await io.ReadSome(chunk));
  buffer.append(chunk.data(), got);
  co_return got > 0;
}

Error NotHttp(Error error) {
  if (error.code == ErrorCode::kInvalidArgument) error.code = ErrorCode::kCorrupt;
  return std::move(error).While("reading the server's answer");
}

asio::awaitable<Status> ReadHead(Io& io, Exchange& exchange, std::size_t limit, bool to_head) {
  while (true) {
    auto size = WireParser::FindHead(exchange.buffer, limit);
    if (!size) co_return NotHttp(size.error());
    if (*size > 0) {
      auto head = exchange.parser.ParseHead(std::string_view(exchange.buffer).substr(0, *size));
      if (!head) co_return NotHttp(head.error());
      exchange.buffer.erase(0, *size);
      exchange.head = std::move(*head);
      if (exchange.head.status >= 200) co_return Status{};
      // 1xx announces another head.
      exchange.parser =
          WireParser(to_head ? WireParser::Kind::kResponseToHead : WireParser::Kind::kResponse);
      continue;
    }
    PROV_CO_TRY(const bool more, co_await ReadMore(io, exchange.buffer));
    if (!more) co_return Error{ErrorCode::kUnavailable, "the server closed without an answer"};
    exchange.answered = true;
  }
}

// The next piece of the body, "" at its end.
asio::awaitable<Result<std::string>> ReadPiece(Io& io, Exchange& exchange) {
  std::string piece;
  auto fed = exchange.parser.FeedBody(exchange.buffer, piece);
  while (fed && piece.empty() && !exchange.parser.done()) {
    PROV_CO_TRY(const bool more, co_await ReadMore(io, exchange.buffer));
    if (!more) {
      PROV_CO_CHECK(exchange.parser.FeedEnd());
      break;
    }
    fed = exchange.parser.FeedBody(exchange.buffer, piece);
  }
  if (!fed) co_return NotHttp(fed.error());
  co_return piece;
}

}  // namespace

struct HttpClient::Impl {
  Impl(asio::any_io_executor run_on, ClientOptions with)
      : executor(run_on), options(std::move(with)) {}

  Error Named(Error error) const {
    return std::move(error).While((url.tls ? "https://" : "http://") + url.Authority());
  }

  asio::awaitable<Result<std::unique_ptr<Io>>> Connect() {
    return Dial(executor,
                {.host = url.host, .port = url.port, .tls = tls, .within = options.connect});
  }

  std::string Serialize(const ClientRequest& request) const {
    std::string bytes =
        request.method + " " + request.target + " HTTP/1.1\r\nHost: " + url.Authority() + "\r\n";
    for (const auto& [name, value] : request.headers.all()) bytes += name + ": " + value + "\r\n";
    if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
      bytes += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
    }
    return bytes + "\r\n" + request.body;
  }

  static Status Check(const ClientRequest& request) {
    constexpr std::string_view kSplitting("\r\n\0", 3);
    bool good = request.target.starts_with('/') &&
                request.target.find_first_of(" \r\n") == std::string::npos &&
                request.method.find_first_of(" \r\n") == std::string::npos;
    for (const auto& [name, value] : request.headers.all()) {
      good &= name.find_first_of(kSplitting) == std::string::npos;
      good &= value.find_first_of(kSplitting) == std::string::npos;
    }
    if (good) return {};
    return Error{ErrorCode::kInvalidArgument, "a target or header with a line break or space"};
  }

  // Sends and reads the head, on a kept connection or a new one.
  asio::awaitable<Status> Begin(const ClientRequest& request, std::unique_ptr<Io>& io,
                                std::unique_ptr<Exchange>& exchange) {
    PROV_CO_CHECK(Check(request));
    const bool to_head = request.method == "HEAD";
    while (true) {
      const auto since = std::chrono::steady_clock::now() - options.keep;
      std::erase_if(idle, [&](const auto& waiting) {
        return waiting.since < since || waiting.io->PeerClosed();
      });
      const bool kept = !idle.empty();
      if (kept) {
        io = std::move(idle.back().io);
        idle.pop_back();
      } else {
        PROV_CO_TRY(io, co_await Connect());
      }
      exchange = std::make_unique<Exchange>(to_head ? WireParser::Kind::kResponseToHead
                                                    : WireParser::Kind::kResponse);
      const Alarm alarm(executor, options.answer, [&] { io->Close(ErrorCode::kTimeout); });
      auto done = co_await io->WriteAll(Serialize(request));
      if (done) done = co_await ReadHead(*io, *exchange, options.header_bytes, to_head);
      if (done) co_return Status{};
      const bool stale = kept && !exchange->answered &&
                         done.error().code == ErrorCode::kUnavailable &&
                         IsIdempotent(request.method);
      if (!stale) co_return std::move(done).error();
    }
  }

  void Keep(std::unique_ptr<Io> io, const Exchange& exchange) {
    const auto connection = exchange.head.headers.Find("Connection");
    const bool close = connection && EqualsIgnoringCase(*connection, "close");
    if (close || exchange.head.version == 10 || !exchange.buffer.empty() ||
        exchange.parser.until_end() || idle.size() >= 4) {
      return;
    }
    idle.push_back({std::move(io), std::chrono::steady_clock::now()});
  }

  asio::awaitable<Result<ClientResponse>> Send(ClientRequest request) {
    std::unique_ptr<Io> io;
    std::unique_ptr<Exchange> exchange;
    PROV_CO_CHECK(co_await Begin(request, io, exchange));
    PROV_CO_CHECK(exchange->parser.SetBodyLimit(options.body_bytes));
    const Alarm alarm(executor, options.answer, [&] { io->Close(ErrorCode::kTimeout); });
    ClientResponse response{exchange->head.status, exchange->head.headers, {}};
    while (true) {
      PROV_CO_TRY(const auto piece, co_await ReadPiece(*io, *exchange));
      if (piece.empty()) break;
      response.body += piece;
    }
    Keep(std::move(io), *exchange);
    co_return response;
  }

  asio::any_io_executor executor;
  ClientOptions options;
  Url url;
  std::shared_ptr<TlsContext> tls;
  struct Idle {
    std::unique_ptr<Io> io;
    std::chrono::steady_clock::time_point since;
  };
  std::vector<Idle> idle;  // the one used last is used first
};

struct ClientStream::State {
  asio::any_io_executor executor;
  Millis silence;
  std::unique_ptr<Io> io;
  std::unique_ptr<Exchange> exchange;
};

ClientStream::ClientStream(std::unique_ptr<State> state) : state_(std::move(state)) {}
ClientStream::~ClientStream() = default;
int ClientStream::status() const { return state_->exchange->head.status; }
const Headers& ClientStream::headers() const { return state_->exchange->head.headers; }

asio::awaitable<Result<std::string>> ClientStream::Read() {
  const Alarm alarm(state_->executor, state_->silence,
                    [io = state_->io.get()] { io->Close(ErrorCode::kTimeout); });
  co_return co_await ReadPiece(*state_->io, *state_->exchange);
}

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::~HttpClient() = default;

Result<std::unique_ptr<HttpClient>> HttpClient::Create(asio::any_io_executor executor,
                                                       ClientOptions options) {
  IgnoreSigpipe();
  auto impl = std::make_unique<Impl>(executor, std::move(options));
  PROV_TRY(impl->url, ParseUrl(impl->options.origin));
  if (impl->url.target != "/") {
    return Error{ErrorCode::kInvalidArgument,
                 "\"" + impl->options.origin + "\" must end after the host and port"};
  }
  if (!impl->url.tls && !IsLoopbackHost(impl->url.host)) {
    return Error{ErrorCode::kInvalidArgument,
                 "\"" + impl->options.origin +
                     "\" is plain http to another machine, where anybody on the way could read "
                     "it; use https"};
  }
  if (impl->url.tls) {
    PROV_TRY(impl->tls, TlsContext::ForClient(impl->options.ca_file));
  }
  return std::unique_ptr<HttpClient>(new HttpClient(std::move(impl)));
}

asio::awaitable<Result<ClientResponse>> HttpClient::Send(ClientRequest request) {
  auto response = co_await impl_->Send(std::move(request));
  if (!response) co_return impl_->Named(std::move(response).error());
  co_return response;
}

asio::awaitable<Result<std::unique_ptr<ClientStream>>> HttpClient::Open(ClientRequest request) {
  auto state = std::make_unique<ClientStream::State>();
  state->executor = impl_->executor;
  state->silence = impl_->options.stream_silence;
  const auto begun = co_await impl_->Begin(request, state->io, state->exchange);
  if (!begun) co_return impl_->Named(begun.error());
  co_return std::unique_ptr<ClientStream>(new ClientStream(std::move(state)));
}

}  // namespace prov::net
