// The HTTP/1.1 client: one origin, connections kept alive, TLS always verified.
//
// Single-threaded, like the server. Requests may overlap: each takes an idle connection or opens
// one. Plain http is refused beyond loopback. The client outlives its requests and streams.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/clock.hpp"
#include "base/files.hpp"
#include "net/http_message.hpp"
#include "net/io.hpp"
#include "net/url.hpp"

namespace prov::net {

struct ClientOptions {
  std::string origin;  // "https://panel.example:5000"; a path is not taken
  Path ca_file = "/etc/ssl/certs/ca-certificates.crt";
  Millis connect{10'000};         // name, TCP and TLS together
  Millis answer{60'000};          // from the connected request to the last byte of its answer
  Millis stream_silence{60'000};  // between two pieces of a streamed answer
  Millis keep{60'000};            // a connection without a request; looked at with the next one
  std::size_t header_bytes = 64 * 1024;
  std::size_t body_bytes = 16 << 20;
};

struct ClientRequest {
  std::string method = "GET";
  std::string target = "/";
  Headers headers;  // Host and the body's length are added
  std::string body;
};

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
};

// An answer read piece by piece: SSE, logs. Close by destroying it.
class ClientStream {
 public:
  ~ClientStream();
  int status() const;
  const Headers& headers() const;
  // The next bytes, "" at the end; kTimeout after stream_silence.
  boost::asio::awaitable<Result<std::string>> Read();

 private:
  friend class HttpClient;
  struct State;
  explicit ClientStream(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class HttpClient {
 public:
  // kInvalidArgument for an origin that is no URL or plain http beyond loopback.
  static Result<std::unique_ptr<HttpClient>> Create(boost::asio::any_io_executor executor,
                                                    ClientOptions options);
  ~HttpClient();
  // Any status is a response; errors are kUnavailable (refused, DNS, broken), kPermissionDenied
  // (the certificate), kTimeout, kTooLarge, kCorrupt (not HTTP). A request on a kept connection
  // that the server had closed before any byte of an answer is tried again on a new one, if its
  // method is safe or idempotent.
  boost::asio::awaitable<Result<ClientResponse>> Send(ClientRequest request);
  boost::asio::awaitable<Result<std::unique_ptr<ClientStream>>> Open(ClientRequest request);

 private:
  struct Impl;
  explicit HttpClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace prov::net
