#include "net/http_server.hpp"

#include <algorithm>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/http_connection.hpp"
#include "net/url.hpp"

namespace prov::net {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace {

constexpr std::string_view kBusy =
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\n"
    "Connection: close\r\n\r\n";

Error ListenError(const ServerOptions& options, const boost::system::error_code& error) {
  const auto where = options.address + ":" + std::to_string(options.port);
  if (error == asio::error::address_in_use) {
    return {ErrorCode::kConflict, "port " + std::to_string(options.port) + " of " +
                                      options.address +
                                      " is in use; stop the program that listens there, or "
                                      "choose another port"};
  }
  if (error == asio::error::access_denied) {
    return {ErrorCode::kPermissionDenied,
            "may not listen on " + where + "; ports below 1024 need a privilege"};
  }
  return {ErrorCode::kIo, "cannot listen on " + where + ": " + error.message()};
}

}  // namespace

struct HttpServer::Impl : std::enable_shared_from_this<Impl> {
  Impl(asio::any_io_executor run_on, const Clock& time, ServerOptions with)
      : executor(run_on),
        clock(time),
        options(std::move(with)),
        acceptor(run_on),
        scan_timer(run_on),
        changed(run_on),
        tasks(run_on, [this](std::exception_ptr failure) { Failed(failure); }) {}

  void Failed(std::exception_ptr failure) {
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      if (options.on_failure) options.on_failure(error.what());
    } catch (...) {
      if (options.on_failure) options.on_failure("an unknown exception");
    }
  }

  Status Open() {
    boost::system::error_code error;
    const auto address = asio::ip::make_address(options.address, error);
    if (error) {
      return Error{ErrorCode::kInvalidArgument,
                   "\"" + options.address + "\" is not an IP address to listen on"};
    }
    const tcp::endpoint endpoint(address, options.port);
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) return ListenError(options, error);
    port = acceptor.local_endpoint().port();
    return {};
  }

  asio::awaitable<void> Accept() {
    while (!draining) {
      auto [error, socket] = co_await acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
      if (draining) co_return;
      if (error) {
        // Out of descriptors, most likely: those that end will bring some back.
        scan_timer_pause.expires_after(Millis{100});
        co_await scan_timer_pause.async_wait(asio::as_tuple(asio::use_awaitable));
        continue;
      }
      Admit(std::move(socket));
    }
  }

  // Whoever only holds connections open must not keep others out.
  bool MakeRoom() {
    const auto since = [](const auto& connection) {
      return connection->waits_since().value_or(SteadyTime::max());
    };
    const auto longest = std::ranges::min_element(connections, {}, since);
    if (longest == connections.end() || !(*longest)->waits_since()) return false;
    const auto leaves = *longest;
    leaves->Close(ErrorCode::kExhausted);
    return true;
  }

  void Admit(tcp::socket socket) {
    boost::system::error_code ignored;
    if (connections.size() >= options.limits.connections && !MakeRoom()) {
      socket.non_blocking(true, ignored);
      if (!tls) socket.send(asio::buffer(kBusy), 0, ignored);
      return;
    }
    const auto remote = socket.remote_endpoint(ignored);
    auto io = tls ? MakeTlsServerIo(std::move(socket), tls) : MakeTcpIo(std::move(socket));
    auto connection = std::make_shared<HttpConnection>(
        ServerShared{clock, options, tasks, draining, bodies, chunk}, std::move(io),
        CanonicalAddress(remote.address().to_string()), executor);
    connections.insert(connection);
    tasks.Spawn(Serve(shared_from_this(), connection));
  }

  static asio::awaitable<void> Serve(std::shared_ptr<Impl> self,
                                     std::shared_ptr<HttpConnection> connection) {
    std::exception_ptr failure;
    try {
      co_await connection->Run();
    } catch (...) {
      failure = std::current_exception();
    }
    connection->Close(ErrorCode::kCanceled);
    self->connections.erase(connection);
    self->changed.Notify();
    if (failure) std::rethrow_exception(failure);
  }

  asio::awaitable<void> Scan() {
    while (!stopped) {
      scan_timer.expires_after(options.limits.scan);
      co_await scan_timer.async_wait(asio::as_tuple(asio::use_awaitable));
      const auto now = clock.Steady();
      const bool drained = draining && now >= drain_deadline;
      // Apart, because closing may end a connection at once.
      std::vector<std::shared_ptr<HttpConnection>> late;
      for (const auto& connection : connections) {
        if (drained || connection->IsLate(now)) late.push_back(connection);
      }
      for (const auto& connection : late) connection->Close(ErrorCode::kTimeout);
      if (drained) tasks.CancelAll();
    }
  }

  asio::any_io_executor executor;
  const Clock& clock;
  ServerOptions options;
  tcp::acceptor acceptor;
  asio::steady_timer scan_timer;
  asio::steady_timer scan_timer_pause{executor};
  Event changed;
  std::shared_ptr<TlsContext> tls;
  std::uint16_t port = 0;
  bool draining = false;
  bool stopped = false;
  SteadyTime drain_deadline;
  std::set<std::shared_ptr<HttpConnection>> connections;
  std::array<char, kReadBytes> chunk;
  std::size_t bodies = 0;
  TaskGroup tasks;
};

HttpServer::HttpServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::Listen(asio::any_io_executor executor,
                                                       const Clock& clock, ServerOptions options) {
  IgnoreSigpipe();
  auto impl = std::make_shared<Impl>(executor, clock, std::move(options));
  if (impl->options.tls) {
    PROV_TRY(impl->tls,
             TlsContext::ForServer(impl->options.tls->certificate, impl->options.tls->key));
  }
  PROV_CHECK(impl->Open());
  // Captured arguments of the coroutines' frames keep the server's state until they have ended.
  const auto keep = [](std::shared_ptr<Impl> self, bool scan) -> asio::awaitable<void> {
    if (scan) {
      co_await self->Scan();
    } else {
      co_await self->Accept();
    }
  };
  impl->tasks.Spawn(keep(impl, true));
  impl->tasks.Spawn(keep(impl, false));
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

std::uint16_t HttpServer::port() const { return impl_->port; }
std::size_t HttpServer::connections() const { return impl_->connections.size(); }

Status HttpServer::UseCertificate(const TlsFiles& files) {
  if (!impl_->tls) return Error{ErrorCode::kConflict, "this server listens without TLS", {}};
  PROV_TRY(impl_->tls, TlsContext::ForServer(files.certificate, files.key));
  return {};
}

asio::awaitable<void> HttpServer::Drain() {
  const auto impl = impl_;
  impl->drain_deadline = impl->clock.Steady() + impl->options.limits.drain;
  impl->draining = true;
  boost::system::error_code ignored;
  impl->acceptor.close(ignored);
  const auto all = impl->connections;
  for (const auto& connection : all) connection->Drain();
  while (!impl->connections.empty()) co_await impl->changed.Wait();
  impl->stopped = true;
  impl->scan_timer.cancel();
  impl->scan_timer_pause.cancel();
  impl->tasks.Close();
  co_await impl->tasks.Wait();
}

}  // namespace prov::net
