// The panel's end of the queue in Redis: parcels into the lists of agents, and what agents add to
// their streams handed to the panel (docs/formats/redis.md,
// docs/decisions/0019-the-queue-in-redis.md). Any number of panels share one Redis.
//
// Single-threaded: every call is made on the thread that runs the executor.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "net/event.hpp"
#include "net/task_group.hpp"
#include "redis/client.hpp"
#include "redis/subscriber.hpp"
#include "transport/complaints.hpp"
#include "transport/directory.hpp"
#include "transport/queue.hpp"
#include "transport/redis/keys.hpp"
#include "transport/strangers.hpp"

namespace prov::transport::redis {

struct PanelEndOptions {
  prov::redis::ConnectionOptions connection;
  KeyStyle keys = KeyStyle::kPlain;
  std::size_t parcels = 1000;  // waiting for one agent
  // All agents are looked at so often, for what this panel was not told of.
  Millis round{20'000};
  Millis between_rounds{1'000};  // at least, where one is wanted sooner
  // An agent's stream is one panel's for so long after it read it last. A panel that dies delays
  // events by this much, where another does not.
  Millis lease{10'000};
  Millis answer{3'000};  // of Redis
  std::size_t readers = 8;
  std::size_t waiting = 100'000;  // agents to be read; what is beyond is found by the next round
  Millis first_pause{100};        // after a failure; doubled each time, with jitter
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
  // Ends that: what was not committed stays in Redis, for another panel or the next life. Until it
  // returned, `sink` may be called.
  boost::asio::awaitable<void> Stop();

  boost::asio::awaitable<Status> Push(std::string agent, Parcel parcel) override;
  boost::asio::awaitable<Result<bool>> Holds(std::string agent, Parcel parcel) override;
  boost::asio::awaitable<Result<std::size_t>> Depth(std::string agent) override;

  // Messages by their channels, for whoever listens; an error says that not all were heard.
  boost::asio::awaitable<Status> Publish(std::vector<std::pair<std::string, std::string>> messages);

  std::string_view server() const override { return "Redis"; }
  const Status& connection() const override { return connection_; }
  // Of all agents, as the last look at them found.
  std::uint64_t events_waiting() const override { return events_waiting_; }

 private:
  // Reads the streams of its share of the agents, one after the other.
  struct Reader {
    Reader(boost::asio::any_io_executor executor, std::unique_ptr<prov::redis::Pipeline> read)
        : streams(std::move(read)), wake(executor) {}
    // Of its own: a stream beyond the limits ends the connection that it is read over.
    std::unique_ptr<prov::redis::Pipeline> streams;
    std::deque<std::string> agents;              // to be read
    std::set<std::string, std::less<>> waiting;  // the same
    net::Event wake;
  };
  // What was read of a stream at once.
  struct Read {
    std::vector<std::string> entries;  // their ids
    std::vector<std::string> events;
  };
  struct Waiting {
    bool held = false;
    std::size_t parcels = 0;  // of all kinds
  };

  PanelEnd(boost::asio::any_io_executor executor, PanelEndOptions options, EventSink& sink,
           AgentDirectory& directory, const Clock& clock, Random& random, Logger& logger);
  Status Connect();
  prov::redis::ClientOptions Options() const;
  Status AddReader();

  boost::asio::awaitable<Result<Waiting>> Look(const AgentKeys& keys, const Parcel& parcel);
  boost::asio::awaitable<Result<std::vector<prov::redis::Value>>> CallAll(
      std::vector<prov::redis::Command> commands);

  boost::asio::awaitable<void> Listen();
  boost::asio::awaitable<void> GoRound();
  boost::asio::awaitable<Status> LookAtAll();
  // How many events they have in Redis.
  boost::asio::awaitable<Result<std::uint64_t>> LookAt(std::vector<std::string> agents);
  void Told(const prov::redis::Notice& notice);
  void RoundSoon();

  void ToRead(std::string agent);
  boost::asio::awaitable<void> ReadLoop(Reader& reader);
  boost::asio::awaitable<Status> ReadStream(Reader& reader, std::string agent);
  boost::asio::awaitable<Result<Read>> ReadEntries(Reader& reader, const std::string& agent);
  boost::asio::awaitable<Result<bool>> TakeLease(const std::string& agent);
  boost::asio::awaitable<void> GiveLeasesBack();

  boost::asio::any_io_executor executor_;
  PanelEndOptions options_;
  EventSink& sink_;
  AgentDirectory& directory_;
  const Clock& clock_;
  Random& random_;
  Logger& logger_;
  Complaints complaints_;
  std::string name_;  // of this panel, among those that share Redis
  Status connection_ = Error{ErrorCode::kUnavailable, "there is no connection to Redis yet"};
  std::unique_ptr<prov::redis::Pipeline> client_;
  std::unique_ptr<prov::redis::Subscriber> subscriber_;
  std::vector<std::unique_ptr<Reader>> readers_;
  std::map<std::string, std::string, std::less<>> known_;  // agents, and their last heartbeats
  Strangers strangers_;
  std::map<std::string, SteadyTime> leases_;  // streams that are this panel's
  std::uint64_t events_waiting_ = 0;
  bool round_now_ = false;
  net::Event round_;
  net::TaskGroup tasks_;
};

}  // namespace prov::transport::redis
