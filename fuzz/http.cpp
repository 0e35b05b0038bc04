// A connection's bytes as the server reads them (src/net/http_connection.hpp): the same requests
// however the bytes were cut, each of which means the same when it is written again, and one answer
// for each.
#include <array>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "fuzz/fuzz.hpp"
#include "net/http_connection.hpp"
#include "net/router.hpp"
#include "net/wire_parser.hpp"

namespace prov::fuzz {
namespace {

namespace asio = boost::asio;
using namespace net;

constexpr ServerLimits kSmall{.header_bytes = 1024, .body_bytes = 1024};
constexpr ServerLimits kLarge{.header_bytes = 64 * 1024, .body_bytes = 64 * 1024};

// A peer that sends what it was given, `piece` bytes at a time, and ends.
class Peer final : public Io {
 public:
  Peer(std::string_view sends, std::size_t piece, std::string& got, std::size_t& unread)
      : sends_(sends), piece_(piece), got_(got), unread_(unread) {}
  asio::awaitable<Result<std::size_t>> ReadSome(std::span<char> into) override {
    if (closed_) co_return Error{ErrorCode::kCanceled, "closed", {}};
    const auto bytes = sends_.substr(0, std::min(piece_, into.size()));
    std::ranges::copy(bytes, into.begin());
    sends_.remove_prefix(bytes.size());
    unread_ = sends_.size();
    co_return bytes.size();
  }
  asio::awaitable<Status> WriteAll(std::string_view bytes) override {
    got_ += bytes;
    co_return Status{};
  }
  std::size_t TryWrite(std::string_view bytes) override {
    got_ += bytes;
    return bytes.size();
  }
  asio::awaitable<void> WaitClosed() override { co_return; }
  void OnClosed(std::function<void()>) override {}  // nothing is streamed
  bool PeerClosed() override { return sends_.empty(); }
  asio::awaitable<Status> Handshake() override { co_return Status{}; }
  void ShutdownWrite() override {}
  void Close(ErrorCode) override { closed_ = true; }

