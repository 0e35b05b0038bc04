#include "panel/configuration.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>

#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>

#include "signing/keys.hpp"
#include "store/url.hpp"

namespace prov::panel {
namespace {

namespace ip = boost::asio::ip;

constexpr std::uint64_t kMostDays = 36'500;

Status ReadListen(const Configuration& settings, PanelConfiguration& read) {
  const auto text = settings.Text("panel_listen");
  const auto colon = text.rfind(':');
  const auto wrong = [&] {
    return settings.Fault("panel_listen",
                          "must be ADDRESS:PORT, such as 127.0.0.1:5000 or "
                          "[::1]:5000");
  };
  if (colon == std::string::npos) return wrong();
  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  boost::system::error_code fault;
  ip::make_address(host, fault);
  const auto port = text.substr(colon + 1);
  const auto [end, bad] = std::from_chars(port.data(), port.data() + port.size(), read.port);
  if (fault || bad != std::errc{} || end != port.data() + port.size()) return wrong();
  read.address = host;
  return {};
}

Status ReadTls(const Configuration& settings, PanelConfiguration& read) {
  const auto certificate = settings.Text("panel_tls_cert");
  const auto key = settings.Text("panel_tls_key");
  read.trusted_proxy = settings.Text("panel_trusted_proxy");
  if (certificate.empty() != key.empty()) {
    // The one that was said, so that its place is named.
    return settings.Fault(certificate.empty() ? "panel_tls_key" : "panel_tls_cert",
                          "PANEL_TLS_CERT and PANEL_TLS_KEY go together");
  }
  if (!certificate.empty()) read.tls = net::TlsFiles{certificate, key};
  boost::system::error_code fault;
  if (!read.trusted_proxy.empty()) {
    ip::make_address(read.trusted_proxy, fault);
    if (fault) return settings.Fault("panel_trusted_proxy", "must be an IP address");
  }
  if (ip::make_address(read.address).is_loopback() || read.tls || !read.trusted_proxy.empty())
    return {};
  return settings.Fault("panel_listen",
                        "beyond loopback the panel needs PANEL_TLS_CERT and PANEL_TLS_KEY, or "
                        "PANEL_TRUSTED_PROXY, the address of the proxy that has TLS");
}

// After the state directory. Nothing of the URL is said again: it may hold a password.
Status ReadDatabase(const Configuration& settings, PanelConfiguration& read) {
  read.database_url = settings.Text("database_url");
  if (read.database_url.empty()) read.database_url = store::SqliteUrl(read.state_dir / "panel.db");
  const auto checked = store::ParseUrl(read.database_url);
  if (!checked) return settings.Fault("database_url", checked.error().message);
  return {};
}

}  // namespace

std::vector<std::string> NeedRestart(const PanelConfiguration& running,
                                     const PanelConfiguration& wanted) {
  std::vector<std::string> names;
  const auto compare = [&](const char* name, const auto& a, const auto& b) {
    if (a != b) names.emplace_back(name);
  };
  compare("panel_listen", std::pair(running.address, running.port),
          std::pair(wanted.address, wanted.port));
  compare("secret_key", running.secret_key, wanted.secret_key);
  compare("database_url", running.database_url, wanted.database_url);
  compare("state_dir", running.state_dir, wanted.state_dir);
  compare("installers_dir", running.installers_dir, wanted.installers_dir);
  compare("keep_jobs_days", running.keep_jobs, wanted.keep_jobs);
  compare("keep_logs_days", running.keep_logs, wanted.keep_logs);
  compare("log_dir", running.log_dir, wanted.log_dir);
  compare("panel_trusted_proxy", running.trusted_proxy, wanted.trusted_proxy);
  const auto& redis = running.redis;
  compare("redis_url", redis.url, wanted.redis.url);
  compare("redis_ca_file", redis.ca_file, wanted.redis.ca_file);
  compare("redis_client_cert", redis.client_certificate, wanted.redis.client_certificate);
  compare("redis_client_key", redis.client_key, wanted.redis.client_key);
  compare("redis_hash_tags", redis.hash_tags, wanted.redis.hash_tags);
  const auto& rabbitmq = running.rabbitmq;
  compare("rabbitmq_url", rabbitmq.url, wanted.rabbitmq.url);
  compare("rabbitmq_ca_file", rabbitmq.ca_file, wanted.rabbitmq.ca_file);
  compare("rabbitmq_client_cert", rabbitmq.client_certificate, wanted.rabbitmq.client_certificate);
  compare("rabbitmq_client_key", rabbitmq.client_key, wanted.rabbitmq.client_key);
  // Another certificate is taken; TLS itself cannot come or go.
  compare("panel_tls_cert", running.tls.has_value(), wanted.tls.has_value());
  return names;
}

std::vector<Setting> PanelSettings() {
  std::vector<Setting> settings{
      {"panel_listen", "address and port", "127.0.0.1:5000"},
      {"secret_key", "at least 32 bytes; every key follows from it", std::nullopt, true},
      {"database_url",
       "sqlite:PATH or postgresql://USER:PASSWORD@HOST/DATABASE; default panel.db in the state "
       "directory",
       "", true},
      {"state_dir", "SQLite's database", "/var/lib/provisioning/panel"},
      {"installers_dir", "the catalogue", "/opt/provisioning/installers"},
      {"keep_jobs_days", "how long jobs and their logs are kept after their end; 0: for ever",
       "365"},
      {"keep_logs_days", "how long logs are kept where jobs are kept longer; 0: with their jobs",
       "0"},
      {"log_dir", "panel.log and access.log; - for standard error", "/var/log/provisioning/panel"},
      {"log_level", "debug, info, warning or error", "info"},
      {"panel_tls_cert", "certificate chain, PEM", ""},
      {"panel_tls_key", "its private key, PEM", ""},
      {"panel_trusted_proxy", "the only address that may connect, and whose X-Forwarded-For counts",
       ""},
  };
  std::ranges::move(transport::redis::RedisSettings(), std::back_inserter(settings));
  std::ranges::move(transport::rabbitmq::RabbitmqSettings(), std::back_inserter(settings));
  return settings;
}

Result<PanelConfiguration> ReadConfiguration(const Configuration& settings) {
  PanelConfiguration read;
  read.secret_key = settings.Text("secret_key");
  if (read.secret_key.size() < signing::kLeastSecretKeyBytes) {
    return settings.Fault("secret_key",
                          fmt::format("SECRET_KEY must have at least {} bytes: make one with "
                                      "`openssl rand -hex 32`, and give it in SECRET_KEY or in a "
                                      "file named by SECRET_KEY_FILE",
                                      signing::kLeastSecretKeyBytes));
  }
  PROV_CHECK(ReadListen(settings, read));
  PROV_CHECK(ReadTls(settings, read));
  for (const auto* name : {"state_dir", "installers_dir"}) {
    if (settings.Text(name).empty())
      return settings.Fault(name, "must be a path; leave it out for the default");
  }
  read.state_dir = settings.Text("state_dir");
  read.installers_dir = settings.Text("installers_dir");
  PROV_TRY(const auto jobs_days, settings.Number("keep_jobs_days", 0, kMostDays));
  read.keep_jobs = std::chrono::days{jobs_days};
  PROV_TRY(const auto logs_days, settings.Number("keep_logs_days", 0, kMostDays));
  read.keep_logs = std::chrono::days{logs_days};
  const auto logs = settings.Text("log_dir");
  if (logs != "-") read.log_dir = logs;
  const auto level = ParseLogLevel(settings.Text("log_level"));
  if (!level) return settings.Fault("log_level", level.error().message);
  read.log_level = *level;
  PROV_CHECK(ReadDatabase(settings, read));
  PROV_TRY(read.redis, transport::redis::ReadRedisConfiguration(settings));
  PROV_TRY(read.rabbitmq, transport::rabbitmq::ReadRabbitmqConfiguration(settings));
  return read;
}

}  // namespace prov::panel
