// The HTTP/1.1 server: connections, limits, deadlines, TLS, draining. What to answer is the
// handler's.
//
// Single-threaded: one thread runs the executor, and every call is made on it. The server must be
// drained (Drain) before it is destroyed, or its io_context never run again.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/clock.hpp"
#include "base/files.hpp"
#include "net/http_message.hpp"

namespace prov::net {

struct ServerLimits {
  std::size_t header_bytes = 16 * 1024;  // 431
  std::size_t body_bytes = 1 << 20;      // 413, where body_limit says nothing else
  // Of all requests together, small ones not counted; beyond: 503.
  std::size_t bodies = std::size_t{256} << 20;
  // Beyond, the one goes that has been waiting longest for its peer's next request; where all are
  // at work, the new one: 503.
  std::size_t connections = 20'000;
  std::size_t stream_buffer = 1 << 20;  // bytes a slow reader may owe before it is dropped
  Millis header{10'000};                // from a request's first byte, and for the TLS handshake
  Millis body{30'000};                  // for the whole body
  Millis idle{75'000};                  // between requests
  Millis write{30'000};                 // for each 256 KiB of an answer
  Millis drain{10'000};                 // what runs when the drain begins
  Millis scan{1'000};                   // how often deadlines are looked at (by the system's timer)
};

struct AccessEntry {
  std::string method;
  std::string target;
  std::string route;  // the pattern; "" when none matched
  int status = 0;
  std::size_t bytes = 0;  // of the body
  Millis duration{0};
  std::string peer;
};

struct TlsFiles {
  Path certificate;
  Path key;
};

struct ServerOptions {
  std::string address = "127.0.0.1";  // an IP address
  std::uint16_t port = 0;             // 0: any free one
  std::optional<TlsFiles> tls;
  ServerLimits limits;
  Handler handler;
  // The body's limit, asked when the header is known.
  std::function<std::size_t(const Request&)> body_limit;
  std::function<void(const AccessEntry&)> access_log;
  // A handler or stream ended with an exception: a bug. The client got a 500.
  std::function<void(std::string_view what)> on_failure;
};

class HttpServer {
 public:
  // Listens at once and accepts with the executor's next turn. kConflict when the port is in use.
  static Result<std::unique_ptr<HttpServer>> Listen(boost::asio::any_io_executor executor,
                                                    const Clock& clock, ServerOptions options);
  ~HttpServer();
  std::uint16_t port() const;
  std::size_t connections() const;
  // Connections from now on use these files. Where they cannot be used (kInvalidArgument) or the
  // server has no TLS (kConflict), everything stays as it was.
  Status UseCertificate(const TlsFiles& files);
  // Accepts no more, lets requests end (for limits.drain at most), ends streams, closes the rest.
  boost::asio::awaitable<void> Drain();

 private:
  struct Impl;
  explicit HttpServer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace prov::net