 private:
  std::string_view sends_;
  std::size_t piece_;
  std::string& got_;
  std::size_t& unread_;
  bool closed_ = false;
};

struct Served {
  std::vector<Request> requests;
  std::string answers;
};

Served Serve(std::string_view bytes, std::size_t piece, const ServerLimits& limits) {
  Served served;
  asio::io_context io;
  TaskGroup tasks(io.get_executor());
  const FakeClock clock;
  const bool draining = false;
  static std::array<char, kReadBytes> chunk;
  std::size_t bodies = 0;
  std::size_t unread = bytes.size();
  ServerOptions options{.limits = limits};
  options.handler = [&](Request request) -> asio::awaitable<Response> {
    request.peer_closed = {};
    served.requests.push_back(std::move(request));
    co_return Response{.body = "done"};
  };
  const auto connection = std::make_shared<HttpConnection>(
      ServerShared{clock, options, tasks, draining, bodies, chunk},
      std::make_unique<Peer>(bytes, piece, served.answers, unread), "192.0.2.1", io.get_executor());
  std::exception_ptr failure;
  bool ended = false;
  asio::co_spawn(io, connection->Run(), [&](std::exception_ptr thrown) {
    failure = thrown;
    ended = true;
  });
  io.run();
  if (failure) std::rethrow_exception(failure);
  Require(ended, "a connection whose peer has ended, ends");
  Require(bodies == 0, "no body is held once the connection has ended");
  Require(unread == 0 || !served.answers.empty(), "what was sent is read, or refused");
  return served;
}

bool Same(const Request& a, const Request& b) {
  return a.method == b.method && a.target == b.target && a.path == b.path && a.query == b.query &&
         a.headers == b.headers && a.body == b.body;
}

void RequireSame(const Served& whole, const Served& cut) {
  Require(whole.requests.size() == cut.requests.size(), "a cut makes or hides no request");
  for (std::size_t i = 0; i < whole.requests.size(); ++i)
    Require(Same(whole.requests[i], cut.requests[i]), "a cut changes no request");
}

std::string Write(const Request& request) {
  std::string bytes = request.method + " " + request.target + " HTTP/1.1\r\n";
  for (const auto& [name, value] : request.headers.all()) {
    if (EqualsIgnoringCase(name, "Transfer-Encoding") || EqualsIgnoringCase(name, "Content-Length"))
      continue;
    bytes += name + ": " + value + "\r\n";
  }
  return bytes + "Content-Length: " + std::to_string(request.body.size()) + "\r\n\r\n" +
         request.body;
}

// Its headers with one body length, so that a proxy and this server cannot take it for two.
void CheckRequest(const Request& request) {
  const auto again = Serve(Write(request), 7, kLarge).requests;
  Require(again.size() == 1, "a request that is written again is one request");
  auto wanted = request.headers.all();
  auto found = again[0].headers.all();
  const auto framing = [](const auto& header) {
    return EqualsIgnoringCase(header.first, "Transfer-Encoding") ||
           EqualsIgnoringCase(header.first, "Content-Length");
  };
  std::erase_if(wanted, framing);
  std::erase_if(found, framing);
  Require(wanted == found, "its headers are the same");
  Require(again[0].method == request.method && again[0].target == request.target &&
              again[0].query == request.query && again[0].body == request.body,
          "it is the same request");
}

void CheckRoute(const Request& request) {
  static const Router* const router = [] {
    auto* made = new Router;  // lives as long as the program
    for (const char* pattern :
         {"/api/jobs", "/api/jobs/{id}", "/api/jobs/{id}/log", "/{rest...}"}) {
      made->Add({"GET", pattern, "read", {}, [](Request) -> asio::awaitable<Response> {
                   co_return Response{};
                 }});
    }
    return made;
  }();
  const auto match = router->Find("GET", request.raw_path);
  Require(match.route != nullptr, "the rest takes every path");
  if (match.parameters.contains("id"))
    Require(!match.parameters.at("id").empty(), "an id is not empty");
}

// The statuses of the answers, and of 100 (Continue) nothing.
std::vector<int> Answers(const Served& served) {
  std::vector<int> statuses;
  std::string rest = served.answers;
  while (!rest.empty()) {
    const auto size = WireParser::FindHead(rest, 64 * 1024);
    Require(size && *size > 0, "an answer has a whole head");
    const auto i = statuses.size();
    const bool head = i < served.requests.size() && served.requests[i].method == "HEAD";
    WireParser parser(head ? WireParser::Kind::kResponseToHead : WireParser::Kind::kResponse);
    const auto answer = parser.ParseHead(std::string_view(rest).substr(0, *size));
    Require(answer.has_value(), "an answer is HTTP");
    rest.erase(0, *size);
    if (answer->status == 100) continue;
    statuses.push_back(answer->status);
    std::string body;
    if (!head) Require(parser.FeedBody(rest, body).has_value(), "an answer's body is whole");
  }
  return statuses;
}

void CheckAnswers(const Served& served) {
  const auto statuses = Answers(served);
  const auto handled = served.requests.size();
  Require(statuses.size() == handled || statuses.size() == handled + 1,
          "each request is answered once");
  for (std::size_t i = 0; i < statuses.size(); ++i) {
    const bool refused = statuses[i] == 400 || statuses[i] == 413 || statuses[i] == 431;
    Require(i < handled ? statuses[i] == 200 : refused,
            "what is refused is refused as it should be");
  }
}

}  // namespace

void FuzzHttp(std::string_view bytes) {
  const auto whole = Serve(bytes, bytes.size(), kSmall);
  for (const std::size_t piece : {1, 3, 16}) RequireSame(whole, Serve(bytes, piece, kSmall));
  CheckAnswers(whole);
  for (const auto& request : whole.requests) {
    CheckRequest(request);
    CheckRoute(request);
    const auto connection = request.headers.Find("Connection");
    if (connection && EqualsIgnoringCase(*connection, "close"))
      Require(&request == &whole.requests.back(),
              "nothing follows the end that a client asked for");
  }
}

}  // namespace prov::fuzz
