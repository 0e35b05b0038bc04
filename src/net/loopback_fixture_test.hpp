// What the tests of the server and the client share: a server on a free port and raw peers, all on
// one io_context.
#pragma once

#include <cstdio>
#include <cstdlib>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include "net/http_server.hpp"
#include "net/io.hpp"

namespace prov::net {

// A self-signed certificate for `alternative_name` ("IP:127.0.0.1"), in `directory`.
inline TlsFiles MakeCertificate(const Path& directory, const std::string& alternative_name) {
  const TlsFiles files{directory / "cert.pem", directory / "key.pem"};
  const auto command =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
      "-days 2 -subj /CN=test -addext subjectAltName=" +
      alternative_name + " -keyout " + files.key.string() + " -out " + files.certificate.string() +
      " 2>/dev/null";
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  return files;
}

class Loopback : public ::testing::Test {
 public:
  using Tcp = boost::asio::ip::tcp;

  // Runs the coroutine to its end, at most 20 s.
  void Run(boost::asio::awaitable<void> body) {
    bool done = false;
    boost::asio::co_spawn(io_, std::move(body), [&](std::exception_ptr failure) {
      done = true;
      if (failure) std::rethrow_exception(failure);
    });
    const auto until = std::chrono::steady_clock::now() + Seconds{20};
    io_.restart();
    while (!done && std::chrono::steady_clock::now() < until) io_.run_one_for(Millis{100});
    if (!done) {
      // Its coroutines refer to this frame, so there is no going on.
      std::fputs("the test did not end\n", stderr);
      std::abort();
    }
  }

  void Listen(ServerOptions options) {
    options.on_failure = [this](std::string_view what) { failures_.emplace_back(what); };
    auto server = HttpServer::Listen(io_.get_executor(), clock_, std::move(options));
    ASSERT_TRUE(server) << server.error().ToString();
    server_ = std::move(*server);
  }

  void TearDown() override {
    if (!server_) return;
    clock_.Advance(Seconds{1});
    Run(Stop());
    EXPECT_EQ(server_->connections(), 0U);
  }

  boost::asio::awaitable<void> Stop() {
    auto drained = std::make_shared<bool>(false);
    // The clock stands still, so nothing would cut what does not end by itself.
    boost::asio::co_spawn(
        io_,
        [](FakeClock& clock, std::shared_ptr<bool> done) -> boost::asio::awaitable<void> {
          boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
          while (!*done) {
            clock.Advance(Seconds{20});
            timer.expires_after(Millis{20});
            co_await timer.async_wait(boost::asio::use_awaitable);
          }
        }(clock_, drained),
        [](std::exception_ptr) {});
    co_await server_->Drain();
    *drained = true;
  }

  boost::asio::awaitable<Tcp::socket> Dial(std::uint16_t port) {
    Tcp::socket socket(io_);
    co_await socket.async_connect({boost::asio::ip::make_address("127.0.0.1"), port},
                                  boost::asio::use_awaitable);
    co_return socket;
  }

  // Until the peer closes (a reset counts), or `enough` is in it.
  boost::asio::awaitable<std::string> ReadUntil(Tcp::socket& socket, std::string enough = "") {
    std::string all;
    std::array<char, 65536> chunk;
    while (enough.empty() || all.find(enough) == std::string::npos) {
      const auto [error, got] = co_await socket.async_read_some(
          boost::asio::buffer(chunk), boost::asio::as_tuple(boost::asio::use_awaitable));
      all.append(chunk.data(), got);
      if (error) break;
    }
    co_return all;
  }

  boost::asio::awaitable<std::string> Exchange(std::string bytes) {
    auto socket = co_await Dial(server_->port());
    co_await boost::asio::async_write(socket, boost::asio::buffer(bytes),
                                      boost::asio::as_tuple(boost::asio::use_awaitable));
    co_return co_await ReadUntil(socket);
  }

  boost::asio::awaitable<void> Pause(int milliseconds) {
    boost::asio::steady_timer timer(io_, Millis{milliseconds});
    co_await timer.async_wait(boost::asio::use_awaitable);
  }

  boost::asio::io_context io_{1};
  FakeClock clock_;
  std::vector<std::string> failures_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace prov::net
