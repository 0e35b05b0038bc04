#include "agent/enroll/rotate_command.hpp"

#include <cstdio>
#include <map>

#include "agent/configuration.hpp"
#include "agent/exit_status.hpp"
#include "agent/identity.hpp"

namespace prov::agent {
namespace {

// The answer to an enrolment that is not finished comes sealed to the key that was sent.
Status CheckEnrolled(const AgentConfiguration& configuration, const exec::StatePaths& state) {
  const auto identity = ReadIdentity(state);
  if (identity) return {};
  const bool founded =
      identity.error().code == ErrorCode::kNotFound && !configuration.secret_key.empty();
  if (founded) return {};
  if (identity.error().code != ErrorCode::kNotFound) return identity.error();
  return Error{ErrorCode::kNotFound,
               "this server is not enrolled in " + state.root.string() +
                   ": there is no sealing key to rotate",
               {}};
}

Status Rotate(const AgentConfiguration& configuration, const exec::StatePaths& state) {
  PROV_CHECK(CheckOwnership(state.root));
  PROV_CHECK(CheckEnrolled(configuration, state));
  PROV_TRY(const auto lock, LockEnrolment(state));
  PROV_CHECK(RotateSealing(state));
  return {};
}

}  // namespace

int RunRotateSealingKey(const std::vector<std::string>& arguments) {
  std::map<std::string, std::string> flags;
  std::string file;
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    const auto& flag = arguments[i];
    if ((flag != "--config" && flag != "--state-dir") || i + 1 == arguments.size()) {
      return Fail(
          kUsage,
          "`" + flag + "` is not understood, or lacks a value; there are --config, --state-dir");
    }
    if (flag == "--config")
      file = arguments[i + 1];
    else
      flags["state_dir"] = arguments[i + 1];
  }
  const auto settings = Configuration::Load(AgentSettings(), file, ProcessEnvironment(), flags);
  if (!settings) return Fail(kUsage, settings.error().message);
  const auto configuration = ReadConfiguration(*settings);
  if (!configuration) return Fail(kUsage, configuration.error().message);
  const exec::StatePaths state{configuration->state_dir};
  if (const auto rotated = Rotate(*configuration, state); !rotated)
    return Fail(kUsage, rotated.error().ToString());
  std::printf(
      "There is another sealing key; %s. The one before stays as long as a job that was sealed to "
      "it may come or be retried.\n",
      LockState(state) ? "the agent uses it once it is started" : "the agent takes it up at once");
  return 0;
}

}  // namespace prov::agent
