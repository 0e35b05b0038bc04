#include "exec/services.hpp"

#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/files.hpp"

namespace prov::exec {
namespace {

namespace fs = std::filesystem;

bool IsActive(const std::string& unit) {
  const char* arguments[] = {"/usr/bin/systemctl", "is-active", "--quiet", unit.c_str(), nullptr};
  const char* environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", nullptr};
  pid_t pid = -1;
  if (posix_spawn(&pid, arguments[0], nullptr, nullptr, const_cast<char**>(arguments),
                  const_cast<char**>(environment)) != 0)
    return false;
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::string FindProgram(const std::string& unit) {
  for (const char* directory : {"/etc/systemd/system", "/run/systemd/system",
                                "/usr/lib/systemd/system", "/lib/systemd/system"}) {
    if (const auto text = ReadFile(fs::path(directory) / unit, 64 * 1024)) return ProgramOf(*text);
  }
  return "";
}

// By the executable itself: a process's own name can be anything.
bool Runs(const fs::path& program) {
  std::error_code fault;
  const auto wanted = fs::canonical(program, fault);
  if (fault) return false;
  for (fs::directory_iterator each("/proc", fault), end; !fault && each != end;
       each.increment(fault)) {
    if (each->path().filename().string().find_first_not_of("0123456789") != std::string::npos)
      continue;
    std::error_code gone;
    if (fs::read_symlink(each->path() / "exe", gone) == wanted) return true;
  }
  return false;
}

bool Active(const std::string& unit, bool systemd) {
  if (systemd) return IsActive(unit);
  const auto program = FindProgram(unit);
  return !program.empty() && Runs(program);
}

}  // namespace

std::string ProgramOf(std::string_view unit_file) {
  constexpr std::string_view kKey = "ExecStart=";
  for (std::size_t at = 0; at < unit_file.size();) {
    const auto end = std::min(unit_file.find('\n', at), unit_file.size());
    auto line = unit_file.substr(at, end - at);
    at = end + 1;
    if (!line.starts_with(kKey)) continue;
    line.remove_prefix(kKey.size());
    // systemd.service(5), "Command lines": prefixes before the program.
    const auto first = line.find_first_not_of(" @-:+!");
    if (first == std::string_view::npos) continue;  // an empty one resets the list
    line.remove_prefix(first);
    return std::string(line.substr(0, line.find_first_of(" \t")));
  }
  return "";
}

std::optional<std::string> CheckServices(const std::vector<std::string>& services,
                                         const Clock& clock, Seconds deadline) {
  const bool systemd = fs::exists("/run/systemd/system");
  const auto until = clock.Steady() + deadline;
  for (;;) {
    std::vector<std::string> missing;
    for (const auto& service : services) {
      const auto unit = service.find('.') == std::string::npos ? service + ".service" : service;
      if (!Active(unit, systemd)) missing.push_back(unit);
    }
    if (missing.empty()) return std::nullopt;
    if (clock.Steady() >= until) {
      return fmt::format("the script succeeded, but {} not active{}",
                         missing.size() == 1 ? missing.front() + " is"
                                             : fmt::format("{} are", fmt::join(missing, ", ")),
                         deadline > Seconds{0} ? fmt::format(" {} s later", deadline.count()) : "");
    }
    poll(nullptr, 0, 250);
  }
}

}  // namespace prov::exec
