// The panel's dispatch, wired: jobs and commands to the queue (relay), again where they got lost
// (reconciler), and what agents report into the store.
//
// Single-threaded: every call is made on the panel's io thread.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "net/event.hpp"
#include "net/task_group.hpp"
#include "panel/dispatch/event_applier.hpp"
#include "panel/dispatch/store_job_service.hpp"
#include "store/agents.hpp"

namespace prov::panel {

inline constexpr Millis kUnreachableAfter{45'000};

struct DispatchLimits {
  Millis reconcile{30'000};
  // In an agent's queue: what is beyond stays `queued`, where the panel can still end it.
  std::size_t ahead = 400;
  Millis write_seen{5'000};  // heartbeats are written in groups
  Millis silence = std::chrono::hours{24};
  Millis queued = std::chrono::hours{24};  // before it expires
  // From then on the agent would say `expired` itself, and for as long it is asked.
  Millis unanswered = kOrderValid + std::chrono::hours{1};
  // After a start nobody is given up: the panel was away, not they.
  Millis grace = std::chrono::minutes{5};
};

enum class ServerStatus { kOnline, kUnreachable, kNeverSeen, kDrained };
BOOST_DESCRIBE_ENUM(ServerStatus, kOnline, kUnreachable, kNeverSeen, kDrained)

class Dispatcher final : public transport::EventSink {
 public:
  Dispatcher(boost::asio::any_io_executor executor, StoreGate& store, Registry& registry,
             LiveHub& hub, const KeyRing& keys, const Clock& clock, Random& random, Logger& logger,
             DispatchLimits limits = {});

  JobService& jobs() { return jobs_; }
  // Before Start(); it outlives the dispatcher's tasks.
  void SetQueue(transport::JobQueue& queue) { queue_ = &queue; }
  // Told of each job that ends or parks, whoever said so: its agent, a person, or the panel.
  void OnFinished(JobListener listener) {
    events_.OnFinished(listener);
    jobs_.OnFinished(listener);
    on_finished_ = std::move(listener);
  }
  void Start();
  boost::asio::awaitable<void> Stop();

  // Tells a server to take up no new job, or to do so again; it is drained once it says so.
  // `answer` is kept for an idempotency key; what it was answered before is returned.
  // unknown_server (404), server_not_registered (409), idempotency_conflict (422).
  boost::asio::awaitable<OrProblem<std::optional<store::StoredResponse>>> Drain(
      store::Actor actor, std::string server, bool on, store::StoredResponse answer = {},
      std::optional<IdempotencyRequest> keyed = {});

  // There is something for it, which another panel may have put there.
  void Wake(const std::string& agent);

  ServerStatus StatusOf(const store::Agent& agent) const;
  std::optional<WallTime> LastSeen(const store::Agent& agent) const;

  boost::asio::awaitable<Result<std::string>> Deliver(std::string agent,
                                                      std::vector<std::string> events) override;
  void Seen(const std::string& agent) override;

 private:
  bool Alive(const std::string& agent) const;
  // Several of them run; of one agent, one at a time.
  boost::asio::awaitable<void> RelayLoop();
  boost::asio::awaitable<void> ReconcileLoop();
  boost::asio::awaitable<void> SeenLoop();
  // Jobs for this server that were not handed over yet. False where they could not be.
  boost::asio::awaitable<bool> RelayTo(std::string agent);
  boost::asio::awaitable<void> WakeAllWithUndelivered();
  std::vector<std::string> AliveAgents() const;
  // Of one server, oldest first. What is not handed over keeps its mark.
  boost::asio::awaitable<Status> HandOver(std::vector<store::Delivery> deliveries);
  // False where they could not all be handed over.
  boost::asio::awaitable<bool> SendCommands(std::string agent);
  boost::asio::awaitable<void> SendAgain();
  boost::asio::awaitable<void> SettleSilent();
  boost::asio::awaitable<void> WriteSeen();
  void Complain(std::string_view doing, const Error& error);

  boost::asio::any_io_executor executor_;
  StoreGate& store_;
  LiveHub& hub_;
  const KeyRing& keys_;
  const Clock& clock_;
  Random& random_;
  Logger& logger_;
  DispatchLimits limits_;
  transport::JobQueue* queue_ = nullptr;
  StoreJobService jobs_;
  EventApplier events_;
  JobListener on_finished_;
  struct Heard {
    SteadyTime at;
    WallTime time;  // for people, and for other panels
  };
  SteadyTime started_{};
  std::map<std::string, Heard> seen_;
  std::set<std::string> seen_unwritten_;
  std::vector<std::string> alive_;  // at the last look
  std::set<std::string> woken_;     // agents for which there is something
  std::deque<std::string> turns_;   // those of them that nobody relays to now, first come first
  std::set<std::string> relayed_;   // agents that are being relayed to
  std::set<std::string> behind_;    // agents whose queue had no room for all that waits, or failed
  net::Event wake_;
  net::TaskGroup tasks_;
};

}  // namespace prov::panel
