// The embedded transport with a real server on loopback, for the conformance suite and for tests of
// either end.
#pragma once

#include <optional>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "net/http_server.hpp"
#include "net/loopback_fixture_test.hpp"
#include "net/router.hpp"
#include "support/temporary_directory.hpp"
#include "transport/conformance_test.hpp"
#include "transport/http/agent_link.hpp"
#include "transport/http/panel_end.hpp"

namespace prov::transport::http {

inline signing::SecretBytes TestHttpKey(const std::string& agent, std::uint32_t generation = 1) {
  return signing::DeriveAgentKey(std::string(32, 's'), signing::Purpose::kHttp, agent, generation)
      .value();
}

// Every agent but "nobody" is registered, with generation 1.
class TestDirectory final : public AgentDirectory, public Registrar {
 public:
  boost::asio::awaitable<Result<HttpAccess>> AccessOf(std::string agent,
                                                      std::uint32_t generation) override {
    if (agent == "nobody" || generation != 1)
      co_return Error{ErrorCode::kUnauthenticated, "there is no such key", {}};
    co_return HttpAccess{TestHttpKey(agent), {}};
  }
  boost::asio::awaitable<Result<std::vector<std::string>>> Heard() override {
    co_return std::vector<std::string>();
  }
  boost::asio::awaitable<Result<std::string>> Enrol(std::string, std::string) override {
    co_return Error{ErrorCode::kUnauthenticated, "nobody is enrolled here", {}};
  }
};

class HttpTransport final : public TransportUnderTest {
 public:
  HttpTransport(boost::asio::io_context& io, bool tls, const Clock& panel_clock)
      : io_(io), panel_clock_(panel_clock), reserved_(io) {
    if (tls) files_ = net::MakeCertificate(directory_.path(), "IP:127.0.0.1");
    // Bound and not listening: nobody else gets the port while the panel is away.
    using Tcp = boost::asio::ip::tcp;
    reserved_.open(Tcp::v4());
    reserved_.set_option(Tcp::socket::reuse_address(true));
    reserved_.bind({boost::asio::ip::address_v4::loopback(), 0});
  }

  void StartPanel(EventSink& sink) override {
    PanelEndLimits limits;
    limits.parcels = kQueueLimit;
    limits.poll = Seconds{60};  // longer than any test waits
    end_ = std::make_unique<PanelEnd>(io_.get_executor(), panel_clock_, sink, directory_of_agents_,
                                      directory_of_agents_, log_, limits);
    router_ = std::make_unique<net::Router>();
    end_->AddRoutes(*router_);
    net::ServerOptions options;
    options.port = reserved_.local_endpoint().port();
    options.tls = files_;
    options.limits.scan = Millis{10};
    options.handler = [this](net::Request request) {
      ++requests[request.path];
      return router_->Dispatch(std::move(request), before_);
    };
    options.on_failure = [](std::string_view what) { ADD_FAILURE() << what; };
    auto server = net::HttpServer::Listen(io_.get_executor(), clock_, std::move(options));
    ASSERT_TRUE(server) << server.error().ToString();
    server_ = std::move(*server);
  }
  boost::asio::awaitable<void> StopPanel() override {
    end_->Close();
    co_await server_->Drain();
    server_.reset();
    router_.reset();
    end_.reset();
  }
  JobQueue& queue() override { return *end_; }
  std::unique_ptr<AgentLink> MakeLink(const std::string& agent) override {
    return MakeLink(agent, clock_);
  }
  std::unique_ptr<AgentLink> MakeLink(const std::string& agent, const Clock& agent_clock) {
    AgentLinkOptions options;
    options.agent = agent;
    options.http_key = TestHttpKey(agent);
    options.panel_url = Origin();
    options.ca_file = files_ ? files_->certificate : Path();
    options.first_pause = Millis{2};
    options.longest_pause = Millis{20};
    options.resend = Millis{50};
    auto link =
        HttpAgentLink::Create(io_.get_executor(), std::move(options), agent_clock, random_, log_);
    EXPECT_TRUE(link) << link.error().ToString();
    return std::move(*link);
  }

  std::string Origin() const {
    return (files_ ? "https://127.0.0.1:" : "http://127.0.0.1:") +
           std::to_string(reserved_.local_endpoint().port());
  }
  net::HttpServer& server() { return *server_; }
  std::map<std::string, int> requests;  // by their path

 private:
  // The routes authenticate by themselves.
  const net::Router::Before before_ =
      [](const net::Route&, net::Request&) -> boost::asio::awaitable<std::optional<net::Response>> {
    co_return std::nullopt;
  };

  boost::asio::io_context& io_;
  const Clock& panel_clock_;
  SystemClock clock_;
  SystemRandom random_;
  NullLogger log_;
  test::TemporaryDirectory directory_;
  std::optional<net::TlsFiles> files_;
  TestDirectory directory_of_agents_;
  boost::asio::ip::tcp::socket reserved_;
  std::unique_ptr<PanelEnd> end_;
  std::unique_ptr<net::Router> router_;
  std::unique_ptr<net::HttpServer> server_;
};

inline TransportFactory MakeHttpFactory(std::string name, bool tls) {
  return {std::move(name), [tls](boost::asio::io_context& io) {
            static const SystemClock clock;
            return std::make_unique<HttpTransport>(io, tls, clock);
          }};
}
inline TransportFactory PlainHttpTransport() { return MakeHttpFactory("Http", false); }
inline TransportFactory TlsTransport() { return MakeHttpFactory("Https", true); }

}  // namespace prov::transport::http
