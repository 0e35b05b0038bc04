// What the tests of the connection, the client and the subscriber share: one io_context, and a peer
// that answers as it is told.
#pragma once

#include <cstdio>
#include <cstdlib>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "net/task_group.hpp"
#include "redis/client.hpp"
#include "support/redis_server.hpp"

namespace prov::redis {

class RedisTest : public ::testing::Test {
 public:
  // Runs the coroutine to its end, at most 60 s.
  void Run(boost::asio::awaitable<void> body) {
    bool done = false;
    boost::asio::co_spawn(io_, std::move(body), [&](std::exception_ptr failure) {
      done = true;
      if (failure) std::rethrow_exception(failure);
    });
    const auto until = std::chrono::steady_clock::now() + Seconds{60};
    io_.restart();
    while (!done && std::chrono::steady_clock::now() < until) io_.run_one_for(Millis{100});
    if (!done) {
      // Its coroutines refer to this frame, so there is no going on.
      std::fputs("the test did not end\n", stderr);
      std::abort();
    }
  }

  // Until it holds, or for 20 s.
  template <class Condition>
  boost::asio::awaitable<void> Until(Condition holds) {
    const auto until = std::chrono::steady_clock::now() + Seconds{20};
    while (!holds() && std::chrono::steady_clock::now() < until) co_await Pause(Millis{5});
    EXPECT_TRUE(holds());
  }

  boost::asio::awaitable<void> Pause(Millis time) {
    boost::asio::steady_timer timer(io_, time);
    co_await timer.async_wait(boost::asio::use_awaitable);
  }

  static ConnectionOptions To(const std::string& url) {
    const auto parsed = ParseUrl(url);
    EXPECT_TRUE(parsed) << parsed.error().ToString();
    ConnectionOptions options;
    if (parsed) options.url = *parsed;
    return options;
  }

  Result<std::unique_ptr<Connection>> Connect(ConnectionOptions options) {
    Result<std::unique_ptr<Connection>> connection = Error{};
    Run([](RedisTest& test, ConnectionOptions with,
           Result<std::unique_ptr<Connection>>& into) -> boost::asio::awaitable<void> {
      auto connector = Connector::Create(test.io_.get_executor(), std::move(with));
      if (connector) {
        into = co_await (*connector)->Connect();
      } else {
        into = connector.error();
      }
    }(*this, std::move(options), connection));
    return connection;
  }

  std::unique_ptr<Client> MakeClient(ClientOptions options) {
    options.first_pause = Millis{10};
    options.longest_pause = Millis{100};
    auto client = Client::Create(io_.get_executor(), std::move(options), random_);
    EXPECT_TRUE(client) << client.error().ToString();
    return client ? std::move(*client) : nullptr;
  }

  Result<Value> Call(Client& client, Command command, Millis within = Seconds{10}) {
    Result<Value> result = Error{};
    Run([](Client& with, Command send, Millis time,
           Result<Value>& into) -> boost::asio::awaitable<void> {
      into = co_await with.Call(std::move(send), time);
    }(client, std::move(command), within, result));
    return result;
  }

  boost::asio::io_context io_{1};
  SystemRandom random_;
};

inline std::string TextOf(const Result<Value>& value) {
  return value ? value->text : "error: " + value.error().ToString();
}

// A server of Redis's protocol that answers each command with the bytes that `answer` gives; "!"
// ends the connection.
class FakeServer {
 public:
  using Answer = std::function<std::string(const Command&)>;
  FakeServer(boost::asio::io_context& io, Answer answer)
      : acceptor_(io, {boost::asio::ip::make_address("127.0.0.1"), 0}),
        answer_(std::move(answer)),
        tasks_(io.get_executor()) {
    tasks_.Spawn(Accept());
  }
  ~FakeServer() {
    tasks_.Close();
    tasks_.CancelAll();
  }
  std::string url() const {
    return "redis://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
  }
  int connections() const { return connections_; }

  // What Redis 7 answers to HELLO 3.
  static std::string Greeting(const Command& command, std::string_view version = "7.0.15") {
    if (command[0] != "HELLO") return "+OK\r\n";
    Value greeting{Value::Type::kMap};
    const std::string parts[] = {"version", std::string(version), "role", "master"};
    for (const auto& text : parts) greeting.elements.push_back({Value::Type::kBulkString, text});
    std::string bytes;
    AppendValue(bytes, greeting);
    return bytes;
  }

 private:
  using Tcp = boost::asio::ip::tcp;
  boost::asio::awaitable<void> Accept() {
    while (true) {
      auto [error, socket] =
          co_await acceptor_.async_accept(boost::asio::as_tuple(boost::asio::use_awaitable));
      if (error) co_return;
      ++connections_;
      tasks_.Spawn(Serve(std::move(socket)));
    }
  }
  boost::asio::awaitable<void> Serve(Tcp::socket socket) {
    Parser parser;
    std::array<char, 4096> chunk;
    while (true) {
      const auto [error, got] = co_await socket.async_read_some(
          boost::asio::buffer(chunk), boost::asio::as_tuple(boost::asio::use_awaitable));
      if (error) co_return;
      parser.Feed({chunk.data(), got});
      while (true) {
        auto next = parser.Next();
        if (!next || !*next) break;
        Command command;
        for (auto& element : (*next)->elements) command.push_back(std::move(element.text));
        const auto bytes = answer_(command);
        if (bytes == "!") co_return;
        co_await boost::asio::async_write(socket, boost::asio::buffer(bytes),
                                          boost::asio::as_tuple(boost::asio::use_awaitable));
      }
    }
  }

  Tcp::acceptor acceptor_;
  Answer answer_;
  int connections_ = 0;
  net::TaskGroup tasks_;
};

}  // namespace prov::redis
