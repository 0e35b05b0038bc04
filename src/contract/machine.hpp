// Whether a machine is one an installer can run on (docs/contract.md, "The machine"). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "contract/manifest.hpp"

namespace prov::contract {

struct MachineFacts {
  OsRelease os;
  std::string architecture;  // "amd64", "arm64"
  std::int64_t ram_mb = 0;
  std::int64_t free_disk_mb = 0;
  std::int64_t cpus = 0;
};

// All that is not met; empty when the machine fits.
std::vector<UnmetRequirement> CheckMachine(const Manifest& manifest, const MachineFacts& machine);

}  // namespace prov::contract
