// Whether the services an installer declares are active after it (docs/contract.md, C-SVC-1).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace prov::exec {

// Nothing once all are active; a sentence naming those that are not by the deadline. Where systemd
// is PID 1 it is asked; elsewhere a process of the unit's ExecStart must run. Blocks, in steps of
// 250 ms.
std::optional<std::string> CheckServices(const std::vector<std::string>& services,
                                         const Clock& clock, Seconds deadline);

// The program of the first ExecStart of a unit file, without systemd's prefixes; "" when there is
// none. Pure.
std::string ProgramOf(std::string_view unit_file);

}  // namespace prov::exec
