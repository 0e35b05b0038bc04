#include "contract/machine.hpp"

#include <fmt/format.h>

namespace prov::contract {

std::vector<UnmetRequirement> CheckMachine(const Manifest& manifest, const MachineFacts& machine) {
  std::vector<UnmetRequirement> unmet;
  if (auto os = CheckOs(manifest.os_requirements, machine.os, machine.architecture))
    unmet.push_back(std::move(*os));
  const auto& needs = manifest.resource_requirements;
  const auto check = [&](std::string_view member, const std::optional<std::int64_t>& least,
                         std::int64_t have, std::string_view what) {
    if (least && have < *least) {
      unmet.push_back({fmt::format("resource_requirements.{}", member),
                       fmt::format("{} {} needed, there are {}", *least, what, have)});
    }
  };
  check("min_ram_mb", needs.min_ram_mb, machine.ram_mb, "MB of memory are");
  check("min_disk_mb", needs.min_disk_mb, machine.free_disk_mb, "MB of free disk are");
  check("min_cpus", needs.min_cpus, machine.cpus, "processors are");
  return unmet;
}

}  // namespace prov::contract
