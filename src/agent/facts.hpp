// What a machine is: for the panel's server page, and for an installer's requirements.
#pragma once

#include "base/files.hpp"
#include "contract/machine.hpp"
#include "job/event.hpp"

namespace prov::agent {

// OS, CPUs, memory, free disk (the least that `on_disk`, /, /usr and /var have) and version; the
// rest of Facts (containment, queue, epoch) is the executor's to fill in.
job::Facts CollectFacts(const Path& on_disk);
// The same machine as the contract's requirements are checked against.
contract::MachineFacts CollectMachine(const Path& on_disk);

}  // namespace prov::agent
