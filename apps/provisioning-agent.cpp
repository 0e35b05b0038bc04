// provisioning-agent: run (the executor), enroll, rotate-sealing-key, and the net role, in one
// binary.
#include <cstdio>
#include <map>
#include <string>
#include <unistd.h>
#include <vector>

#include "agent/configuration.hpp"
#include "agent/enroll/enroll_command.hpp"
#include "agent/enroll/rotate_command.hpp"
#include "agent/executor/daemon.hpp"
#include "agent/exit_status.hpp"
#include "agent/net/name_service.hpp"
#include "agent/net/net_role.hpp"
#include "base/service_manager.hpp"
#include "exec/cgroup.hpp"

namespace {

using namespace prov;

void PrintHelp() {
  std::puts(
      "provisioning-agent [run] [--config FILE] [--check-config] [--SETTING VALUE ...]\n"
      "provisioning-agent enroll --panel URL [--token-file FILE] [--ca-file FILE] [--id ID] "
      "[--new-epoch]\n"
      "provisioning-agent rotate-sealing-key [--config FILE] [--state-dir DIR]\n"
      "provisioning-agent --version | --help\n\nSettings, also in the file and as NAME or "
      "NAME_FILE "
      "in the environment:");
  for (const auto& setting : agent::AgentSettings()) {
    std::printf("  %-28s %s%s%s\n", setting.name.c_str(), setting.help.c_str(),
                setting.default_value ? "; default " : "",
                setting.default_value ? setting.default_value->c_str() : "");
  }
}

int Fail(const std::string& sentence) { return agent::Fail(agent::kUsage, sentence); }

int RunDaemon(const std::vector<std::string>& arguments) {
  std::map<std::string, std::string> flags;
  std::string file;
  bool check = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto& flag = arguments[i];
    if (flag == "--check-config") {
      check = true;
      continue;
    }
    if (!flag.starts_with("--") || i + 1 == arguments.size())
      return Fail("`" + flag + "` is not understood, or lacks a value; see --help");
    auto name = flag.substr(2);
    for (auto& c : name) c = c == '-' ? '_' : c;
    const auto& value = arguments[++i];
    if (name == "config")
      file = value;
    else
      flags[name] = value;
  }
  const auto settings =
      Configuration::Load(agent::AgentSettings(), file, ProcessEnvironment(), flags);
  if (!settings) return Fail(settings.error().message);
  const auto configuration = agent::ReadConfiguration(*settings);
  if (!configuration) return Fail(configuration.error().message);
  if (check) {
    std::fputs(settings->Describe().c_str(), stdout);
    return 0;
  }
  return agent::RunAgent(*configuration);
}

int HoldCgroup() {
  if (const auto held = exec::HoldJobsCgroup(); !held) return Fail(held.error().ToString());
  NotifyServiceManager("READY=1");
  for (;;) pause();
}

}  // namespace

int main(int argc, char** argv) {
  agent::UseBuiltInNameService();
  std::vector<std::string> arguments(argv + 1, argv + argc);
  const std::string command = arguments.empty() ? "run" : arguments.front();
  if (command == "net-role") return agent::RunNetRole();
  if (command == "hold-cgroup") return HoldCgroup();
  if (command == "--help" || command == "-h" || command == "help") return PrintHelp(), 0;
  if (command == "--version" || command == "version")
    return std::puts("provisioning-agent " PROV_VERSION), 0;
  if (command == "enroll") {
    arguments.erase(arguments.begin());
    return agent::RunEnroll(std::move(arguments));
  }
  if (command == "rotate-sealing-key") {
    arguments.erase(arguments.begin());
    return agent::RunRotateSealingKey(arguments);
  }
  if (command == "run") {
    if (!arguments.empty()) arguments.erase(arguments.begin());
  } else if (!command.starts_with("--")) {
    return Fail("unknown command `" + command + "`; there are run, enroll and rotate-sealing-key");
  }
  return RunDaemon(arguments);
}
