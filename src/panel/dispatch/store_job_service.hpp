// JobService over the store: each call is one transaction, and what it writes is delivered by the
// dispatcher, which is woken afterwards.
#pragma once

#include <functional>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "job/command.hpp"
#include "panel/dispatch/job_listener.hpp"
#include "panel/dispatch/job_service.hpp"
#include "panel/dispatch/key_ring.hpp"
#include "panel/live/live_hub.hpp"

namespace prov::panel {

// How long an order is valid from when the job was made.
inline constexpr Seconds kOrderValid = std::chrono::hours{24};

class StoreJobService final : public JobService {
 public:
  // `wake` is told the agent whose queue has something new.
  using Wake = std::function<void(const std::string& agent)>;
  StoreJobService(StoreGate& store, Registry& registry, LiveHub& hub, const KeyRing& keys,
                  const Clock& clock, Random& random, Logger& logger, Wake wake);

  // Told of a job that was canceled before it was sent anywhere.
  void OnFinished(JobListener listener) { on_finished_ = std::move(listener); }

  boost::asio::awaitable<OrProblem<Submitted>> Submit(
      store::Actor actor, Submission submission, std::optional<KeyedRequest> keyed = {}) override;
  boost::asio::awaitable<OrProblem<Submitted>> Cancel(
      store::Actor actor, Uuid id, std::optional<KeyedRequest> keyed = {}) override;
  boost::asio::awaitable<OrProblem<Submitted>> RetryNow(
      store::Actor actor, Uuid id, std::optional<KeyedRequest> keyed = {}) override;
  boost::asio::awaitable<OrProblem<Submitted>> Retry(
      store::Actor actor, Uuid id, boost::json::object inputs,
      std::optional<KeyedRequest> keyed = {}) override;

 private:
  boost::asio::awaitable<OrProblem<Submitted>> Create(store::Actor actor, Submission submission,
                                                      std::optional<Uuid> retry_of,
                                                      std::optional<KeyedRequest> keyed);
  // What a person asks of a job that there is.
  struct Asked {
    store::Actor actor;
    Uuid id;
    Uuid command_id;  // of what the agent is told
    WallTime now{};
  };
  // In the transaction: the record after it, unchanged where it was asked for already. kConflict
  // where the job's state does not allow it.
  using Act = Result<job::Record> (StoreJobService::*)(store::Transaction& t,
                                                       const Asked& asked) const;
  boost::asio::awaitable<OrProblem<Submitted>> Ask(store::Actor actor, Uuid id,
                                                   std::optional<KeyedRequest> keyed, Act act);
  Result<job::Record> CancelIn(store::Transaction& t, const Asked& asked) const;
  Result<job::Record> RetryNowIn(store::Transaction& t, const Asked& asked) const;
  // Signed now, and sent until its effect is reported.
  Status Tell(store::Transaction& t, const Asked& asked, const std::string& server_id,
              job::CommandType type, const std::function<void(job::Command&)>& fill) const;
  OrProblem<store::Creation> Compose(const store::Actor& actor, const Submission& submission,
                                     const Installer& installer, const store::Agent& agent,
                                     const boost::json::object& remembered);

  StoreGate& store_;
  Registry& registry_;
  LiveHub& hub_;
  const KeyRing& keys_;
  const Clock& clock_;
  Random& random_;
  Logger& logger_;
  Wake wake_;
  JobListener on_finished_;
};

}  // namespace prov::panel
