// Whether a job is taken (DESIGN, "Envelope", "Whitelist"): everything the executor checks ITSELF
// of an order whose signature, agent and novelty are established, in this order: epoch, validity,
// whitelist, room, digest, manifest, inputs, machine. Room comes before the digest since the
// installer is copied while it is hashed. Nothing has run when one of them fails.
#pragma once

#include <map>
#include <string>
#include <variant>

#include "agent/configuration.hpp"
#include "agent/executor/installer_store.hpp"
#include "agent/identity.hpp"
#include "base/clock.hpp"
#include "contract/input_validation.hpp"
#include "contract/machine.hpp"
#include "contract/manifest.hpp"
#include "exec/paths.hpp"
#include "exec/runner.hpp"
#include "job/order.hpp"
#include "job/status.hpp"

namespace prov::agent {

// An order with the manifest of its verified copy.
struct PreparedJob {
  job::Order order;
  contract::Manifest manifest;
};

struct Refusal {
  job::Status status = job::Status::kRejected;  // kRejected, kExpired or kLost
  std::string reason;                           // "installer_mismatch: a sentence"
};

// Manifests of trees that were verified before, by application and digest: the same bytes say the
// same. Not thread-safe.
class KnownManifests {
 public:
  // The manifest in `installer`, a verified copy.
  Result<contract::Manifest> Load(const Path& installer, const std::string& app_id,
                                  const std::string& digest);

 private:
  std::map<std::string, contract::Manifest> known_;
};

struct IntakeContext {
  const AgentConfiguration& configuration;
  const exec::StatePaths& state;
  Uuid epoch;
  const contract::MachineFacts& machine;
  WallTime now{};
  KnownManifests& manifests;
  InstallerStore& installers;
  boost::json::object remembered;  // plain inputs of the application's last successful install
};

// On success the store holds what the job was made for. An envelope that seals inputs is on disk,
// durable; any other is for the journal's record to keep.
std::variant<PreparedJob, Refusal> Examine(const IntakeContext& context, job::Order order,
                                           std::string_view envelope);

// What root's scripts source must be nobody else's, as the installers.
Status CheckLibrary(const AgentConfiguration& configuration);

// A job that was taken before a restart, from its envelope. kCorrupt where the store's copy of the
// installer is gone or damaged and the whitelist no longer holds what it was made of.
Result<PreparedJob> LoadPreparedJob(const AgentConfiguration& configuration,
                                    InstallerStore& installers, std::string_view envelope,
                                    const Identity& identity);

// The payload type an envelope claims, to choose what to verify it as.
Result<std::string> ClaimedPayloadType(std::string_view envelope);

// The job that a verified payload names which is no order; nothing where it is none of this
// agent's.
std::optional<Uuid> ClaimedJob(std::string_view payload, std::string_view agent);

// Every reason why the order's inputs do not fit the manifest; sealed ones are named, not opened.
std::vector<contract::InputError> CheckPlainInputs(const contract::Manifest& manifest,
                                                   const job::Order& order,
                                                   const boost::json::object& remembered);

// In the runner: opens the sealed inputs, validates all of them, builds the environment.
Result<exec::ScriptInputs> MakeScriptInputs(const PreparedJob& prepared, const Sealing& sealing,
                                            const boost::json::object& remembered,
                                            contract::EnvironmentFacts facts);

}  // namespace prov::agent
