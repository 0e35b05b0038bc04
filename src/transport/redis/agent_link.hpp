// The agent's end of the queue in Redis, over two connections: one waits for jobs, the other does
// all else (docs/formats/redis.md, docs/decisions/0019-the-queue-in-redis.md).
#pragma once

#include <deque>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "net/event.hpp"
#include "redis/blocking_client.hpp"
#include "redis/client.hpp"
#include "transport/complaints.hpp"
#include "transport/queue.hpp"
#include "transport/redis/keys.hpp"

namespace prov::transport::redis {

struct AgentLinkOptions {
  std::string agent;
  prov::redis::ConnectionOptions connection;
  KeyStyle keys = KeyStyle::kPlain;
  Millis heartbeat{10'000};
  Millis heartbeat_life{45'000};  // after the last one it is gone from Redis
  Millis wait{20'000};            // for a job, before the connection is made sure of
  Millis first_pause{200};        // after a failure; doubled each time, with jitter
  Millis longest_pause{10'000};
  Millis resend{5'000};  // events that were sent and are not acknowledged
};

class RedisAgentLink final : public AgentLink {
 public:
  // kInvalidArgument for certificates that cannot be used.
  static Result<std::unique_ptr<RedisAgentLink>> Create(boost::asio::any_io_executor executor,
                                                        AgentLinkOptions options,
                                                        const Clock& clock, Random& random,
                                                        Logger& logger);
  ~RedisAgentLink() override;
  boost::asio::awaitable<void> Run(AgentPort& port) override;

 private:
  RedisAgentLink(boost::asio::any_io_executor executor, AgentLinkOptions options,
                 std::unique_ptr<prov::redis::Connector> connector, const Clock& clock,
                 Random& random, Logger& logger);
  Status Connect();

  boost::asio::awaitable<void> JobLoop(AgentPort& port);
  boost::asio::awaitable<Status> TakeJobs(AgentPort& port);
  boost::asio::awaitable<Status> TakeProcessing(AgentPort& port);
  boost::asio::awaitable<Status> TakeJob(AgentPort& port, std::string parcel);

  boost::asio::awaitable<void> DeskLoop(AgentPort& port);
  boost::asio::awaitable<Status> Beat();
  boost::asio::awaitable<Status> TakeAck(AgentPort& port);
  boost::asio::awaitable<Status> TakeCommands(AgentPort& port);

  boost::asio::awaitable<void> EventLoop(AgentPort& port);
  boost::asio::awaitable<Status> ForgetSent(AgentPort& port);
  boost::asio::awaitable<Status> SendEvents(AgentPort& port);
  boost::asio::awaitable<Status> Remind(AgentPort& port);
  bool HasRoom(const AgentPort& port);

  boost::asio::awaitable<Result<std::vector<prov::redis::Value>>> CallAll(
      std::vector<prov::redis::Command> commands);
  void Changed(const Status& connection);

  boost::asio::any_io_executor executor_;
  AgentLinkOptions options_;
  AgentKeys keys_;
  const Clock& clock_;
  Random& random_;
  Complaints complaints_;
  std::unique_ptr<prov::redis::Connector> connector_;
  prov::redis::BlockingClient jobs_;
  std::unique_ptr<prov::redis::Client> client_;

  bool woken_ = false;  // there is something to look for
  net::Event wake_;
  SteadyTime beat_at_{};

  struct Sent {
    std::uint64_t seq = 0;
    std::size_t bytes = 0;
  };
  std::deque<Sent> unacknowledged_;
  std::size_t unacknowledged_bytes_ = 0;
  std::uint64_t sent_ = 0;  // events up to here, as far as is known
};

}  // namespace prov::transport::redis
