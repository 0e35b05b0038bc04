// What the end of an attempt is for the panel, by the one table of the contract
// (src/contract/exit_code.hpp). Pure and thread-safe.
#pragma once

#include "exec/exit_record.hpp"
#include "job/event.hpp"

namespace prov::agent {

bool AsksForReboot(const exec::ExitRecord& record, bool may_reboot);

// As if no other attempt, and no reboot, followed.
job::StateChange OutcomeOf(const exec::ExitRecord& record);

void SetFailed(job::StateChange& change, job::FailureKind kind);

}  // namespace prov::agent
