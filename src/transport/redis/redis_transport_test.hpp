// The queue in Redis with a real server, for the conformance suite and for tests of either end.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "support/redis_cluster.hpp"
#include "support/redis_server.hpp"
#include "transport/conformance_test.hpp"
#include "transport/redis/agent_link.hpp"
#include "transport/redis/panel_end.hpp"
#include "transport/test_agents_test.hpp"

namespace prov::transport::redis {

class RedisTransport final : public TransportUnderTest {
 public:
  RedisTransport(boost::asio::io_context& io, test::RedisOptions server,
                 KeyStyle keys = KeyStyle::kPlain)
      : io_(io),
        keys_(keys),
        tls_(server.tls),
        server_(std::make_unique<test::RedisServer>(std::move(server))) {}
  RedisTransport(boost::asio::io_context& io, test::RedisCluster& cluster)
      : io_(io), keys_(KeyStyle::kHashTag), tls_(false), cluster_(&cluster) {}

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
    options.keys = keys_;
    options.heartbeat = heartbeat;
    options.wait = Millis{500};
    options.first_pause = Millis{2};
    options.longest_pause = Millis{20};
    options.resend = Millis{50};
    auto link =
        RedisAgentLink::Create(io_.get_executor(), std::move(options), clock_, random_, log_);
    EXPECT_TRUE(link) << link.error().ToString();
    return std::move(*link);
  }

  // One more panel on the same Redis.
  std::unique_ptr<PanelEnd> MakePanel(EventSink& sink) {
    PanelEndOptions options;
    options.connection = Connection();
    options.keys = keys_;
    options.parcels = kQueueLimit;
    options.round = round;
    options.between_rounds = Millis{20};
    options.lease = lease;
    options.answer = Millis{3'000};
    options.first_pause = Millis{2};
    options.longest_pause = Millis{20};
    auto end = PanelEnd::Create(io_.get_executor(), std::move(options), sink, agents_, clock_,
                                random_, log_);
    EXPECT_TRUE(end) << end.error().ToString();
    return std::move(*end);
  }
  prov::redis::ConnectionOptions Connection() const {
    prov::redis::ConnectionOptions options;
    options.url = *prov::redis::ParseUrl(Url());
    if (tls_) {
      options.ca_file = server_->certificates().ca;
      options.client_certificate = server_->certificates().client_certificate;
      options.client_key = server_->certificates().client_key;
    }
    return options;
  }

  test::RedisServer& server() { return *server_; }
  PanelEnd& end() { return *end_; }
  TestAgents& agents() { return agents_; }

  // As whom agents sign in; nobody's.
  std::function<void(prov::redis::Url& url, const std::string& agent)> sign_in;
  Millis heartbeat{10'000};
  // Longer than any test waits: what only a round finds comes too late.
  Millis round{60'000};
  Millis lease{10'000};

 private:
  std::string Url() const {
    if (cluster_) return cluster_->url();
    return tls_ ? "rediss://127.0.0.1:" + std::to_string(server_->tls_port()) : server_->url();
  }

  boost::asio::io_context& io_;
  KeyStyle keys_;
  bool tls_;
  SystemClock clock_;
  SystemRandom random_;
  NullLogger log_;
  TestAgents agents_;
  std::unique_ptr<test::RedisServer> server_;  // or
  test::RedisCluster* cluster_ = nullptr;
  std::unique_ptr<PanelEnd> end_;
};

// Plain ones are in redis_faults_test.cpp.
inline TransportFactory TlsRedisTransport() {
  return {"RedisTlsHashTags", [](boost::asio::io_context& io) {
            return std::make_unique<RedisTransport>(io, test::RedisOptions{.tls = true},
                                                    KeyStyle::kHashTag);
          }};
}
inline TransportFactory RedisClusterTransport() {
  return {"RedisCluster", [](boost::asio::io_context& io) {
            return std::make_unique<RedisTransport>(io, test::RedisCluster::Shared());
          }};
}

}  // namespace prov::transport::redis
