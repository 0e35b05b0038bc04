// A client and channels on a real server, which is killed, stopped and short of memory.
#include "amqp/connection.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "amqp/client.hpp"
#include "support/rabbitmq_server.hpp"

namespace prov::amqp {
namespace {

namespace asio = boost::asio;
using testing::HasSubstr;
using testing::Not;

class Amqp : public testing::Test {
 public:
  Amqp() : server_(test::RabbitmqServer::Shared()), vhost_(server_.MakeVhost()) {}
  ~Amqp() override {
    server_.Resume();
    server_.DeleteVhost(vhost_);
  }

  // Runs it to its end, at most four minutes, of which the server may take three to start.
  void Run(asio::awaitable<void> body) {
    bool done = false;
    asio::co_spawn(io_, std::move(body), [&](std::exception_ptr failure) {
      done = true;
      if (failure) std::rethrow_exception(failure);
    });
    const auto until = std::chrono::steady_clock::now() + Seconds{240};
    io_.restart();
    while (!done && std::chrono::steady_clock::now() < until) io_.run_one_for(Millis{100});
    if (done) return;
    std::fputs("the test did not end\n", stderr);  // its coroutines refer to this frame
    std::abort();
  }

  ConnectionOptions Options() {
    ConnectionOptions options;
    options.url = *ParseUrl(server_.url(vhost_));
    options.answer = Seconds{5};
    return options;
  }
  Result<std::unique_ptr<Connection>> Open(ConnectionOptions options, std::size_t first = 0) {
    Result<std::unique_ptr<Connection>> opened = Error{};
    Run([](Amqp& test, ConnectionOptions with, std::size_t at,
           decltype(opened)& to) -> asio::awaitable<void> {
      auto tls = MakeTls(with);
      if (!tls) {
        to = tls.error();
      } else {
        to = co_await Connection::Open(test.io_.get_executor(), std::move(with), *tls, at);
      }
    }(*this, std::move(options), first, opened));
    return opened;
  }
  Error Refusal(ConnectionOptions options) {
    auto opened = Open(std::move(options));
    return opened ? Error{} : std::move(opened).error();
  }
  static asio::awaitable<std::unique_ptr<Channel>> MakeChannel(Connection& connection) {
    auto channel = co_await connection.OpenChannel();
    EXPECT_TRUE(channel) << channel.error().ToString();
    EXPECT_TRUE(co_await (*channel)->UseConfirms());
    co_return std::move(*channel);
  }
  static Message To(std::string queue, std::string body) {
    return {.exchange = "",
            .routing_key = std::move(queue),
            .body = std::move(body),
            .type = "t",
            .message_id = "id"};
  }

