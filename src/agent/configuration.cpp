#include "agent/configuration.hpp"

#include <algorithm>
#include <iterator>
#include <unistd.h>

#include "base/json.hpp"
#include "contract/environment.hpp"
#include "job/grammar.hpp"
#include "net/url.hpp"
#include "redis/url.hpp"

namespace prov::agent {
namespace {

std::string DefaultAgentId() {
  char name[256] = {};
  if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "agent-localhost";
  return "agent-" + std::string(name);
}

Result<Path> AbsolutePath(const Configuration& settings, std::string_view name) {
  Path path(settings.Text(name));
  if (!path.is_absolute()) return settings.Fault(name, "must be an absolute path");
  return path.lexically_normal();
}

Result<std::set<contract::Action>> Actions(const Configuration& settings) {
  std::set<contract::Action> actions;
  for (const auto& name : settings.List("allow_actions")) {
    const auto action = json::EnumFromName<contract::Action>(name);
    if (!action) {
      return settings.Fault("allow_actions",
                            "`" + name + "` is none of " + json::EnumNames<contract::Action>());
    }
    actions.insert(*action);
  }
  return actions;
}

Result<std::map<std::string, std::string>> Proxies(const Configuration& settings) {
  std::map<std::string, std::string> proxies;
  for (const auto& each : settings.List("proxies")) {
    const auto equals = each.find('=');
    const auto name = each.substr(0, equals);
    if (equals == std::string::npos || !contract::IsProxyVariable(name)) {
      return settings.Fault("proxies",
                            "each item must be NAME=value, with NAME one of http_proxy, "
                            "https_proxy, ftp_proxy, all_proxy, no_proxy");
    }
    proxies[name] = each.substr(equals + 1);
  }
  return proxies;
}

Status CheckPanelUrl(const Configuration& settings) {
  const auto text = settings.Text("panel_url");
  const auto url = net::ParseUrl(text);
  if (!url) return settings.Fault("panel_url", url.error().message);
  if (!url->tls && !net::IsLoopbackHost(url->host))
    return settings.Fault("panel_url", "plain http is for this machine only; use https://");
  return {};
}

Status ReadRedis(const Configuration& settings, AgentConfiguration& read) {
  PROV_TRY(read.redis, transport::redis::ReadRedisConfiguration(settings));
  PROV_TRY(read.redis_acl, settings.Boolean("redis_acl"));
  if (!read.redis_acl) return {};
  if (!read.redis.used()) return settings.Fault("redis_acl", "REDIS_URL says where Redis is");
  PROV_TRY(const auto url, prov::redis::ParseUrl(read.redis.url));
  if (url.user.empty() && url.password.empty()) return {};
  return settings.Fault("redis_url",
                        "names a user or a password, and with REDIS_ACL the agent signs in as its "
                        "own user; leave one of them out");
}

Status ReadRabbitmq(const Configuration& settings, AgentConfiguration& read) {
  PROV_TRY(read.rabbitmq, transport::rabbitmq::ReadRabbitmqConfiguration(settings));
  PROV_TRY(read.rabbitmq_own_user, settings.Boolean("rabbitmq_own_user"));
  if (!read.rabbitmq_own_user) return {};
  if (!read.rabbitmq.used())
    return settings.Fault("rabbitmq_own_user", "RABBITMQ_URL says where RabbitMQ is");
  PROV_TRY(const auto url, amqp::ParseUrl(read.rabbitmq.url));
  if (!url.names_user) return {};
  return settings.Fault("rabbitmq_url",
                        "names a user, and with RABBITMQ_OWN_USER the agent signs in as its own; "
                        "leave one of them out");
}

}  // namespace

std::vector<Setting> AgentSettings() {
  std::vector<Setting> settings{
      {"agent_id", "this server's name", DefaultAgentId()},
      {"panel_url", "where the panel is", "http://127.0.0.1:5000"},
      {"panel_ca_file", "certificates the panel's is checked against",
       "/etc/ssl/certs/ca-certificates.crt"},
      {"secret_key", "the panel's own secret, as founded; better: provisioning-agent enroll",
       std::nullopt, true},
      {"state_dir", "journal, keys, jobs", "/var/lib/provisioning/agent"},
      {"installers_dir", "the whitelist", "/opt/provisioning/installers"},
      {"log_dir", "agent.log and a log of each job", "/var/log/provisioning"},
      {"provisioning_lib", "the bash library installers source",
       "/usr/share/provisioning/provisioning.sh"},
      {"app_state_dir", "what installers keep between jobs", "/var/lib/provisioning/apps"},
      {"log_level", "debug, info, warning or error", "info"},
      {"containment", "cgroup, or subreaper where no cgroup can be made", "cgroup"},
      {"allow_unsafe_installers_dir", "run installers that others than root can change", "false"},
      {"allow_apps", "only these installers; empty: all", "", false, true},
      {"allow_actions", "only these actions; empty: all", "", false, true},
      {"max_parallel_jobs", "how many jobs run at once, 1 to 64", "1"},
      {"net_user", "who the network process runs as", "provisioning-agent"},
      {"proxies", "proxy variables for installers: http_proxy=…", "", false, true},
      {"redis_acl", "sign in at Redis as this agent's own user (provisionctl redis-acl)", "false"},
      {"rabbitmq_own_user", "sign in at RabbitMQ as this agent's own user (provisionctl amqp-user)",
       "false"},
  };
  std::ranges::move(transport::redis::RedisSettings(), std::back_inserter(settings));
  std::ranges::move(transport::rabbitmq::RabbitmqSettings(), std::back_inserter(settings));
  return settings;
}

Result<AgentConfiguration> ReadConfiguration(const Configuration& settings) {
  AgentConfiguration read;
  read.agent_id = settings.Text("agent_id");
  read.agent_id_given = read.agent_id != DefaultAgentId();
  if (!job::IsAgentId(read.agent_id)) {
    return settings.Fault("agent_id",
                          "must be 1 to 128 letters, digits, `.`, `_` and `-`, a letter or digit "
                          "first");
  }
  read.panel_url = settings.Text("panel_url");
  PROV_CHECK(CheckPanelUrl(settings));
  PROV_TRY(read.panel_ca_file, AbsolutePath(settings, "panel_ca_file"));
  read.secret_key = settings.Text("secret_key");
  if (settings.Find("secret_key") && read.secret_key.size() < 32)
    return settings.Fault("secret_key", "must have at least 32 bytes");
  PROV_TRY(read.state_dir, AbsolutePath(settings, "state_dir"));
  PROV_TRY(read.installers_dir, AbsolutePath(settings, "installers_dir"));
  PROV_TRY(read.log_dir, AbsolutePath(settings, "log_dir"));
  PROV_TRY(read.library, AbsolutePath(settings, "provisioning_lib"));
  PROV_TRY(read.app_state_dir, AbsolutePath(settings, "app_state_dir"));
  const auto level = ParseLogLevel(settings.Text("log_level"));
  if (!level) return settings.Fault("log_level", level.error().message);
  read.log_level = *level;
  const auto containment = settings.Text("containment");
  if (containment != "cgroup" && containment != "subreaper")
    return settings.Fault("containment", "must be cgroup or subreaper");
  read.allow_subreaper = containment == "subreaper";
  PROV_TRY(read.allow_unsafe_installers_dir, settings.Boolean("allow_unsafe_installers_dir"));
  read.allow_apps = settings.List("allow_apps");
  PROV_TRY(read.allow_actions, Actions(settings));
  PROV_TRY(const auto parallel, settings.Number("max_parallel_jobs", 1, 64));
  read.max_parallel_jobs = static_cast<std::uint32_t>(parallel);
  read.net_user = settings.Text("net_user");
  PROV_TRY(read.proxies, Proxies(settings));
  PROV_CHECK(ReadRedis(settings, read));
  PROV_CHECK(ReadRabbitmq(settings, read));
  return read;
}

}  // namespace prov::agent
