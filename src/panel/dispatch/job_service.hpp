// Jobs, as people ask for them: made, canceled, made again. HTTP is the caller's; here are the
// rules. Refusals are net::Problem, so that every door answers with the same code and sentence.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>

#include <boost/asio/awaitable.hpp>
#include <boost/json.hpp>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/uuid.hpp"
#include "contract/action.hpp"
#include "job/record.hpp"
#include "net/problem.hpp"
#include "panel/dispatch/idempotency.hpp"
#include "panel/registry/registry.hpp"
#include "panel/store_gate.hpp"
#include "store/actor.hpp"

namespace prov::panel {

struct Submission {
  std::string app_id;
  std::string server_id;
  boost::json::object inputs;
  contract::Action action = contract::Action::kInstall;
};

// A request with an Idempotency-Key, and how its door answers: of the job as the transaction leaves
// it. The answer is kept in the same transaction, so `answer` runs on a thread of the store.
struct KeyedRequest {
  IdempotencyRequest idempotency;
  std::function<store::StoredResponse(const job::Record&)> answer;
};

struct Submitted {
  job::Record job;                                // of a replay: empty
  std::optional<store::StoredResponse> replayed;  // what the request was answered before
};

template <class T>
using OrProblem = std::variant<T, net::Problem>;

class JobService {
 public:
  virtual ~JobService() = default;
  // unknown_app, invalid_installer, action_not_supported, unknown_server, server_not_registered,
  // unsuitable_server (every requirement it does not meet), invalid_input (every field at once),
  // too_large, idempotency_conflict, unavailable.
  virtual boost::asio::awaitable<OrProblem<Submitted>> Submit(
      store::Actor actor, Submission submission, std::optional<KeyedRequest> keyed = {}) = 0;
  // What is queued is canceled at once; from dispatched on the agent is told, and decides.
  // already_over (409), not_found, idempotency_conflict.
  virtual boost::asio::awaitable<OrProblem<Submitted>> Cancel(
      store::Actor actor, Uuid id, std::optional<KeyedRequest> keyed = {}) = 0;
  // The agent is told to end the wait before the next attempt; asked again meanwhile, nothing is
  // added. not_waiting (409) where no attempt is waited for, or a cancel is under way; not_found,
  // idempotency_conflict.
  virtual boost::asio::awaitable<OrProblem<Submitted>> RetryNow(
      store::Actor actor, Uuid id, std::optional<KeyedRequest> keyed = {}) = 0;
  // A new job with `retry_of`: plain inputs are copied, sensitive ones come from `inputs`.
  // not_over (409) for an active job, invalid_input naming each sensitive input that is missing.
  virtual boost::asio::awaitable<OrProblem<Submitted>> Retry(
      store::Actor actor, Uuid id, boost::json::object inputs,
      std::optional<KeyedRequest> keyed = {}) = 0;
};

}  // namespace prov::panel
