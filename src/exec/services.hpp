// Whether the services an installer declares are active after it (docs/contract.md, C-SVC-1).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/files.hpp"

namespace prov::exec {

// Nothing once all are active; a sentence naming those that are not by the deadline. Where systemd
// is PID 1 it is asked; elsewhere RunsWithoutSystemd. Blocks, in steps of 250 ms.
std::optional<std::string> CheckServices(const std::vector<std::string>& services,
                                         const Clock& clock, Seconds deadline);

// Whether a process of this unit runs: one of the program of its ExecStart (for a script, one that
// was given the script to run), or the one its PIDFile names. True for what only systemd could run
// (timers, sockets, ..) and for what does not stay (Type=oneshot): nothing can be asked there.
// False where there is no such unit. Unit files are looked for below `root`. Blocks for a moment.
bool RunsWithoutSystemd(const std::string& unit, const Path& root = "/");

}  // namespace prov::exec
