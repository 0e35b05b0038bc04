// The panel's configuration (docs/operations/panel.md).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/configuration.hpp"
#include "base/log.hpp"
#include "net/http_server.hpp"
#include "transport/rabbitmq/configuration.hpp"
#include "transport/redis/configuration.hpp"

namespace prov::panel {

struct PanelConfiguration {
  std::string address;  // an IP address
  std::uint16_t port = 0;
  std::string secret_key;
  std::string database_url;  // sqlite:PATH or postgresql://…, which may hold a password
  Path state_dir;
  Path installers_dir;
  std::chrono::days keep_jobs{0};  // after their end; 0: for ever
  std::chrono::days keep_logs{0};  // of jobs that are kept; 0: as long as their jobs
  Path log_dir;                    // "" for standard error
  LogLevel log_level = LogLevel::kInfo;
  std::optional<net::TlsFiles> tls;
  std::string trusted_proxy;  // an address; connections from any other are refused
  transport::redis::RedisConfiguration redis;
  transport::rabbitmq::RabbitmqConfiguration rabbitmq;  // not both
};

// Names of the settings that differ and cannot be changed while the panel runs.
std::vector<std::string> NeedRestart(const PanelConfiguration& running,
                                     const PanelConfiguration& wanted);

std::vector<Setting> PanelSettings();
// kInvalidArgument with what would be right. A panel beyond loopback needs TLS or a proxy.
Result<PanelConfiguration> ReadConfiguration(const Configuration& settings);

}  // namespace prov::panel
