// Many simulated agents on one io_context, each with its own keys and its own link to the panel:
// the real ones of src/transport.
//
// Single-threaded.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/log.hpp"
#include "net/http_client.hpp"
#include "net/task_group.hpp"
#include "redis/client.hpp"
#include "simulated_agent.hpp"

namespace prov::bench {

struct FleetOptions {
  std::string panel_url;
  Path ca_file;  // of the panel, and of Redis or RabbitMQ
  std::string secret_key;
  std::string queue_url;                     // of Redis or RabbitMQ; "": agents poll the panel
  std::string redis_administrator_password;  // of Redis's default user
};

// What the links say of themselves, counted.
class LinkLog final : public Logger {
 public:
  void Write(LogLevel level, std::string_view event, const LogSubject& subject,
             boost::json::object metadata) override;
  std::uint64_t disconnected() const { return disconnected_; }
  const std::string& last_reason() const { return last_reason_; }

 private:
  std::uint64_t disconnected_ = 0;
  std::string last_reason_;
};

class Fleet {
 public:
  Fleet(boost::asio::any_io_executor executor, FleetOptions options);

  // Enrols agents until there are `count`; in Redis they have their users then.
  boost::asio::awaitable<Status> Enrol(std::size_t count);
  // Those of RabbitMQ, of the agents enrolled since (transport/rabbitmq/user.hpp): before they
  // connect, an administrator is to import them.
  std::vector<std::string> TakeUserDefinitions() { return std::exchange(definitions_, {}); }
  // Connects all that are enrolled, until the panel has heard each.
  boost::asio::awaitable<Status> Connect();

  // Submits `per_second` jobs for `seconds` through the API, one agent after the other, and waits
  // until each has ended, for half a minute at most.
  struct Load {
    double per_second = 1;
    double seconds = 1;
    std::string api_token;
  };
  struct Outcome {
    std::size_t submitted = 0;
    std::size_t refused = 0;          // submits, by the panel
    std::size_t unfinished = 0;       // jobs
    std::size_t came_again = 0;       // orders, beyond the first of a job
    std::string why;                  // the last refusal of a submit
    std::vector<double> accepted_ms;  // sorted, since the request
    std::vector<double> ended_ms;
  };
  boost::asio::awaitable<Result<Outcome>> Run(Load load);

  std::size_t size() const { return members_.size(); }
  const LinkLog& links() const { return log_; }
  // Parcels that agents did not take, as sentences.
  std::vector<std::string> refused_parcels() const;

 private:
  struct Member {
    std::unique_ptr<SimulatedAgent> agent;
    std::unique_ptr<transport::AgentLink> link;  // null before it connects
  };
  boost::asio::awaitable<void> EnrolUntil(std::size_t count);
  boost::asio::awaitable<Status> EnrolNext(net::HttpClient& panel);
  Result<std::unique_ptr<transport::AgentLink>> MakeLink(const SimulatedIdentity& identity);
  Result<std::unique_ptr<transport::AgentLink>> MakeHttpLink(const SimulatedIdentity& identity);
  Result<std::unique_ptr<transport::AgentLink>> MakeRedisLink(const SimulatedIdentity& identity);
  Result<std::unique_ptr<transport::AgentLink>> MakeRabbitmqLink(const SimulatedIdentity& identity);
  boost::asio::awaitable<Status> ConnectAdministrator();
  boost::asio::awaitable<void> Submit(net::HttpClient& panel, std::string agent,
                                      std::string api_token, Outcome& outcome);
  std::size_t Heard() const;
  boost::asio::awaitable<Status> UntilHeard(std::size_t count);
  boost::asio::awaitable<void> Sleep(Millis time);
  Result<std::unique_ptr<net::HttpClient>> MakeClient() const;

  boost::asio::any_io_executor executor_;
  FleetOptions options_;
  SystemClock clock_;
  SystemRandom random_;
  LinkLog log_;
  Ledger ledger_;
  std::unique_ptr<redis::Client> administrator_;
  std::vector<Member> members_;
  std::vector<std::string> definitions_;
  std::size_t begun_ = 0;  // enrolments
  Status failure_;
  net::TaskGroup links_;
  std::size_t next_agent_ = 0;  // that gets a job
};

}  // namespace prov::bench
