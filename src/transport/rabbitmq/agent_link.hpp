// The agent's end of the queue in RabbitMQ (docs/formats/rabbitmq.md,
// docs/decisions/0022-the-queue-in-rabbitmq.md).
#pragma once

#include <deque>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>

#include "amqp/client.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "net/backoff.hpp"
#include "net/event.hpp"
#include "transport/complaints.hpp"
#include "transport/queue.hpp"
#include "transport/rabbitmq/names.hpp"

namespace prov::transport::rabbitmq {

struct AgentLinkOptions {
  std::string agent;
  amqp::ConnectionOptions connection;
  Millis heartbeat{10'000};
  Millis first_pause{200};  // after a failure; doubled each time, with jitter
  Millis longest_pause{10'000};
  // Where a panel was asked for its queue and says nothing, the agent asks again after this, and
  // after twice as long each time, up to the second.
  Millis ask_again{15'000};
  Millis longest_ask_again{60'000};
  // Events that were sent and are not acknowledged: after this the first of them is sent again, and
  // after twice as long each time, up to the second; not while no panel takes heartbeats.
  Millis resend{5'000};
  Millis longest_resend{300'000};
};

class RabbitmqAgentLink final : public AgentLink {
 public:
  // kInvalidArgument for certificates that cannot be used.
  static Result<std::unique_ptr<RabbitmqAgentLink>> Create(boost::asio::any_io_executor executor,
                                                           AgentLinkOptions options,
                                                           const Clock& clock, Random& random,
                                                           Logger& logger);
  ~RabbitmqAgentLink() override;
  boost::asio::awaitable<void> Run(AgentPort& port) override;

 private:
  RabbitmqAgentLink(boost::asio::any_io_executor executor, AgentLinkOptions options,
                    const Clock& clock, Random& random, Logger& logger);
  Status Connect();

  boost::asio::awaitable<void> TakeLoop(AgentPort& port);
  boost::asio::awaitable<Status> TakeParcels(AgentPort& port, net::Backoff& backoff);
  boost::asio::awaitable<Status> AskForQueue();
  boost::asio::awaitable<void> TakeOne(AgentPort& port, amqp::Channel& channel,
                                       amqp::Delivery delivery, net::Backoff& backoff);
  boost::asio::awaitable<void> HandOn(AgentPort& port, std::string bytes, net::Backoff& backoff);

  boost::asio::awaitable<void> BeatLoop();
  boost::asio::awaitable<Status> Beat(net::Backoff& backoff);

  boost::asio::awaitable<void> EventLoop(AgentPort& port);
  void LookAtAcknowledged(const AgentPort& port);
  boost::asio::awaitable<Status> SendEvents(AgentPort& port, bool probe);
  boost::asio::awaitable<Status> OpenEvents();
  void ProbeSoon();
  boost::asio::awaitable<void> AcknowledgementLoop(AgentPort& port);
  bool HasRoom(const AgentPort& port);

  // Publishes with confirms, and hears what is answered to kDirectReplyTo.
  boost::asio::awaitable<Result<std::unique_ptr<amqp::Channel>>> OpenForAnswers();
  amqp::Message Presence(std::string_view type) const;
  void Changed(const Status& connection);

  boost::asio::any_io_executor executor_;
  AgentLinkOptions options_;
  const Clock& clock_;
  Random& random_;
  Complaints complaints_;
  std::unique_ptr<amqp::Client> client_;

  Millis ask_again_{0};
  bool heard_ = false;  // the last heartbeat: a panel is there

  struct Sent {
    std::uint64_t seq = 0;
    std::size_t bytes = 0;
  };
  std::shared_ptr<amqp::Channel> events_;  // and their acknowledgements
  net::Event events_opened_;
  std::deque<Sent> unacknowledged_;
  std::size_t unacknowledged_bytes_ = 0;
  std::uint64_t sent_ = 0;          // events up to here are with the broker
  std::uint64_t acknowledged_ = 0;  // as it was when last looked at
  bool probed_ = false;             // the first unacknowledged event was sent again
  Millis resend_{0};                // until the next one is
  SteadyTime probe_at_{};
};

}  // namespace prov::transport::rabbitmq
