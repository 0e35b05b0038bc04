// The panel's end of the queue in RabbitMQ: parcels into the queues of agents, and what agents
// publish handed to the panel (docs/formats/rabbitmq.md,
// docs/decisions/0022-the-queue-in-rabbitmq.md). Any number of panels share one RabbitMQ.
//
// Single-threaded: every call is made on the thread that runs the executor.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "amqp/client.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "net/backoff.hpp"
#include "net/event.hpp"
#include "net/task_group.hpp"
#include "transport/complaints.hpp"
#include "transport/directory.hpp"
#include "transport/queue.hpp"
#include "transport/strangers.hpp"

namespace prov::transport::rabbitmq {

struct PanelEndOptions {
  amqp::ConnectionOptions connection;
  std::size_t parcels = 1000;  // waiting for one agent
  // A parcel counts as held for so long after its queue is empty, unless the agent said that it
  // took it. Then it was lost, or what the agent said was.
  Millis unreceipted{10'000};
  // Events that the store did not take in this time are another panel's, where there is one.
  Millis lease{10'000};
  Millis round{20'000};  // so often the directory is asked who is to be heard
  Millis between_rounds{1'000};
  // A queue that confirms nothing of what is pushed, for so long, is made anew.
  Millis leaderless{10'000};
  // Before queues are made that agents ask for, at most: of panels that make the same one at the
  // same time, RabbitMQ ends one's connection.
  Millis stagger{1'000};
  Millis first_pause{100};  // after a failure; doubled each time, with jitter
  Millis longest_pause{5'000};
};

class PanelEnd final : public JobQueue, public QueueServer {
 public:
  // Connects in the background. kInvalidArgument for certificates that cannot be used. All that is
  // referred to outlives it.
  static Result<std::unique_ptr<PanelEnd>> Create(boost::asio::any_io_executor executor,
                                                  PanelEndOptions options, EventSink& sink,
                                                  AgentDirectory& directory, const Clock& clock,
                                                  Random& random, Logger& logger);
  ~PanelEnd() override;

  // From now on events and heartbeats are handed on.
  void Start();
  // Ends that: what was not committed stays in RabbitMQ, for another panel or the next life. Until
  // it returned, `sink` may be called.
  boost::asio::awaitable<void> Stop();

  boost::asio::awaitable<Status> Push(std::string agent, Parcel parcel) override;
  boost::asio::awaitable<Result<bool>> Holds(std::string agent, Parcel parcel) override;
  boost::asio::awaitable<Result<std::size_t>> Depth(std::string agent) override;

  std::string_view server() const override { return "RabbitMQ"; }
  const Status& connection() const override { return connection_; }

 private:
  // Parcels that this panel pushed and that the agent did not say it took: when, by their ids.
  using Pushed = std::map<std::string, SteadyTime, std::less<>>;
  // Of one agent.
  struct Events {
    std::vector<std::string> bytes;
    std::string reply_to;  // of the newest
  };

  PanelEnd(boost::asio::any_io_executor executor, PanelEndOptions options, EventSink& sink,
           AgentDirectory& directory, const Clock& clock, Random& random, Logger& logger);
  Status Connect();

  boost::asio::awaitable<Result<std::shared_ptr<amqp::Channel>>> Outwards();
  boost::asio::awaitable<Result<std::size_t>> DeclareAndCount(const std::string& agent);

  void ForgetPushed(const std::string& agent, const std::string& id);
  boost::asio::awaitable<void> QueueIsSilent(const std::string& agent);

  // Until it hears what agents say they took; an error where that takes too long.
  boost::asio::awaitable<Status> UntilItHears();
  boost::asio::awaitable<void> HearLoop();
  boost::asio::awaitable<Status> Hear(net::Backoff& backoff);
  void Told(const amqp::Delivery& told);
  boost::asio::awaitable<void> RoundLoop();
  boost::asio::awaitable<Status> LookAtDirectory();
  // It is an agent that is to be heard.
  void Know(const std::string& agent);
  // Makes the queues of agents that ask for theirs, one after the other, and tells them.
  boost::asio::awaitable<void> QueueLoop();
  boost::asio::awaitable<void> MakeQueues();
  void AsksForQueue(const std::string& agent, const std::string& reply_to);
  // Evenly, below `below`.
  std::size_t Dice(std::size_t below);
  boost::asio::awaitable<Status> MakeQueue(const std::string& agent, const std::string& reply_to);

  boost::asio::awaitable<void> EventLoop(std::size_t shard);
  boost::asio::awaitable<Status> TakeEvents(std::size_t shard, net::Backoff& backoff);
  boost::asio::awaitable<Status> DeliverAll(std::vector<amqp::Delivery> batch);
  boost::asio::awaitable<Status> DeliverTo(std::string agent, Events events);

  boost::asio::any_io_executor executor_;
  PanelEndOptions options_;
  EventSink& sink_;
  AgentDirectory& directory_;
  const Clock& clock_;
  Random& random_;
  Logger& logger_;
  Complaints complaints_;
  Status connection_ = Error{ErrorCode::kUnavailable, "there is no connection to RabbitMQ yet"};
  // What comes may have to wait for the store; what goes, heartbeats too, does not wait behind it.
  std::unique_ptr<amqp::Client> client_;
  std::unique_ptr<amqp::Client> events_;
  std::shared_ptr<amqp::Channel> outwards_;
  std::map<std::string, Pushed, std::less<>> pushed_;  // by agent
  // Agents whose queue did not confirm what was pushed last: since when.
  std::map<std::string, SteadyTime, std::less<>> silent_;
  std::set<std::string, std::less<>> known_;  // agents that are to be heard
  Strangers strangers_;
  // Who asks for its queue, and where it listens for the answer.
  using Asking = std::map<std::string, std::string, std::less<>>;
  Asking asking_;
  Asking strangers_asking_;  // Strangers::kMost of them
  net::Event asked_;
  bool started_ = false;
  bool hears_ = false;
  net::Event hears_now_;
  bool round_now_ = false;
  net::Event round_;
  net::TaskGroup tasks_;
};

}  // namespace prov::transport::rabbitmq
