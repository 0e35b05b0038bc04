#include "agent/facts.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <thread>
#include <vector>

#include "base/files.hpp"
#include "contract/os_requirements.hpp"

namespace prov::agent {
namespace {

std::string Architecture() {
  utsname name{};
  uname(&name);
  const std::string_view machine(name.machine);
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  return std::string(machine);
}

contract::OsRelease ReadOs() {
  for (const char* path : {"/etc/os-release", "/usr/lib/os-release"}) {
    if (const auto text = ReadFile(path, 64 * 1024)) return contract::ParseOsRelease(*text);
  }
  return {};
}

// "MemAvailable:   123456 kB" in megabytes; 0 where it is not told.
std::uint64_t MemoryMb(std::string_view meminfo, std::string_view name) {
  const auto at = meminfo.find(name);
  if (at == std::string_view::npos) return 0;
  const auto digits = meminfo.find_first_of("0123456789", at);
  std::uint64_t kilobytes = 0;
  if (digits != std::string_view::npos)
    std::from_chars(meminfo.data() + digits, meminfo.data() + meminfo.size(), kilobytes);
  return kilobytes / 1024;
}

// The least of what packages, their data and our own state find; a path that is not there has none.
std::uint64_t FreeDiskMb(const std::vector<Path>& directories) {
  std::optional<std::uint64_t> least;
  for (const auto& directory : directories) {
    struct statvfs disk{};
    if (statvfs(directory.c_str(), &disk) != 0) continue;
    const auto free = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize / (1 << 20);
    least = least ? std::min(*least, free) : free;
  }
  return least.value_or(0);
}

}  // namespace

job::Facts CollectFacts(const Path& on_disk) {
  job::Facts facts;
  const auto os = ReadOs();
  facts.os = {os.id, os.version_id, os.pretty_name, Architecture(), os.id_like};
  facts.cpus = std::max(1U, std::thread::hardware_concurrency());
  const auto meminfo = ReadFile("/proc/meminfo", 64 * 1024);
  const std::string_view memory = meminfo ? std::string_view(*meminfo) : std::string_view();
  facts.memory_mb = MemoryMb(memory, "MemTotal:");
  facts.memory_available_mb = MemoryMb(memory, "MemAvailable:");
  facts.disk_free_mb = FreeDiskMb({on_disk, "/", "/usr", "/var"});
  facts.agent_version = PROV_VERSION;
  return facts;
}

contract::MachineFacts CollectMachine(const Path& on_disk) {
  const auto facts = CollectFacts(on_disk);
  contract::MachineFacts machine;
  machine.os = ReadOs();
  machine.architecture = facts.os.architecture;
  machine.ram_mb = static_cast<std::int64_t>(facts.memory_mb);
  machine.free_disk_mb = static_cast<std::int64_t>(facts.disk_free_mb);
  machine.cpus = facts.cpus;
  return machine;
}

}  // namespace prov::agent
