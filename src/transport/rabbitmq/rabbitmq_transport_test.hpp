// The queue in RabbitMQ with a real server, for the conformance suite and for tests of either end.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "support/rabbitmq_server.hpp"
#include "transport/conformance_test.hpp"
#include "transport/rabbitmq/agent_link.hpp"
#include "transport/rabbitmq/panel_end.hpp"
#include "transport/test_agents_test.hpp"

namespace prov::transport::rabbitmq {

class RabbitmqTransport final : public TransportUnderTest {
 public:
  explicit RabbitmqTransport(boost::asio::io_context& io, bool tls = false)
      : RabbitmqTransport(io, test::RabbitmqServer::Shared(), tls) {}
  RabbitmqTransport(boost::asio::io_context& io, test::RabbitmqServer& server, bool tls)
      : io_(io), tls_(tls), server_(server), vhost_(server_.MakeVhost()) {}
  ~RabbitmqTransport() override {
    end_.reset();
    server_.Resume();
    server_.DeleteVhost(vhost_);
  }

  void StartPanel(EventSink& sink) override {
    end_ = MakePanel(sink);
    end_->Start();
  }
  boost::asio::awaitable<void> StopPanel() override {
    co_await end_->Stop();
    end_.reset();
  }
  JobQueue& queue() override { return *end_; }
  std::unique_ptr<AgentLink> MakeLink(const std::string& agent) override {
    agents_.names.insert(agent);
    AgentLinkOptions options;
    options.agent = agent;
    options.connection = Connection();
    if (sign_in) sign_in(options.connection.url, agent);
    options.heartbeat = heartbeat;
    options.first_pause = Millis{5};
    options.longest_pause = Millis{100};
    options.ask_again = ask_again;
    options.longest_ask_again = ask_again;
    options.resend = resend;
    options.longest_resend = Millis{1'000};
    auto link =
        RabbitmqAgentLink::Create(io_.get_executor(), std::move(options), clock_, random_, log_);
    EXPECT_TRUE(link) << link.error().ToString();
    return std::move(*link);
  }

  // One more panel on the same RabbitMQ.
  std::unique_ptr<PanelEnd> MakePanel(EventSink& sink) {
    PanelEndOptions options;
    options.connection = Connection();
    options.parcels = kQueueLimit;
    options.unreceipted = unreceipted;
    options.lease = lease;
    options.between_rounds = Millis{20};
    options.stagger = stagger;
    options.leaderless = leaderless;
    options.first_pause = Millis{5};
    options.longest_pause = Millis{100};
    auto end = PanelEnd::Create(io_.get_executor(), std::move(options), sink, agents_, clock_,
                                random_, log_);
    EXPECT_TRUE(end) << end.error().ToString();
    return std::move(*end);
  }
  amqp::ConnectionOptions Connection() const {
    amqp::ConnectionOptions options;
    options.url = *amqp::ParseUrl(server_.url(vhost_));
    options.url.addresses.insert(options.url.addresses.end(), others.begin(), others.end());
    options.heartbeat = Seconds{2};  // which is what a server that says nothing is known by
    options.connect = Seconds{30};   // a busy machine's server is a slow one
    options.answer = answer;
    if (tls_) {
      options.url.tls = true;
      options.url.addresses.front().port = server_.tls_port();
      options.ca_file = server_.certificates().ca;
      options.client_certificate = server_.certificates().client_certificate;
      options.client_key = server_.certificates().client_key;
    }
    return options;
  }

  test::RabbitmqServer& server() { return server_; }
  PanelEnd& end() { return *end_; }
  TestAgents& agents() { return agents_; }
  // On a server that has lost everything.
  void RestoreVhost() { server_.MakeVhost(vhost_); }
  const std::string& vhost() const { return vhost_; }

  // As whom agents sign in; guest, who may do anything.
  std::function<void(amqp::Url& url, const std::string& agent)> sign_in;
  std::vector<net::Address> others;  // beside the server's, in the URL
  Millis heartbeat{10'000};
  Millis ask_again{1'000};
  Millis stagger{5};
  Millis leaderless{10'000};
  Millis resend{100};
  Millis lease{10'000};
  Millis answer{15'000};
  // Longer than any test waits: what only this time finds comes too late.
  Millis unreceipted{60'000};

 private:
  boost::asio::io_context& io_;
  bool tls_;
  SystemClock clock_;
  SystemRandom random_;
  NullLogger log_;
  TestAgents agents_;
  test::RabbitmqServer& server_;
  std::string vhost_;
  std::unique_ptr<PanelEnd> end_;
};

// Tests of both ends with an agent "a".
class RabbitmqTest : public TransportTest {
 protected:
  void RunFor(Millis time) {
    io_.restart();
    io_.run_for(time);
  }
  // Until it took so many orders, named "0" and so on, and so many of its events are acknowledged.
  // Meanwhile, as the reconciler does it, what was not taken and the queue does not hold is pushed
  // again.
  void UntilAllArrived(int orders, std::size_t events, Seconds within) {
    auto& agent = Agent("a");
    const auto until = std::chrono::steady_clock::now() + within;
    while (agent.taken() < static_cast<std::size_t>(orders) || agent.acknowledged() < events) {
      ASSERT_LT(std::chrono::steady_clock::now(), until)
          << agent.taken() << " of " << orders << " taken, " << panel_.events_of["a"].size()
          << " of " << events << " events applied, " << agent.acknowledged() << " acknowledged";
      for (int i = 0; i < orders; ++i) {
        const auto id = std::to_string(i);
        if (agent.journal.contains("order " + id)) continue;
        const auto held = Await(queue().Holds("a", Order(id)));
        if (held && !*held) std::ignore = Push("a", id);
      }
      RunFor(Millis{20});
    }
    EXPECT_EQ(panel_.events_of["a"], agent.outbox);
    EXPECT_EQ(agent.journal.size(), static_cast<std::size_t>(orders));
  }
};

// Plain ones are in rabbitmq_faults_test.cpp.
inline TransportFactory TlsRabbitmqTransport() {
  return {"RabbitMQTls", [](boost::asio::io_context& io) {
            return std::make_unique<RabbitmqTransport>(io, /*tls=*/true);
          }};
}

}  // namespace prov::transport::rabbitmq