  asio::io_context io_{1};
  SystemRandom random_;
  test::RabbitmqServer& server_;
  std::string vhost_;
};

TEST_F(Amqp, WhatIsPublished_IsDelivered_AndAgainUntilAcknowledged) {
  auto connection = Open(Options());
  ASSERT_TRUE(connection) << connection.error().ToString();
  EXPECT_THAT((*connection)->server_version(), HasSubstr("."));
  Run([](Connection& on) -> asio::awaitable<void> {
    const std::string body(300'000, '\xff');
    auto channel = co_await MakeChannel(on);
    EXPECT_TRUE(co_await channel->DeclareQueue({.name = "q"}));
    EXPECT_TRUE(co_await channel->Publish({To("q", body), To("q", "")}));
    const auto state = co_await channel->DeclareQueue({.name = "q"});
    EXPECT_EQ(state->ready, 2U);
    for (const bool again : {false, true}) {
      channel = co_await MakeChannel(on);
      EXPECT_TRUE(co_await channel->Consume("q", 1));
      const auto delivery = co_await channel->Next();
      EXPECT_TRUE(delivery);
      EXPECT_EQ(delivery->redelivered, again);
      EXPECT_EQ(delivery->body, body);
      EXPECT_EQ(delivery->type, "t");
      EXPECT_EQ(delivery->message_id, "id");
      EXPECT_FALSE(channel->Ready()) << "more than one before the acknowledgement";
      if (again) channel->Acknowledge(delivery->tag);
    }
    const auto second = co_await channel->Next();
    EXPECT_EQ(second->body, "");
  }(**connection));
}

TEST_F(Amqp, AnAnswer_GoesStraightToTheChannelThatAskedForIt_AndNowhereWhenThatIsClosed) {
  auto connection = Open(Options());
  ASSERT_TRUE(connection) << connection.error().ToString();
  Run([](Connection& on) -> asio::awaitable<void> {
    auto asks = co_await MakeChannel(on);
    EXPECT_TRUE(co_await asks->Consume(std::string(kDirectReplyTo), 0));
    auto answers = co_await MakeChannel(on);
    EXPECT_TRUE(co_await answers->DeclareQueue({.name = "q"}));
    EXPECT_TRUE(co_await answers->Consume("q", 1));
    auto question = To("q", "question");
    question.reply_to = kDirectReplyTo;
    EXPECT_TRUE(co_await asks->Publish({std::move(question)}));
    const auto asked = co_await answers->Next();
    EXPECT_TRUE(asked && IsDirectReplyAddress(asked->reply_to));
    answers->PublishUnconfirmed(To(asked->reply_to, "answer"));
    EXPECT_EQ((co_await asks->Next())->body, "answer");
    asks.reset();
    answers->PublishUnconfirmed(To(asked->reply_to, "another"));
    EXPECT_TRUE(co_await answers->DeclareQueue({.name = "q"})) << "the channel is as it was";
  }(**connection));
}

TEST_F(Amqp, ARefusedUser_AnUnknownVhost_AndOtherServers_AreSaidAsThat) {
  auto options = Options();
  options.url.password = "hunter2";
  auto error = Refusal(options);
  EXPECT_EQ(error.code, ErrorCode::kUnauthenticated);
  EXPECT_THAT(error.ToString(), HasSubstr("password"));
  EXPECT_THAT(error.ToString(), Not(HasSubstr("hunter2")));
  options = Options();
  options.url.vhost = "not-there";
  error = Refusal(options);
  EXPECT_EQ(error.code, ErrorCode::kPermissionDenied);
  EXPECT_THAT(error.ToString(), HasSubstr("virtual host"));
  options = Options();
  options.url.addresses.front().port = server_.tls_port();
  options.connect = Seconds{5};
  EXPECT_NE(Refusal(options).code, ErrorCode::kInternal) << "plain to a TLS port";
  options.url.addresses.front().port = 1;
  EXPECT_EQ(Refusal(options).code, ErrorCode::kUnavailable);
}

TEST_F(Amqp, OfSeveralHosts_OneThatIsThereIsFound_WhicheverIsTriedFirst) {
  auto options = Options();
  const net::Address away{"127.0.0.1", 1};
  options.url.addresses = {away, options.url.addresses.front(), away};
  for (const std::size_t first : {0, 1, 2, 3'000'000}) {
    const auto connection = Open(options, first);
    EXPECT_TRUE(connection) << connection.error().ToString();
  }
}

TEST_F(Amqp, OfSeveralHosts_ASilentOneCostsItsShareOfTheTime) {
  asio::ip::tcp::acceptor silent(io_, {asio::ip::make_address("127.0.0.1"), 0});
  auto options = Options();
  options.url.addresses.insert(options.url.addresses.begin(),
                               {"127.0.0.1", silent.local_endpoint().port()});
  options.connect = Seconds{4};
  const auto connection = Open(options);
  EXPECT_TRUE(connection) << connection.error().ToString();
}

TEST_F(Amqp, OfSeveralHosts_WhereNoneIsThere_EachReasonIsSaid_AndAlwaysInOneOrder) {
  auto options = Options();
  auto& addresses = options.url.addresses;
  addresses = {{"127.0.0.1", 1}, addresses.front(), {"127.0.0.1", 2}};
  options.url.password = "hunter2";
  const auto open = [&](std::size_t first) {
    const auto connection = Open(options, first);
    return connection ? Error{} : connection.error();
  };
  const auto error = open(0);
  EXPECT_EQ(error.code, ErrorCode::kUnavailable);
  EXPECT_THAT(error.ToString(),
              testing::ContainsRegex("127.0.0.1:1[^0-9].*; .*password.*; .*127.0.0.1:2[^0-9]"));
  EXPECT_THAT(error.ToString(), Not(HasSubstr("hunter2")));
  for (const std::size_t first : {1, 2}) EXPECT_EQ(open(first).ToString(), error.ToString());
}

TEST_F(Amqp, Tls_WantsTheRightCa_AndShowsItsCertificate) {
  auto options = Options();
  options.url.tls = true;
  options.url.addresses.front().port = server_.tls_port();
  options.ca_file = server_.certificates().ca;
  options.client_certificate = server_.certificates().client_certificate;
  options.client_key = server_.certificates().client_key;
  const auto connection = Open(options);
  EXPECT_TRUE(connection) << connection.error().ToString();
  options.ca_file = server_.certificates().other_ca;
  EXPECT_EQ(Refusal(options).code, ErrorCode::kPermissionDenied);
  options.ca_file = "/nowhere";
  EXPECT_THAT(Refusal(options).ToString(), HasSubstr("/nowhere"));
}

TEST_F(Amqp, AnErrorOfOneCall_ClosesItsChannelAlone) {
  auto connection = Open(Options());
  ASSERT_TRUE(connection);
  Run([](Connection& on) -> asio::awaitable<void> {
    const auto other = co_await MakeChannel(on);
    auto channel = co_await MakeChannel(on);
    const auto missing = co_await channel->Consume("not-there", 1);
    EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
    EXPECT_FALSE(channel->open());
    EXPECT_EQ((co_await channel->Publish({To("q", "x")})).error().code, ErrorCode::kNotFound);
    channel = co_await MakeChannel(on);
    EXPECT_TRUE(co_await channel->DeclareQueue({.name = "q"}));
    const auto differs = co_await channel->DeclareQueue(
        {.name = "q", .arguments = {{"x-max-length", std::int64_t{5}}}});
    EXPECT_EQ(differs.error().code, ErrorCode::kConflict);
    EXPECT_THAT(differs.error().message, HasSubstr("x-max-length"));
    EXPECT_TRUE(co_await other->DeclareQueue({.name = "q"}));
  }(**connection));
}

// The broker closes it, for there is no such exchange, and is asked to close it, at the same time.
TEST_F(Amqp, AChannelThatBothClose_LeavesTheConnectionAsItIs) {
  auto connection = Open(Options());
  ASSERT_TRUE(connection) << connection.error().ToString();
  Run([](Connection& on) -> asio::awaitable<void> {
    for (int i = 0; i < 20; ++i) {
      auto channel = co_await MakeChannel(on);
      channel->PublishUnconfirmed(
          {.exchange = "nowhere", .routing_key = "", .body = "", .type = "", .message_id = ""});
      channel.reset();
    }
    auto channel = co_await MakeChannel(on);
    EXPECT_TRUE(co_await channel->DeclareQueue({.name = "q"}));
    EXPECT_TRUE(co_await channel->Publish({To("q", "")}));
  }(**connection));
}

TEST_F(Amqp, WhatIsPublishedUnconfirmed_LeavesTheConfirmationsOfOthersInPlace) {
  auto connection = Open(Options());
  ASSERT_TRUE(connection);
  Run([](Connection& on) -> asio::awaitable<void> {
    const auto channel = co_await MakeChannel(on);
    EXPECT_TRUE(co_await channel->DeclareQueue({.name = "q"}));
    for (int i = 0; i < 3; ++i) {
      channel->PublishUnconfirmed(To("q", "x"));
      EXPECT_TRUE(co_await channel->Publish({To("q", "y")}));
    }
    EXPECT_EQ((co_await channel->DeclareQueue({.name = "q"}))->ready, 6U);
    // One that is refused is not taken for the one before it, which was taken.
    EXPECT_TRUE(co_await channel->DeclareQueue(
        {.name = "none",
         .arguments = {{"x-max-length", std::int64_t{0}},
                       {"x-overflow", std::string("reject-publish")}}}));
    channel->PublishUnconfirmed(To("q", "x"));
    EXPECT_EQ((co_await channel->Publish({To("none", "y")})).error().code, ErrorCode::kExhausted);
  }(**connection));
}

TEST_F(Amqp, WhatNoQueueTakes_OrAFullOneRefuses_IsNotConfirmed) {
  auto connection = Open(Options());
  ASSERT_TRUE(connection);
  Run([](Connection& on) -> asio::awaitable<void> {
    const auto channel = co_await MakeChannel(on);
    EXPECT_EQ((co_await channel->Publish({To("not-there", "x")})).error().code,
              ErrorCode::kNotFound);
    EXPECT_TRUE(co_await channel->DeclareQueue(
        {.name = "full",
         .arguments = {{"x-max-length", std::int64_t{1}},
                       {"x-overflow", std::string("reject-publish")}}}));
    EXPECT_TRUE(co_await channel->Publish({To("full", "x")}));
    EXPECT_EQ((co_await channel->Publish({To("full", "y")})).error().code, ErrorCode::kExhausted);
    // In a cluster it may be refused here alone (RabbitmqClusterQueue).
    EXPECT_FALSE(channel->open());
    EXPECT_EQ((co_await channel->Publish({To("q", "z")})).error().code, ErrorCode::kUnavailable);
  }(**connection));
}

TEST_F(Amqp, ShortOfMemory_SaysExhausted_AndTakesAgainAfterwards) {
  auto connection = Open(Options());
  ASSERT_TRUE(connection);
  Run([](Amqp& test, Connection& on) -> asio::awaitable<void> {
    const auto channel = co_await MakeChannel(on);
    EXPECT_TRUE(co_await channel->DeclareQueue({.name = "q"}));
    test.server_.SetMemoryAlarm(true);
    // The first may be taken; then the broker says that it is short of memory.
    Status published;
    for (int i = 0; i < 100 && published; ++i)
      published = co_await channel->Publish({To("q", "x")});
    EXPECT_FALSE(published);
    if (!published) {
      EXPECT_EQ(published.error().code, ErrorCode::kExhausted);
      EXPECT_THAT(published.error().message, HasSubstr("memory"));
    }
    EXPECT_TRUE(on.blocked());
    // A channel that was never opened is not closed either, which would end the connection.
    const auto refused = co_await on.OpenChannel();
    EXPECT_FALSE(refused);
    if (!refused) EXPECT_EQ(refused.error().code, ErrorCode::kExhausted);
    test.server_.SetMemoryAlarm(false);
    for (int i = 0; i < 1000 && on.blocked(); ++i) {
      asio::steady_timer timer(test.io_, Millis{10});
      co_await timer.async_wait(asio::use_awaitable);
    }
    EXPECT_TRUE(co_await channel->Publish({To("q", "y")}));
  }(*this, **connection));
}

TEST_F(Amqp, AServerThatIsKilledOrStopped_EndsCallsInTime) {
  auto options = Options();
  options.heartbeat = Seconds{30};
  options.answer = Seconds{2};
  auto connection = Open(options);
  ASSERT_TRUE(connection);
  Run([](Amqp& test, Connection& on) -> asio::awaitable<void> {
    const auto channel = co_await MakeChannel(on);
    EXPECT_TRUE(co_await channel->DeclareQueue({.name = "q"}));
    test.server_.Pause();
    const auto began = std::chrono::steady_clock::now();
    const auto late = co_await channel->Publish({To("q", "x")});
    EXPECT_TRUE(late.has_error());
    EXPECT_LT(std::chrono::steady_clock::now() - began, Seconds{5});
    EXPECT_FALSE(channel->open()) << "what is late may be taken for another's answer";
    test.server_.Resume();
    EXPECT_TRUE(co_await on.OpenChannel());
  }(*this, **connection));
  options.heartbeat = Seconds{1};
  options.answer = Seconds{5};
  connection = Open(options);
  ASSERT_TRUE(connection);
  // Nothing is said at all, and the heartbeats are missed.
  server_.Pause();
  Run([](Connection& on) -> asio::awaitable<void> {
    const auto why = co_await on.Ended();
    EXPECT_EQ(why.code, ErrorCode::kUnavailable);
    EXPECT_THAT(why.message, HasSubstr("heartbeat"));
  }(**connection));
  server_.Resume();
  connection = Open(options);
  ASSERT_TRUE(connection);
  Run([](Amqp& test, Connection& on) -> asio::awaitable<void> {
    const auto channel = co_await MakeChannel(on);
    EXPECT_TRUE(co_await channel->DeclareQueue({.name = "empty"}));
    EXPECT_TRUE(co_await channel->Consume("empty", 1));
    test.server_.Kill();
    EXPECT_EQ((co_await channel->Next()).error().code, ErrorCode::kUnavailable);
  }(*this, **connection));
  server_.Start();
}

TEST_F(Amqp, WhileNobodyTakesDeliveries_TheyWaitAtTheServer) {
  auto options = Options();
  options.most_waiting_bytes = 1'000'000;
  auto connection = Open(options);
  auto second = Open(Options());
  ASSERT_TRUE(connection);
  ASSERT_TRUE(second);
  Run([](Amqp& test, Connection& on, Connection& with) -> asio::awaitable<void> {
    const auto from = co_await MakeChannel(with);
    const auto to = co_await MakeChannel(on);
    EXPECT_TRUE(co_await from->DeclareQueue({.name = "q"}));
    EXPECT_TRUE(co_await to->Consume("q", 1000));
    std::vector<Message> messages(40, To("q", std::string(500'000, 'x')));
    EXPECT_TRUE(co_await from->Publish(std::move(messages)));
    asio::steady_timer timer(test.io_, Millis{300});
    co_await timer.async_wait(asio::use_awaitable);
    int here = 0;
    while (to->Ready()) ++here;
    EXPECT_GE(here, 1);
    EXPECT_LE(here, 4);
    for (; here < 40; ++here) EXPECT_TRUE(co_await to->Next());
  }(*this, **connection, **second));
}

TEST_F(Amqp, AClient_ConnectsAgain) {
  std::vector<bool> changes;
  ClientOptions options;
  options.connection = Options();
  options.first_pause = Millis{10};
  options.longest_pause = Millis{100};
  options.on_change = [&](const Status& status) { changes.push_back(status.has_value()); };
  auto client = Client::Create(io_.get_executor(), std::move(options), random_);
  ASSERT_TRUE(client);
  Run([](Amqp& test, Client& with) -> asio::awaitable<void> {
    auto channel = co_await with.OpenChannel();
    EXPECT_TRUE(channel);
    test.server_.Kill();
    EXPECT_FALSE(co_await (*channel)->Next());
    channel = co_await with.OpenChannel();
    EXPECT_FALSE(channel);
    test.server_.Start();
    while (!channel) {
      asio::steady_timer timer(test.io_, Millis{50});
      co_await timer.async_wait(asio::use_awaitable);
      channel = co_await with.OpenChannel();
    }
    co_await with.Stop();
  }(*this, **client));
  EXPECT_TRUE(changes.front());
  EXPECT_FALSE(changes[1]);
}

// A server of its own words, of which only the first ones count.
TEST_F(Amqp, AServerThatIsTooOldOrNoRabbitMq_IsSaidAsThat) {
  const auto start = [](const std::string& product, const std::string& version) {
    const auto number = [](std::size_t value, int bytes) {
      std::string text;
      for (int at = bytes - 1; at >= 0; --at) text += static_cast<char>(value >> (8 * at) & 0xff);
      return text;
    };
    const auto entry = [&](const std::string& key, const std::string& value) {
      return number(key.size(), 1) + key + "S" + number(value.size(), 4) + value;
    };
    const auto table = entry("product", product) + entry("version", version);
    const auto payload = number(10, 2) + number(10, 2) + number(0, 1) + number(9, 1) +
                         number(table.size(), 4) + table + number(5, 4) + "PLAIN" + number(5, 4) +
                         "en_US";
    return "\x1" + number(0, 2) + number(payload.size(), 4) + payload + "\xce";
  };
  const std::pair<std::string, std::string> cases[] = {
      {start("RabbitMQ", "3.7.28"), "3.7.28 is too old"},
      {start("Qpid", "9.0"), "not RabbitMQ"},
      {"HTTP/1.1 400 Bad Request\r\n\r\n", "no AMQP"},
      {start("RabbitMQ", "3.10.8") + std::string("\1\0\5\0\0\0\4\0\x14\0\x29\xce", 12),
       "channel 5, which is not open"},
  };
  for (const auto& [bytes, words] : cases) {
    asio::ip::tcp::acceptor acceptor(io_, {asio::ip::make_address("127.0.0.1"), 0});
    asio::co_spawn(
        io_,
        [](asio::ip::tcp::acceptor& at, std::string say) -> asio::awaitable<void> {
          auto socket = co_await at.async_accept(asio::use_awaitable);
          co_await asio::async_write(socket, asio::buffer(say), asio::use_awaitable);
          asio::steady_timer timer(socket.get_executor(), Seconds{1});
          co_await timer.async_wait(asio::use_awaitable);
        }(acceptor, bytes),
        [](std::exception_ptr) {});
    auto options = Options();
    options.url.addresses.front().port = acceptor.local_endpoint().port();
    const auto error = Refusal(options);
    EXPECT_THAT(error.ToString(), HasSubstr(words));
  }
}

}  // namespace
}  // namespace prov::amqp
