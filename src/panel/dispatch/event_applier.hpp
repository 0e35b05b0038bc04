// What agents report, written into the store: verified, in sequence, each event once, whatever came
// how often and in what order (docs/formats/events.md).
//
// What was signed by no key of the agent, or cannot be read, is never applied and never
// acknowledged: what stands before it is, and the agent is marked until something verifiable
// follows, which may take a new epoch (docs/operations/agent.md).
//
// Where events are missing that can never come (an old backup was restored), the same transaction
// asks the agent for the state of its unsettled jobs. While that command waits, whatever state the
// agent reports is believed: the steps between are what was lost.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "job/record.hpp"
#include "panel/bounded_pool.hpp"
#include "panel/dispatch/job_listener.hpp"
#include "panel/dispatch/key_ring.hpp"
#include "panel/dispatch/verified_event.hpp"
#include "panel/live/live_hub.hpp"
#include "panel/registry/registry.hpp"
#include "panel/store_gate.hpp"
#include "transport/queue.hpp"

namespace prov::panel {

// What one delivery did. Assigned anew by each run of the transaction.
struct Applied {
  std::uint64_t position = 0;
  std::set<Uuid> jobs;
  bool servers = false;
  bool gap = false;
  bool told = false;             // there is a new command for the agent
  std::optional<Error> refusal;  // of everything that came
  std::uint32_t generation = 1;  // to sign with
  std::vector<job::Record> finished;
  std::vector<std::string> refused;  // sentences for the log
  std::size_t refusals_audited = 0;
};

class EventApplier {
 public:
  // `registry` says why jobs fail. `wake` is told of an agent for which there is a new command.
  EventApplier(StoreGate& store, const Registry& registry, LiveHub& hub, const KeyRing& keys,
               const Clock& clock, Random& random, Logger& logger,
               std::function<void(const std::string&)> wake);

  boost::asio::awaitable<Result<std::string>> Deliver(std::string agent,
                                                      std::vector<std::string> events);
  // Told of each job that an agent ended, after the commit.
  void OnFinished(JobListener listener) { on_finished_ = std::move(listener); }

 private:
  static constexpr std::size_t kVerifiers = 2;
  static constexpr std::size_t kDeliveriesWaiting = 1000;

  void Tell(const std::string& agent, const Applied& applied);
  boost::asio::awaitable<Result<std::shared_ptr<const Delivery>>> Verify(
      const std::string& agent, std::span<const std::string> events);
  boost::asio::awaitable<Result<Applied>> Apply(std::shared_ptr<const Delivery> delivery);
  // How many more of an agent's refused events go into the audit.
  std::size_t RefusalsLeft(const std::string& agent);
  void CountRefusals(const std::string& agent, std::size_t audited);

  StoreGate& store_;
  const Registry& registry_;
  LiveHub& hub_;
  const KeyRing& keys_;
  const Clock& clock_;
  Random& random_;
  Logger& logger_;
  std::function<void(const std::string&)> wake_;
  JobListener on_finished_;
  struct Audited {
    SteadyTime since{};
    std::size_t refusals = 0;
  };
  std::map<std::string, Audited> audited_;  // by agent
  // Logs are unpacked there; requests and streams do not wait for it.
  BoundedPool pool_{kVerifiers, kDeliveriesWaiting};
};

}  // namespace prov::panel
