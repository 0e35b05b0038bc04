#include "panel/dispatch/preflight.hpp"

#include "base/json.hpp"
#include "job/event.hpp"

namespace prov::panel {

std::optional<contract::MachineFacts> MachineOf(const store::Agent& agent) {
  const auto facts = json::Parse<job::Facts>(agent.facts);
  if (!facts || !facts->os.id_like) return std::nullopt;
  contract::MachineFacts machine;
  machine.os = {facts->os.id, *facts->os.id_like, facts->os.version, facts->os.pretty_name};
  machine.architecture = facts->os.architecture;
  machine.ram_mb = static_cast<std::int64_t>(facts->memory_mb);
  machine.free_disk_mb = static_cast<std::int64_t>(facts->disk_free_mb + job::kFactsStepMb - 1);
  machine.cpus = facts->cpus;
  return machine;
}

std::optional<net::Problem> Preflight(const contract::Manifest& manifest,
                                      const store::Agent& agent) {
  const auto machine = MachineOf(agent);
  if (!machine) return std::nullopt;
  const auto unmet = contract::CheckMachine(manifest, *machine);
  if (unmet.empty()) return std::nullopt;
  net::Problem problem{.status = 422,
                       .code = "unsuitable_server",
                       .detail = manifest.id + " cannot run on " + agent.id};
  for (const auto& each : unmet)
    problem.errors.push_back({"/server_id", each.requirement, each.message});
  return problem;
}

std::optional<net::Problem> CheckServer(const contract::Manifest& manifest,
                                        const std::string& server_id,
                                        const std::optional<store::Agent>& agent) {
  if (!agent) {
    return net::Problem{
        .status = 422,
        .code = "unknown_server",
        .detail = "there is no server `" + server_id + "`; GET /api/servers lists them"};
  }
  if (agent->sealing_key.empty()) {
    return net::Problem{.status = 409,
                        .code = "server_not_registered",
                        .detail = server_id + " was seen, but is not enrolled"};
  }
  return Preflight(manifest, *agent);
}

Result<boost::json::object> LastInputs(store::Transaction& t, const store::Actor& actor,
                                       const std::string& app_id, const std::string& server_id,
                                       contract::Action action) {
  if (action != contract::Action::kUninstall && action != contract::Action::kCheck)
    return boost::json::object();
  PROV_TRY(auto jobs, t.jobs().Installed(actor, server_id, app_id));
  return jobs.empty() ? boost::json::object() : std::move(jobs.front().inputs);
}

}  // namespace prov::panel
