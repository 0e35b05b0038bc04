#include "net/dial.hpp"

#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/alarm.hpp"

namespace prov::net {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace {

asio::awaitable<Result<std::vector<tcp::endpoint>>> Resolve(asio::any_io_executor executor,
                                                            const DialTarget& target) {
  tcp::resolver resolver(executor);
  auto [error, found] = co_await resolver.async_resolve(target.host, std::to_string(target.port),
                                                        asio::as_tuple(asio::use_awaitable));
  if (error) {
    co_return Error{ErrorCode::kUnavailable,
                    "the name \"" + target.host + "\" cannot be resolved: " + error.message()};
  }
  std::vector<tcp::endpoint> endpoints;
  for (const auto& entry : found) {
    if (!target.tls && !target.plain_beyond_loopback && !entry.endpoint().address().is_loopback()) {
      co_return Error{ErrorCode::kPermissionDenied,
                      "\"" + target.host + "\" is not this machine; use TLS beyond loopback"};
    }
    endpoints.push_back(entry.endpoint());
  }
  co_return endpoints;
}

asio::awaitable<Result<std::unique_ptr<Io>>> Secure(asio::any_io_executor executor,
                                                    tcp::socket socket, const DialTarget& target,
                                                    Millis left) {
  if (!target.tls) co_return MakeTcpIo(std::move(socket));
  PROV_CO_TRY(auto io, MakeTlsClientIo(std::move(socket), target.tls, target.host));
  const Alarm alarm(executor, left, [&] { io->Close(ErrorCode::kTimeout); });
  PROV_CO_CHECK(co_await io->Handshake());
  co_return std::move(io);
}

}  // namespace

asio::awaitable<Result<std::unique_ptr<Io>>> Dial(asio::any_io_executor executor,
                                                  DialTarget target) {
  const auto until = std::chrono::steady_clock::now() + target.within;
  PROV_CO_TRY(const auto endpoints, co_await Resolve(executor, target));
  const auto left = [until] {
    return std::chrono::duration_cast<Millis>(until - std::chrono::steady_clock::now());
  };
  Error last{ErrorCode::kUnavailable, "the name has no address"};
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    // One that swallows what it is sent leaves the others their time.
    const auto share = left() / static_cast<int>(endpoints.size() - i);
    tcp::socket socket(executor);
    bool expired = false;
    boost::system::error_code failed;
    {
      const Alarm alarm(executor, share, [&] {
        expired = true;
        boost::system::error_code ignored;
        socket.close(ignored);
      });
      const auto [error] =
          co_await socket.async_connect(endpoints[i], asio::as_tuple(asio::use_awaitable));
      failed = error;
    }
    if (!failed && !expired) co_return co_await Secure(executor, std::move(socket), target, left());
    if (expired) {
      last = {ErrorCode::kTimeout, "the server did not answer in time"};
      continue;
    }
    last = {ErrorCode::kUnavailable,
            failed == asio::error::connection_refused
                ? "the connection was refused; does the server run, and on this port?"
                : "cannot connect: " + failed.message()};
  }
  co_return last;
}

}  // namespace prov::net
