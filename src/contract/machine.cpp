#include "contract/machine.hpp"

#include <fmt/format.h>

namespace prov::contract {

std::vector<std::string> CheckMachine(const Manifest& manifest, const MachineFacts& machine) {
  std::vector<std::string> reasons;
  const auto os = CheckOs(manifest.os_requirements, machine.os, machine.architecture);
  if (!os) reasons.push_back(os.error().message);
  const auto& needs = manifest.resource_requirements;
  const auto check = [&](const std::optional<std::int64_t>& least, std::int64_t have,
                         std::string_view what) {
    if (least && have < *least) {
      reasons.push_back(fmt::format("{} {} needed, there are {}", *least, what, have));
    }
  };
  check(needs.min_ram_mb, machine.ram_mb, "MB of memory are");
  check(needs.min_disk_mb, machine.free_disk_mb, "MB of free disk are");
  check(needs.min_cpus, machine.cpus, "processors are");
  return reasons;
}

}  // namespace prov::contract
