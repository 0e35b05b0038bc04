#include "net/http_server.hpp"

#include "net/loopback_fixture_test.hpp"
#include "net/sse.hpp"

namespace prov::net {

namespace {

namespace asio = boost::asio;

class HttpServerTest : public Loopback {
 protected:
  ServerOptions Options() {
    ServerOptions options;
    options.limits.scan = Millis{10};
    options.limits.header_bytes = 4096;
    options.limits.body_bytes = 10'000;
    options.handler = [this](Request request) { return Echo(std::move(request)); };
    return options;
  }

  asio::awaitable<Response> Echo(Request request) {
    ++handled_;
    if (request.path == "/throw") throw std::runtime_error("secret detail");
    Response response;
    response.body = request.method + " " + request.path + " [" + request.body + "]";
    co_return response;
  }

  int handled_ = 0;
};

TEST_F(HttpServerTest, HttpServer_HostileRequests_AreRefusedAndNothingIsHandled) {
  Listen(Options());
  const std::string host = "Host: a\r\n";
  const std::vector<std::tuple<std::string, std::string, std::string>> refusals = {
      {"no host", "GET / HTTP/1.1\r\n\r\n", "400"},
      {"two hosts", "GET / HTTP/1.1\r\n" + host + host + "\r\n", "400"},
      {"obs-fold", "GET / HTTP/1.1\r\n" + host + "X: a\r\n b\r\n\r\n", "400"},
      {"bare LF", "GET / HTTP/1.1\nHost: a\n\n", "400"},
      {"one bare LF", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", "400"},
      {"bare CR", "GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", "400"},
      {"NUL", std::string("GET / HTTP/1.1\r\nHost: a\0\r\n\r\n", 29), "400"},
      {"space before colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "400"},
      {"both lengths",
       "POST / HTTP/1.1\r\n" + host +
           "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "400"},
      {"two lengths",
       "POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", "400"},
      {"length list", "POST / HTTP/1.1\r\n" + host + "Content-Length: 1, 1\r\n\r\nx", "400"},
      {"signed length", "POST / HTTP/1.1\r\n" + host + "Content-Length: +1\r\n\r\nx", "400"},
      {"gzip, chunked",
       "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "400"},
      {"xchunked", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: xchunked\r\n\r\n", "400"},
      {"two codings",
       "POST / HTTP/1.1\r\n" + host +
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "400"},
      {"bad chunk size", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
       "400"},
      {"chunk with bare LF",
       "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n1\nx\n0\n\n", "400"},
      {"bad escape", "GET /%zz HTTP/1.1\r\n" + host + "\r\n", "400"},
      {"path that is no UTF-8", "GET /%ff HTTP/1.1\r\n" + host + "\r\n", "400"},
      {"query that is no UTF-8", "GET /?a=%c3%28 HTTP/1.1\r\n" + host + "\r\n", "400"},
      {"absolute target", "GET http://a/ HTTP/1.1\r\n" + host + "\r\n", "400"},
      {"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400"},
      {"TLS hello", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15), "400"},
      {"long header", "GET / HTTP/1.1\r\n" + host + "X: " + std::string(5000, 'x') + "\r\n\r\n",
       "431"},
      {"endless header", "GET /" + std::string(6000, 'x'), "431"},
      {"large body", "POST / HTTP/1.1\r\n" + host + "Content-Length: 10001\r\n\r\n", "413"},
      {"lying length",
       "POST / HTTP/1.1\r\n" + host + "Content-Length: 999999999999999999\r\n\r\nabc", "413"},
      {"large chunk",
       "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n2711\r\n" +
           std::string(10001, 'x') + "\r\n0\r\n\r\n",
       "413"},
  };
  for (const auto& [name, bytes, status] : refusals) {
    SCOPED_TRACE(name);
    std::string answer;
    Run([](HttpServerTest& test, std::string send, std::string& into) -> asio::awaitable<void> {
      into = co_await test.Exchange(std::move(send));
    }(*this, bytes, answer));
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 " + status + " ")) << answer;
    EXPECT_NE(answer.find("Connection: close"), std::string::npos) << answer;
    EXPECT_NE(answer.find("application/problem+json"), std::string::npos) << answer;
  }
  EXPECT_EQ(handled_, 0);
}

TEST_F(HttpServerTest, HttpServer_PipelinedRequests_AreAnsweredInOrder) {
  Listen(Options());
  std::string answer;
  Run([](HttpServerTest& test, std::string& into) -> asio::awaitable<void> {
    into = co_await test.Exchange(
        "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
        "POST /b%20c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n2;e=1\r\nde\r\n0\r\nHost: trailer\r\n\r\n"
        "HEAD /h HTTP/1.1\r\nHost: x\r\n\r\n"
        "GET /c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  }(*this, answer));
  const auto first = answer.find("POST /a [hi]");
  const auto second = answer.find("POST /b c [abcde]");
  const auto third = answer.find("GET /c []");
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_NE(third, std::string::npos) << answer;
  EXPECT_EQ(answer.find("HEAD /h"), std::string::npos) << "HEAD has no body";
  EXPECT_EQ(handled_, 4);
}

// Of several that came in one piece, one was skipped and the next was refused.
TEST_F(HttpServerTest, HttpServer_EmptyLinesBeforeARequest_AreSkippedHoweverTheyCome) {
  Listen(Options());
  std::string answer;
  Run([](HttpServerTest& test, std::string& into) -> asio::awaitable<void> {
    into = co_await test.Exchange(
        "\r\n\r\n\r\nGET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  }(*this, answer));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
  EXPECT_EQ(handled_, 1);
}

TEST_F(HttpServerTest, HttpServer_HandlerThrows_Answers500WithoutTheDetail) {
  Listen(Options());
  std::string answer;
  Run([](HttpServerTest& test, std::string& into) -> asio::awaitable<void> {
    into = co_await test.Exchange("GET /throw HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  }(*this, answer));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 500 ")) << answer;
  EXPECT_EQ(answer.find("secret"), std::string::npos);
  EXPECT_EQ(failures_, std::vector<std::string>{"secret detail"});
}

TEST_F(HttpServerTest, HttpServer_StalledClients_AreClosedAtTheirDeadline) {
  Listen(Options());
  const std::vector<std::pair<std::string, Millis>> stalls = {
      {"", Millis{75'000}},                                                            // idle
      {"GET / HTTP/1.1\r\nHo", Millis{10'000}},                                        // header
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", Millis{30'000}},  // body
  };
  for (const auto& [bytes, limit] : stalls) {
    SCOPED_TRACE(bytes);
    bool early = true;
    std::string answer = "none";
    Run([](HttpServerTest& test, std::string send, Millis deadline, bool& closed_early,
           std::string& into) -> asio::awaitable<void> {
      auto socket = co_await test.Dial(test.server_->port());
      co_await asio::async_write(socket, asio::buffer(send), asio::use_awaitable);
      co_await test.Pause(50);
      test.clock_.Advance(deadline - Millis{1});
      co_await test.Pause(50);
      closed_early = test.server_->connections() == 0;
      test.clock_.Advance(Millis{1});
      into = co_await test.ReadUntil(socket);
    }(*this, bytes, limit, early, answer));
    EXPECT_FALSE(early);
    EXPECT_EQ(answer, "");
  }
  EXPECT_EQ(handled_, 0);
}

TEST_F(HttpServerTest, HttpServer_TooManyConnectionsAtWork_Answers503) {
  auto options = Options();
  options.limits.connections = 1;
  bool done = false;
  options.handler = [&](Request) -> asio::awaitable<Response> {
    while (!done) co_await Pause(1);
    co_return Response{};
  };
  Listen(std::move(options));
  std::string answer;
  Run([](HttpServerTest& test, bool& done, std::string& into) -> asio::awaitable<void> {
    auto first = co_await test.Dial(test.server_->port());
    const std::string request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    co_await asio::async_write(first, asio::buffer(request), asio::use_awaitable);
    co_await test.Pause(50);
    auto second = co_await test.Dial(test.server_->port());
    into = co_await test.ReadUntil(second);
    done = true;
    const auto served = co_await test.ReadUntil(first, "\r\n\r\n");
    EXPECT_TRUE(served.starts_with("HTTP/1.1 200 ")) << served;
  }(*this, done, answer));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
}

// Whoever holds connections open must not keep others out.
TEST_F(HttpServerTest, HttpServer_TooManyThatOnlyWait_TheOneThatWaitsLongestGoes) {
  auto options = Options();
  options.limits.connections = 2;
  Listen(std::move(options));
  Run([](HttpServerTest& test) -> asio::awaitable<void> {
    auto stalled = co_await test.Dial(test.server_->port());
    co_await asio::async_write(stalled, asio::buffer("GET / HT", 8), asio::use_awaitable);
    co_await test.Pause(50);
    test.clock_.Advance(Millis{1});
    auto newer = co_await test.Dial(test.server_->port());
    co_await test.Pause(50);
    const auto answer =
        co_await test.Exchange("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
    EXPECT_EQ(co_await test.ReadUntil(stalled), "");
    const std::string request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    co_await asio::async_write(newer, asio::buffer(request), asio::use_awaitable);
    const auto second = co_await test.ReadUntil(newer);
    EXPECT_TRUE(second.starts_with("HTTP/1.1 200 ")) << second;
  }(*this));
}

TEST_F(HttpServerTest, HttpServer_BodiesThatAreTooMuchTogether_AreRefusedUntilThereIsRoom) {
  auto options = Options();
  options.limits.body_bytes = 200'000;
  options.limits.bodies = 150'000;
  Listen(std::move(options));
  const auto request = [](std::size_t length) {
    return "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " +
           std::to_string(length) + "\r\n\r\n" + std::string(length, 'x');
  };
  Run([](HttpServerTest& test, auto request) -> asio::awaitable<void> {
    auto held = co_await test.Dial(test.server_->port());
    auto bytes = request(100'000);
    bytes.pop_back();  // it never comes to its end
    co_await asio::async_write(held, asio::buffer(bytes), asio::use_awaitable);
    co_await test.Pause(50);
    const auto refused = co_await test.Exchange(request(100'000));
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 503 ")) << refused;
    EXPECT_NE(refused.find("\r\nRetry-After: 5\r\n"), std::string::npos) << refused;
    const auto small = co_await test.Exchange(request(10'000));
    EXPECT_TRUE(small.starts_with("HTTP/1.1 200 ")) << small;
    held.close();
    co_await test.Pause(50);
    const auto taken = co_await test.Exchange(request(100'000));
    EXPECT_TRUE(taken.starts_with("HTTP/1.1 200 ")) << taken;
  }(*this, request));
}

TEST_F(HttpServerTest, HttpServer_PortInUse_SaysWhatToDo) {
  Listen(Options());
  auto options = Options();
  options.port = server_->port();
  const auto second = HttpServer::Listen(io_.get_executor(), clock_, std::move(options));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  EXPECT_NE(second.error().message.find("choose another port"), std::string::npos);
}

TEST_F(HttpServerTest, HttpServer_SlowSseReader_IsDropped) {
  auto options = Options();
  options.limits.stream_buffer = 100'000;
  std::size_t taken = 0;
  bool dropped = false;
  options.handler = [&](Request) -> asio::awaitable<Response> {
    Response response;
    response.stream = [&](std::shared_ptr<BodyStream> stream) -> asio::awaitable<void> {
      const auto event = FormatSse({.id = "1", .event = {}, .data = std::string(50'000, 'x')});
      while (co_await stream->Send(event)) taken += event.size();
      dropped = true;
    };
    co_return response;
  };
  Listen(std::move(options));
  Run([](HttpServerTest& test, std::size_t& taken) -> asio::awaitable<void> {
    auto socket = co_await test.Dial(test.server_->port());
    const std::string request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    co_await asio::async_write(socket, asio::buffer(request), asio::use_awaitable);
    // Without reading, until no more is taken: what waits has its limit.
    for (std::size_t before = 1; before != taken;) {
      before = taken;
      co_await test.Pause(200);
    }
    EXPECT_LT(taken, 20'000'000U) << "what the sockets hold, and a hundred kilobytes";
    // The write that is stuck ends at its deadline.
    while (test.server_->connections() > 0) {
      test.clock_.Advance(Seconds{10});
      co_await test.Pause(10);
    }
  }(*this, taken));
  EXPECT_TRUE(dropped);
}

TEST_F(HttpServerTest, HttpServer_StreamReaderLeaves_CancelsTheProducer) {
  auto options = Options();
  bool canceled = false;
  options.handler = [&canceled](Request) -> asio::awaitable<Response> {
    Response response;
    response.stream = [&canceled](std::shared_ptr<BodyStream> stream) -> asio::awaitable<void> {
      co_await stream->Send("data: first\n\n");
      Event never(co_await asio::this_coro::executor);
      try {
        while (true) co_await never.Wait();
      } catch (const boost::system::system_error&) {
        canceled = true;
        throw;
      }
    };
    co_return response;
  };
  Listen(std::move(options));
  // One has sent something more, which nobody reads.
  for (const std::string more : {"", "GET / HTTP"}) {
    canceled = false;
    Run([](HttpServerTest& test, std::string unread, bool& gone) -> asio::awaitable<void> {
      {
        auto socket = co_await test.Dial(test.server_->port());
        const std::string request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n" + unread;
        co_await asio::async_write(socket, asio::buffer(request), asio::use_awaitable);
        co_await test.ReadUntil(socket, "first");
        EXPECT_FALSE(gone);
      }
      while (!gone || test.server_->connections() > 0) co_await test.Pause(5);
    }(*this, more, canceled));
    EXPECT_TRUE(canceled);
  }
  EXPECT_TRUE(failures_.empty());
}

TEST_F(HttpServerTest, HttpServer_LongPollClientLeaves_HandlerNotices) {
  auto options = Options();
  bool noticed = false;
  options.handler = [&noticed](Request request) -> asio::awaitable<Response> {
    co_await request.peer_closed();
    noticed = true;
    co_return Response{};
  };
  Listen(std::move(options));
  Run([](HttpServerTest& test, bool& seen) -> asio::awaitable<void> {
    {
      auto socket = co_await test.Dial(test.server_->port());
      const std::string request = "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP";
      co_await asio::async_write(socket, asio::buffer(request), asio::use_awaitable);
      co_await test.Pause(20);
      EXPECT_FALSE(seen);
    }
    while (!seen) co_await test.Pause(5);
  }(*this, noticed));
  EXPECT_TRUE(noticed);
}

TEST_F(HttpServerTest, HttpServer_Drain_AnswersWhatRunsAndClosesWhatIsIdle) {
  auto options = Options();
  Event finish(io_.get_executor());
  bool started = false;
  options.handler = [&](Request) -> asio::awaitable<Response> {
    started = true;
    co_await finish.Wait();
    co_return Response{.body = "done"};
  };
  Listen(std::move(options));
  std::string answer;
  std::string idle_answer = "none";
  Run([](HttpServerTest& test, Event& go, bool& running, std::string& into,
         std::string& idle_into) -> asio::awaitable<void> {
    auto idle = co_await test.Dial(test.server_->port());
    auto busy = co_await test.Dial(test.server_->port());
    const std::string request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    co_await asio::async_write(busy, asio::buffer(request), asio::use_awaitable);
    while (!running) co_await test.Pause(5);
    bool drained = false;
    asio::co_spawn(test.io_, test.server_->Drain(), [&](std::exception_ptr) { drained = true; });
    idle_into = co_await test.ReadUntil(idle);
    EXPECT_FALSE(drained);
    go.Notify();
    into = co_await test.ReadUntil(busy);
    busy.close();
    while (!drained) co_await test.Pause(5);
  }(*this, finish, started, answer, idle_answer));
  EXPECT_EQ(idle_answer, "");
  EXPECT_NE(answer.find("done"), std::string::npos) << answer;
  EXPECT_NE(answer.find("Connection: close"), std::string::npos) << answer;
  EXPECT_EQ(server_->connections(), 0U);
}

}  // namespace

}  // namespace prov::net
