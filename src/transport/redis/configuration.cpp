#include "transport/redis/configuration.hpp"

#include <algorithm>

#include "net/url.hpp"

namespace prov::transport::redis {

std::vector<Setting> RedisSettings() {
  return {
      {"redis_url",
       "redis://, rediss:// (TLS) or redis+sentinel:// URL of the Redis that jobs and events go "
       "through; default none",
       "", true},
      {"redis_ca_file", "certificates that Redis's is checked against",
       "/etc/ssl/certs/ca-certificates.crt"},
      {"redis_client_cert", "client certificate for Redis, PEM", ""},
      {"redis_client_key", "its private key, PEM", ""},
      {"redis_hash_tags",
       "keys named agent:{ID}:…, as a proxy before a Cluster wants them; a Cluster has them always",
       "false"},
  };
}

Result<RedisConfiguration> ReadRedisConfiguration(const Configuration& settings) {
  RedisConfiguration read;
  read.url = settings.Text("redis_url");
  read.ca_file = settings.Text("redis_ca_file");
  read.client_certificate = settings.Text("redis_client_cert");
  read.client_key = settings.Text("redis_client_key");
  PROV_TRY(read.hash_tags, settings.Boolean("redis_hash_tags"));
  if (read.client_certificate.empty() != read.client_key.empty()) {
    // The one that was said, so that its place is named.
    return settings.Fault(read.client_key.empty() ? "redis_client_cert" : "redis_client_key",
                          "REDIS_CLIENT_CERT and REDIS_CLIENT_KEY go together");
  }
  if (!read.used()) return read;
  const auto url = prov::redis::ParseUrl(read.url);
  if (!url) return settings.Fault("redis_url", url.error().message);
  // All keys of an agent belong on one node.
  read.hash_tags = read.hash_tags || url->cluster;
  const bool here = std::ranges::all_of(
      url->addresses, [](const auto& address) { return net::IsLoopbackHost(address.host); });
  if (!url->tls && !here)
    return settings.Fault("redis_url", "plain redis:// is for this machine only; use rediss://");
  return read;
}

Result<prov::redis::ConnectionOptions> ConnectionOf(const RedisConfiguration& configuration) {
  prov::redis::ConnectionOptions options;
  PROV_TRY(options.url, prov::redis::ParseUrl(configuration.url));
  options.ca_file = configuration.ca_file;
  options.client_certificate = configuration.client_certificate;
  options.client_key = configuration.client_key;
  return options;
}

}  // namespace prov::transport::redis
