// Who this agent is: its keys, and the epoch of its journal with what that is bound to. Files in
// the state directory, 0600, root's (docs/formats/agent-state.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/sealing.hpp"
#include "base/clock.hpp"
#include "base/files.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/uuid.hpp"
#include "exec/paths.hpp"
#include "job/event.hpp"
#include "signing/keys.hpp"

namespace prov::agent {

// What the panel may have signed with before the present keys, and this agent too: two generations
// are valid at once.
struct PreviousKeys {
  std::uint32_t generation = 1;
  signing::SecretBytes job_key;
  signing::SecretBytes event_key;
};

struct Identity {
  std::string agent_id;
  std::uint32_t generation = 1;
  signing::SecretBytes job_key;
  signing::SecretBytes event_key;
  signing::SecretBytes http_key;
  Sealing sealing;
  std::optional<PreviousKeys> previous;
};

// <state>/keys: written at enrolment, atomically; and <state>/sealing-key, which is another file
// because it is changed at other times and by others. kNotFound when this agent is not enrolled,
// kCorrupt when it is not what WriteIdentity writes, kPermissionDenied when others can read it.
Result<Identity> ReadIdentity(const exec::StatePaths& state);
// All but the sealing keys (sealing.hpp).
Status WriteIdentity(const exec::StatePaths& state, const Identity& identity);
// As founded: an agent that is configured with SECRET_KEY derives its keys.
Result<Identity> DeriveIdentity(const std::string& agent_id, std::string_view secret_key,
                                const exec::StatePaths& state);

// The present keys as what is kept beside the next ones.
PreviousKeys KeysBefore(const Identity& identity);
// The payload of what the panel signed under either job key; kPermissionDenied for anything else.
Result<std::string> VerifyFromPanel(const Identity& identity, std::string_view envelope,
                                    std::string_view payload_type);
// The payload of an event of this agent's own, under either event key.
Result<std::string> VerifyOwnEvent(const Identity& identity, std::string_view envelope);

// What an epoch is bound to; where it differs from what is recorded, a new epoch begins.
struct MachineBinding {
  std::string machine_id;
  std::string root_uuid;  // of the root file system
  bool operator==(const MachineBinding&) const = default;
};
// Only what is known of both is compared: a link that udev has not made yet is no other machine.
bool SameMachine(const MachineBinding& a, const MachineBinding& b);
MachineBinding ReadMachineBinding();

struct Epoch {
  Uuid id;
  WallTime since{};
  std::optional<Uuid> previous;
  std::string reason;  // "first start", "the journal was lost", "this is another machine", …
  MachineBinding binding;
  std::vector<Uuid> earlier;  // those before `previous`, the newest first
};
// <state>/epoch; kNotFound before the first start.
Result<Epoch> ReadEpoch(const exec::StatePaths& state);
Status WriteEpoch(const exec::StatePaths& state, const Epoch& epoch);
// The epoch that is recorded, if it is this machine's; a new one otherwise, recorded. Enrolment and
// the executor's start call it. `reason` forces a new one where it is not empty. Where the record
// is gone or damaged, the epoch before it is taken from the journal.
Result<Epoch> EnsureEpoch(const exec::StatePaths& state, const Clock& clock, Random& random,
                          std::string reason = "");

// What the agent says of it.
job::EpochFacts EpochFactsOf(const Epoch& epoch);

// The state directory is root's alone, and so are its parents; it is made where it is missing.
// kPermissionDenied says which directory is whose.
Status PrepareStateDirectory(const exec::StatePaths& state);
// Held by the agent that runs with this state; kConflict while another process holds it.
Result<UniqueFd> LockState(const exec::StatePaths& state);
// Held while this server is enrolled, which sends the sealing key that is there, and while that is
// changed; kConflict while another process holds it.
Result<UniqueFd> LockEnrolment(const exec::StatePaths& state);
// That nobody but root can change what is in `directory` or swap a parent of it.
Status CheckOwnership(const Path& directory);

}  // namespace prov::agent
