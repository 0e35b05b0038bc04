#include "contract/environment.hpp"

#include "base/ascii.hpp"
#include "base/json.hpp"

namespace prov::contract {

bool IsProxyVariable(std::string_view name) {
  static const std::set<std::string_view> lower{"http_proxy", "https_proxy", "ftp_proxy",
                                                "all_proxy", "no_proxy"};
  return std::ranges::any_of(
      lower, [&](std::string_view known) { return name == known || name == UpperCase(known); });
}

Environment BuildEnvironment(const Manifest& manifest, const boost::json::object& values,
                             const EnvironmentFacts& facts) {
  Environment environment;
  environment.variables = {
      {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
      {"HOME", "/root"},
      {"LANG", "C.UTF-8"},
      {"DEBIAN_FRONTEND", "noninteractive"},
      {"NEEDRESTART_MODE", "a"},
      {"PROVISIONING_JOB", "true"},
      {"PROVISIONING_JOB_ID", facts.job_id},
      {"PROVISIONING_APP_ID", manifest.id},
      {"PROVISIONING_APP_VERSION", manifest.version},
      {"PROVISIONING_ATTEMPT", std::to_string(facts.attempt)},
      {"PROVISIONING_ACTION", json::EnumName(facts.action)},
      {"PROVISIONING_LIB", facts.lib},
      {"PROVISIONING_STATE_DIR", facts.state_dir},
      {"PROVISIONING_DRY_RUN", facts.dry_run ? "true" : "false"},
  };
  for (const auto& [name, value] : facts.proxies) {
    if (IsProxyVariable(name)) environment.variables.emplace(name, value);
  }
  for (const auto& input : manifest.inputs) {
    const auto* value = values.if_contains(input.name);
    if (value == nullptr) continue;
    const std::string name = UpperCase(input.name);
    if (input.sensitive && manifest.secret_delivery == SecretDelivery::kFile) {
      const std::string path = facts.secret_dir + "/" + input.name;
      environment.variables.emplace(name + "_FILE", path);
      environment.secret_files.push_back({path, EnvironmentText(*value)});
    } else {
      environment.variables.emplace(name, EnvironmentText(*value));
    }
  }
  return environment;
}

}  // namespace prov::contract
