#include "exec/services.hpp"

#include <charconv>
#include <ctime>
#include <fstream>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "exec/command.hpp"
#include "exec/pidref.hpp"
#include "exec/unit_file.hpp"

namespace prov::exec {
namespace {

namespace fs = std::filesystem;

bool IsActive(const std::string& unit) {
  const auto status = RunCommand({"/usr/bin/systemctl", "is-active", "--quiet", unit});
  return status && *status == 0;
}

// systemd.service(5): where a program without a directory is looked for.
std::optional<std::string> Resolve(const std::string& program) {
  std::error_code fault;
  if (program.starts_with('/')) {
    const auto found = fs::canonical(program, fault).string();
    return fault ? std::nullopt : std::optional(found);
  }
  for (const Path directory :
       {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}) {
    const auto found = fs::canonical(directory / program, fault).string();
    if (!fault && fs::is_regular_file(found, fault)) return found;
  }
  return std::nullopt;
}

bool IsScript(const Path& program) {
  std::ifstream file(program, std::ios::binary);
  char start[2] = {};
  return file.read(start, 2) && start[0] == '#' && start[1] == '!';
}

// By the executable itself: a process's own name can be anything. An upgrade leaves those that run
// with the replaced file.
bool Executes(const Path& process, const std::string& program) {
  std::error_code gone;
  auto running = fs::read_symlink(process / "exe", gone).string();
  constexpr std::string_view kReplaced = " (deleted)";
  if (running.ends_with(kReplaced)) running.resize(running.size() - kReplaced.size());
  return !gone && running == program;
}

// The kernel starts a script's interpreter with the script's path after what its first line says;
// with `env`, that is two words at most.
bool Interprets(const Path& process, const std::string& script) {
  constexpr std::size_t kLongestStart = 16 * 1024;
  constexpr int kFirstWords = 4;
  std::ifstream file(process / "cmdline", std::ios::binary);
  std::string argument;
  for (int i = 0; i < kFirstWords && std::getline(file, argument, '\0'); ++i) {
    std::error_code fault;
    if (i > 0 && argument.starts_with('/') && argument.size() < kLongestStart &&
        fs::canonical(argument, fault) == script)
      return true;
  }
  return false;
}

bool ProgramRuns(const std::string& program) {
  const bool script = IsScript(program);
  std::error_code fault;
  for (fs::directory_iterator each("/proc", fault), end; !fault && each != end;
       each.increment(fault)) {
    if (each->path().filename().string().find_first_not_of("0123456789") != std::string::npos)
      continue;
    if (script ? Interprets(each->path(), program) : Executes(each->path(), program)) return true;
  }
  return false;
}

// A file left by a process of the past may name a stranger by now: one that started after it was
// written.
bool PidFileNamesTheLiving(Path file) {
  if (file.is_relative()) file = "/run" / file;
  const auto text = ReadFile(file, 64);
  struct stat status{};
  std::int64_t pid = 0;
  if (!text || stat(file.c_str(), &status) != 0 ||
      std::from_chars(text->data(), text->data() + text->size(), pid).ec != std::errc{})
    return false;
  const auto process = ReferTo(pid);
  timespec now{};
  timespec since_boot{};
  clock_gettime(CLOCK_REALTIME, &now);
  clock_gettime(CLOCK_BOOTTIME, &since_boot);
  const auto ticks = static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
  return process &&
         now.tv_sec - since_boot.tv_sec + static_cast<std::int64_t>(process->start_time / ticks) <=
             status.st_mtim.tv_sec + 1;
}

}  // namespace

bool RunsWithoutSystemd(const std::string& unit, const Path& root) {
  if (!unit.ends_with(".service")) return true;
  const auto service = FindServiceUnit(root, unit);
  if (!service) return false;
  if (service->oneshot) return true;
  const auto program = Resolve(service->program);
  return (program && ProgramRuns(*program)) ||
         (!service->pid_file.empty() && PidFileNamesTheLiving(service->pid_file));
}

std::optional<std::string> CheckServices(const std::vector<std::string>& services,
                                         const Clock& clock, Seconds deadline) {
  const bool systemd = fs::exists("/run/systemd/system");
  const auto until = clock.Steady() + deadline;
  for (;;) {
    std::vector<std::string> missing;
    for (const auto& service : services) {
      const auto unit = service.find('.') == std::string::npos ? service + ".service" : service;
      if (!(systemd ? IsActive(unit) : RunsWithoutSystemd(unit))) missing.push_back(unit);
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
