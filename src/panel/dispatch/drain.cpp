// Drain and resume: said by an administrator, done by the agent.
#include "base/json.hpp"
#include "job/command.hpp"
#include "panel/dispatch/dispatcher.hpp"

namespace prov::panel {
namespace {

constexpr Seconds kCommandValid = std::chrono::hours{24};
constexpr std::string_view kDrain = "drain";
constexpr std::size_t kMostPending = 1000;

// In place of what was said before: of the two only the later one counts.
Status Say(store::Transaction& t, const store::Command& command) {
  PROV_TRY(const auto pending, t.commands().Pending(command.agent_id, kMostPending));
  for (const auto& other : pending) {
    if (other.kind == kDrain) PROV_CHECK(t.commands().Confirm(other.id));
  }
  return t.commands().Insert(command);
}

}  // namespace

boost::asio::awaitable<std::optional<net::Problem>> Dispatcher::Drain(store::Actor actor,
                                                                      std::string server, bool on) {
  const auto now = clock_.Now();
  const auto id = Uuid::MakeV7(clock_, random_);
  const auto said =
      co_await store_.Write([this, actor, server, on, now, id](store::Transaction& t) -> Status {
        PROV_TRY(const auto agent, t.agents().Get(actor, server));
        const auto epoch = Uuid::Parse(agent.epoch);
        if (!epoch || agent.sealing_key.empty())
          return Error{ErrorCode::kConflict, server + " was seen, but is not enrolled", {}};
        job::Command command;
        command.agent = agent.id;
        command.epoch = *epoch;
        command.nonce = CommandNonce(id);
        command.issued_at = now;
        command.expires_at = now + kCommandValid;
        command.drain = job::Drain{on};
        PROV_TRY(auto bytes,
                 keys_.SignCommand(job::CommandType::kDrain, command, agent.key_generation));
        PROV_CHECK(Say(t, {id, agent.id, std::string(kDrain), std::nullopt, std::move(bytes), now,
                           command.expires_at}));
        PROV_CHECK(t.audit().Append({now,
                                     actor.user_id,
                                     on ? "server.drain_requested" : "server.resume_requested",
                                     server,
                                     {}}));
        return {};
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
  logger_.Info(on ? "drain_requested" : "resume_requested",
               {{"server_id", server}, {"user_id", actor.user_id}});
  Wake(server);
  co_return std::nullopt;
}

}  // namespace prov::panel
