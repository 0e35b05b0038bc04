// The agent's configuration, and what the net role is told of it. docs/operations/agent.md.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "base/configuration.hpp"
#include "base/log.hpp"
#include "contract/action.hpp"
#include "transport/rabbitmq/configuration.hpp"
#include "transport/redis/configuration.hpp"

namespace prov::agent {

struct AgentConfiguration {
  std::string agent_id;  // AGENT_ID; default "agent-<hostname>"
  bool agent_id_given = false;
  std::string panel_url;   // PANEL_URL
  Path panel_ca_file;      // PANEL_CA_FILE
  std::string secret_key;  // SECRET_KEY: as founded; empty when enrolled
  Path state_dir;          // STATE_DIR; /var/lib/provisioning/agent
  Path installers_dir;     // INSTALLERS_DIR; /opt/provisioning/installers
  Path log_dir;            // LOG_DIR; /var/log/provisioning
  Path library;            // PROVISIONING_LIB; /usr/share/provisioning/provisioning.sh
  Path app_state_dir;      // APP_STATE_DIR; /var/lib/provisioning/apps
  LogLevel log_level = LogLevel::kInfo;
  bool allow_subreaper = false;  // containment: subreaper
  bool allow_unsafe_installers_dir = false;
  std::vector<std::string> allow_apps;         // empty: all that are there
  std::set<contract::Action> allow_actions;    // empty: all
  std::uint32_t max_parallel_jobs = 1;         // 1..64
  std::string net_user;                        // NET_USER; provisioning-agent
  std::map<std::string, std::string> proxies;  // http_proxy, … of PROXY_ENVIRONMENT settings
  transport::redis::RedisConfiguration redis;  // used: jobs and events go through it
  bool redis_acl = false;                      // signs in there as its own user (acl.hpp)
  transport::rabbitmq::RabbitmqConfiguration rabbitmq;  // used: in place of Redis
  bool rabbitmq_own_user = false;                       // signs in there as its own user (user.hpp)
};

std::vector<Setting> AgentSettings();
// kInvalidArgument with what would be right.
Result<AgentConfiguration> ReadConfiguration(const Configuration& settings);

// What goes to the net role in Hello.
struct NetConfiguration {
  std::string agent_id;
  std::uint32_t generation = 1;
  std::string panel_url;
  std::string panel_ca_file;
  std::string user;   // to drop to
  std::string epoch;  // of the executor's journal
  transport::redis::RedisConfiguration redis;
  bool redis_acl = false;
  transport::rabbitmq::RabbitmqConfiguration rabbitmq;
  bool rabbitmq_own_user = false;
};
BOOST_DESCRIBE_STRUCT(NetConfiguration, (),
                      (agent_id, generation, panel_url, panel_ca_file, user, epoch, redis,
                       redis_acl, rabbitmq, rabbitmq_own_user))

}  // namespace prov::agent
