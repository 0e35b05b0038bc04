// The agent's end of the embedded transport: polls, which carry the events there are and wait for
// parcels; and, for events that come up while a poll waits, requests on a second connection
// (docs/decisions/0011-agent-connections.md). All signed with the http key.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "net/event.hpp"
#include "net/http_client.hpp"
#include "signing/keys.hpp"
#include "transport/queue.hpp"

namespace prov::transport::http {

struct AgentLinkOptions {
  std::string agent;
  std::uint32_t generation = 1;
  signing::SecretBytes http_key;
  std::string panel_url;  // its origin
  Path ca_file;
  Millis first_pause{200};  // after a failure; doubled each time, with jitter
  Millis longest_pause{10'000};
  Millis resend{5'000};  // events that were sent and are not acknowledged
};

class HttpAgentLink final : public AgentLink {
 public:
  // kInvalidArgument for a URL that is none, or plain http beyond loopback.
  static Result<std::unique_ptr<HttpAgentLink>> Create(boost::asio::any_io_executor executor,
                                                       AgentLinkOptions options, const Clock& clock,
                                                       Random& random, Logger& logger);
  ~HttpAgentLink() override;
  boost::asio::awaitable<void> Run(AgentPort& port) override;

 private:
  HttpAgentLink(boost::asio::any_io_executor executor, AgentLinkOptions options,
                std::unique_ptr<net::HttpClient> client, const Clock& clock, Random& random,
                Logger& logger);
  boost::asio::awaitable<void> PollLoop(AgentPort& port);
  boost::asio::awaitable<void> EventLoop(AgentPort& port);
  boost::asio::awaitable<Status> PollOnce(AgentPort& port, std::vector<std::string>& taken);
  boost::asio::awaitable<Status> SendEvents(AgentPort& port);
  // One request with events at a time, or they would overtake each other.
  class Turn;
  struct Batch {
    std::vector<std::string> events;
    std::uint64_t last = 0;  // the last one's sequence number
  };
  boost::asio::awaitable<Result<Batch>> NextBatch(AgentPort& port);
  void Sent(AgentPort& port, const Batch& batch, bool arrived);
  boost::asio::awaitable<Result<std::string>> Post(std::string target, std::string body);
  void LearnClock(WallTime panel_now);
  void Connected(bool connected, std::string_view why);

  boost::asio::any_io_executor executor_;
  AgentLinkOptions options_;
  std::unique_ptr<net::HttpClient> client_;
  const Clock& clock_;
  Random& random_;
  Logger& logger_;
  std::uint64_t sent_ = 0;       // events up to here, as far as is known
  bool sending_ = false;         // somebody has the turn
  bool events_refused_ = false;  // the last time; a poll then goes without, so that orders come
  net::Event turn_over_;
  Millis offset_{0};  // the panel's clock minus ours
  bool connected_ = false;
  std::string last_failure_;
};

}  // namespace prov::transport::http
