// A byte stream to one peer: TCP, or TLS over it. Everything HTTP is written against this.
//
// Single-threaded: used on the thread that runs its executor. At most one ReadSome and one WriteAll
// run at a time, and no TryWrite beside it; WaitClosed may run beside them. The object outlives its
// operations.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/clock.hpp"
#include "base/files.hpp"
#include "base/result.hpp"

namespace prov::net {

class Io {
 public:
  virtual ~Io() = default;
  // At least one byte, or 0 when the peer has ended the stream.
  virtual boost::asio::awaitable<Result<std::size_t>> ReadSome(std::span<char> into) = 0;
  virtual boost::asio::awaitable<Status> WriteAll(std::string_view bytes) = 0;
  // Writes as much as the peer takes without waiting; returns how many bytes. What is left goes to
  // WriteAll next, which says why if it cannot.
  virtual std::size_t TryWrite(std::string_view bytes) = 0;
  // Ends when the peer has closed (or half-closed), the connection broke, or Close() was called.
  virtual boost::asio::awaitable<void> WaitClosed() = 0;
  // The same for hours and thousands of connections, without a coroutine for each: then, and never
  // within this call, `then` is called once. It keeps this alive.
  virtual void OnClosed(std::function<void()> then) = 0;
  // True when the peer has (half-)closed, as far as is known now.
  virtual bool PeerClosed() = 0;
  // TLS's handshake; nothing for TCP.
  virtual boost::asio::awaitable<Status> Handshake() = 0;
  // Says that nothing more will be written; reading goes on.
  virtual void ShutdownWrite() = 0;
  // What is waited for ends with an error of code `why`, now and from now on.
  virtual void Close(ErrorCode why) = 0;
};

// The TLS settings of a server or a client; shared by its connections. TLS 1.2 or newer.
class TlsContext {
 public:
  // PEM files; the certificate file holds the chain. The error names the file that is wrong.
  static Result<std::shared_ptr<TlsContext>> ForServer(const Path& certificate, const Path& key);
  // Verifies against the CA certificates in `ca_file`, always. With `certificate` and `key`, it
  // shows them to a server that asks who it is.
  static Result<std::shared_ptr<TlsContext>> ForClient(const Path& ca_file,
                                                       const Path& certificate = {},
                                                       const Path& key = {});
  ~TlsContext();
  struct Native;
  Native& native() { return *native_; }

 private:
  explicit TlsContext(std::unique_ptr<Native> native);
  std::unique_ptr<Native> native_;
};

std::unique_ptr<Io> MakeTcpIo(boost::asio::ip::tcp::socket socket);
std::unique_ptr<Io> MakeTlsServerIo(boost::asio::ip::tcp::socket socket,
                                    std::shared_ptr<TlsContext> context);
// `host` (a name or an IP address) must be in the certificate.
Result<std::unique_ptr<Io>> MakeTlsClientIo(boost::asio::ip::tcp::socket socket,
                                            std::shared_ptr<TlsContext> context,
                                            const std::string& host);

// A write to a connection that the peer closed must be an error, not the end of the process. Called
// by the server and the client; children that are exec'ed must reset it.
void IgnoreSigpipe();

}  // namespace prov::net
