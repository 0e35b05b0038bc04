// One connection of the server. For this module only.
#pragma once

#include <memory>
#include <string>

#include "net/event.hpp"
#include "net/http_server.hpp"
#include "net/io.hpp"
#include "net/task_group.hpp"
#include "net/wire_parser.hpp"

namespace prov::net {

// What the connections of a server share; outlives them.
struct ServerShared {
  const Clock& clock;
  const ServerOptions& options;
  TaskGroup& tasks;
  const bool& draining;
  std::size_t& bodies;  // bytes of bodies that are held; BodyShare
  // What any of them reads into. Used up before another one runs: from the end of Io::ReadSome to
  // the coroutine that awaits it there is no turn of the loop.
  std::span<char> chunk;
};

inline constexpr std::size_t kReadBytes = 16 * 1024;

// What one request's body takes of ServerLimits::bodies, as long as it is there.
class BodyShare {
 public:
  explicit BodyShare(const ServerShared& shared)
      : all_(shared.bodies), most_(shared.options.limits.bodies) {}
  BodyShare(const BodyShare&) = delete;
  ~BodyShare() { all_ -= held_; }

  // kExhausted where there is no room for so many bytes.
  Status Hold(std::size_t bytes);

 private:
  std::size_t& all_;
  std::size_t most_;
  std::size_t held_ = 0;
};

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(ServerShared shared, std::unique_ptr<Io> io, std::string peer,
                 boost::asio::any_io_executor executor)
      : shared_(shared), io_(std::move(io)), peer_(std::move(peer)), executor_(executor) {}

  // Serves until the connection ends.
  boost::asio::awaitable<void> Run();
  bool IsLate(SteadyTime now) const { return deadline_ && now >= *deadline_; }
  // Closes it if it waits for a request; ends its stream.
  void Drain();
  void Close(ErrorCode why);
  // Since when it waits for its peer to say what it wants, while it does.
  std::optional<SteadyTime> waits_since() const { return waits_since_; }

 private:
  // One request's way.
  struct Exchange {
    WireHead head;  // without its headers, which the request has
    bool keep_alive = false;
    Response response;
  };

  // Serves one request after another, until an answer is a stream, of which the head is written, or
  // the connection is to end.
  boost::asio::awaitable<std::optional<Exchange>> ServeRequests();
  // Reads a request and handles it; false where there is none to be answered any more.
  boost::asio::awaitable<bool> Respond(Exchange& exchange);
  boost::asio::awaitable<Result<WireHead>> ReadHead(WireParser& parser);
  boost::asio::awaitable<Status> ReadBody(WireParser& parser, Request& request, BodyShare& share);
  boost::asio::awaitable<Result<bool>> ReadMore();  // false: the peer has ended
  boost::asio::awaitable<Response> Handle(Request request);
  boost::asio::awaitable<Status> Write(std::string_view bytes);
  boost::asio::awaitable<Status> Write(std::string head, std::string_view body);
  enum class Answered { kWhole, kToBeStreamed, kFailed };
  // Takes the response's headers away.
  boost::asio::awaitable<Answered> Answer(Exchange& exchange);
  boost::asio::awaitable<void> SendStream(Exchange& exchange);
  static boost::asio::awaitable<void> Produce(std::shared_ptr<HttpConnection> connection,
                                              StreamBody body, std::shared_ptr<BodyStream> stream);
  boost::asio::awaitable<void> Refuse(const Error& error, WireHead head);
  boost::asio::awaitable<void> Linger();
  void Log(const Exchange& exchange, std::size_t bytes);
  void SetDeadline(Millis from_now) { deadline_ = shared_.clock.Steady() + from_now; }

  ServerShared shared_;
  std::unique_ptr<Io> io_;
  std::string peer_;
  boost::asio::any_io_executor executor_;
  std::string buffer_;
  std::optional<SteadyTime> deadline_;
  bool idle_ = false;
  std::optional<SteadyTime> waits_since_;
  SteadyTime began_;
  std::shared_ptr<BodyStream> stream_;
};

}  // namespace prov::net
