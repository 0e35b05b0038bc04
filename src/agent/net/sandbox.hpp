// What is left to the network process, which talks to whoever answers at the panel's address: its
// sockets, its memory, and reading what names are resolved with. Whoever takes it over can send and
// receive, and no more (docs/security/threat-model.md).
#pragma once

#include <vector>

#include "base/files.hpp"
#include "base/result.hpp"

namespace prov::agent {

// For good, for this process and every thread of it; call it while there is only one, with
// no_new_privs set. System calls that are not needed fail with EPERM: to start a program or a
// process, to open a file for writing, to make any socket but TCP's and UDP's, to have a terminal
// do anything. Where the kernel has Landlock (5.13, Debian 12's own), only files in `readable`
// directories and in /etc can be read besides; true where it has.
Result<bool> EnterSandbox(const std::vector<Path>& readable);

}  // namespace prov::agent
