// Drain and resume: said by an administrator, done by the agent.
#include "base/json.hpp"
#include "job/command.hpp"
#include "panel/dispatch/dispatcher.hpp"
#include "panel/dispatch/pending_commands.hpp"

namespace prov::panel {
namespace {

// In place of what was said before: of the two only the later one counts.
Status Say(store::Transaction& t, const store::Command& command) {
  PROV_TRY(const auto before, PendingCommands(t, command.agent_id, job::CommandType::kDrain));
  PROV_CHECK(Withdraw(t, before));
  return t.commands().Insert(command);
}

}  // namespace

boost::asio::awaitable<OrProblem<std::optional<store::StoredResponse>>> Dispatcher::Drain(
    store::Actor actor, std::string server, bool on, store::StoredResponse answer,
    std::optional<IdempotencyRequest> keyed) {
  const auto now = clock_.Now();
  const auto id = Uuid::MakeV7(clock_, random_);
  const Idempotency idempotency(actor, keyed, keys_, now);
  using Found = std::optional<store::Replay>;
  const auto said = co_await store_.Write([this, actor, server, on, now, id, idempotency,
                                           answer](store::Transaction& t) -> Result<Found> {
    PROV_TRY(auto found, idempotency.Find(t));
    if (found) return found;
    PROV_TRY(const auto agent, t.agents().Get(actor, server));
    const auto epoch = Uuid::Parse(agent.epoch);
    if (!epoch || agent.sealing_key.empty())
      return Error{ErrorCode::kConflict, server + " was seen, but is not enrolled", {}};
    auto command = CommandHeader(agent.id, *epoch, id, now);
    command.drain = job::Drain{on};
    PROV_TRY(const auto row, SignedCommand(keys_, agent, id, job::CommandType::kDrain, command));
    PROV_CHECK(Say(t, row));
    PROV_CHECK(t.audit().Append({now,
                                 actor.user_id,
                                 on ? "server.drain_requested" : "server.resume_requested",
                                 server,
                                 {}}));
    PROV_CHECK(idempotency.Keep(t, answer));
    return Found();
  });
  if (!said) {
    auto problem = net::ToProblem(said.error());
    if (problem.status == 404) {
      problem.code = "unknown_server";
      problem.detail = "there is no server `" + server + "`; GET /api/servers lists them";
    }
    if (problem.status == 409) problem.code = "server_not_registered";
    co_return problem;
  }
  if (*said) {
    auto verdict = idempotency.Judge(**said);
    if (auto* conflict = std::get_if<net::Problem>(&verdict)) co_return std::move(*conflict);
    co_return std::move(std::get<store::StoredResponse>(verdict));
  }
  logger_.Info(on ? "drain_requested" : "resume_requested",
               {{"server_id", server}, {"user_id", actor.user_id}});
  Wake(server);
  co_return std::nullopt;
}

}  // namespace prov::panel
