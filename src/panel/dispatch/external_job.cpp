#include "panel/dispatch/external_job.hpp"

#include <algorithm>

#include "panel/store_gate.hpp"

namespace prov::panel {

Result<job::Record> AdoptExternalJob(store::Transaction& t, const store::Agent& agent,
                                     const Catalogue& catalogue, const job::Event& event,
                                     WallTime now) {
  const auto& ordered = *event.state->ordered;
  store::Creation creation;
  creation.status = job::Status::kDispatched;
  creation.undelivered = false;
  creation.known_app = catalogue.Find(ordered.app_id) != nullptr;
  auto& job = creation.job;
  job.id = *event.job;
  job.app_id = ordered.app_id;
  job.app_version = ordered.app_version;
  job.installer_digest = ordered.installer_digest;
  job.server_id = agent.id;
  job.action = ordered.action;
  job.inputs = ordered.inputs;
  job.sealed_inputs = ordered.sealed_inputs;
  job.retry = ordered.attempts;
  job.user_id = job::kExternalUser;
  job.origin = job::Origin::kExternal;
  job.claimed_user_id = ordered.user_id;
  job.created_at = std::min(ordered.issued_at, now);
  PROV_CHECK(t.jobs().Insert(creation));
  PROV_CHECK(t.audit().Append({now,
                               "agent:" + agent.id,
                               "job.external",
                               job.id.ToString(),
                               {{"app_id", job.app_id}, {"claimed_user", ordered.user_id}}}));
  return t.jobs().Get(kPanel, job.id);
}

}  // namespace prov::panel
