// Jobs, as people ask for them: made, canceled, made again. HTTP is the caller's; here are the
// rules. Refusals are net::Problem, so that every door answers with the same code and sentence.
#pragma once

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

// The same key with the same body answers the same again; with another body it is a conflict.
struct IdempotencyRequest {
  std::string key;   // 1..255 characters, checked by the caller
  std::string body;  // the request's bytes; only a keyed MAC of them is kept
};

struct Submitted {
  job::Record job;
  bool replayed = false;
};

template <class T>
using OrProblem = std::variant<T, net::Problem>;

class JobService {
 public:
  virtual ~JobService() = default;
  // unknown_app, invalid_installer, action_not_supported, unknown_server, server_not_registered,
  // invalid_input (every field at once), too_large, idempotency_conflict, unavailable.
  virtual boost::asio::awaitable<OrProblem<Submitted>> Submit(
      store::Actor actor, Submission submission, std::optional<IdempotencyRequest> idempotency) = 0;
  // What is queued is canceled at once; from dispatched on the agent is told, and decides.
  // already_over (409), not_found.
  virtual boost::asio::awaitable<OrProblem<job::Record>> Cancel(store::Actor actor, Uuid id) = 0;
  // A new job with `retry_of`: plain inputs are copied, sensitive ones come from `inputs`.
  // not_over (409) for an active job, invalid_input naming each sensitive input that is missing.
  virtual boost::asio::awaitable<OrProblem<Submitted>> Retry(
      store::Actor actor, Uuid id, boost::json::object inputs,
      std::optional<IdempotencyRequest> idempotency) = 0;
};

}  // namespace prov::panel
