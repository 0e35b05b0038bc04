// What the panel and the agent are told of their Redis, in the same words
// (docs/operations/redis.md).
#pragma once

#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "base/configuration.hpp"
#include "redis/connection.hpp"
#include "transport/redis/keys.hpp"

namespace prov::transport::redis {

struct RedisConfiguration {
  std::string url;  // redis/url.hpp; it may hold a password. "": no Redis
  std::string ca_file;
  std::string client_certificate;
  std::string client_key;
  bool hash_tags = false;
  bool operator==(const RedisConfiguration&) const = default;

  bool used() const { return !url.empty(); }
  KeyStyle keys() const { return hash_tags ? KeyStyle::kHashTag : KeyStyle::kPlain; }
};
BOOST_DESCRIBE_STRUCT(RedisConfiguration, (),
                      (url, ca_file, client_certificate, client_key, hash_tags))

std::vector<Setting> RedisSettings();
// kInvalidArgument with what would be right; nothing of the URL is said again. Plain redis:// is
// for this machine only.
Result<RedisConfiguration> ReadRedisConfiguration(const Configuration& settings);

// How to connect; the URL was looked at by ReadRedisConfiguration().
Result<prov::redis::ConnectionOptions> ConnectionOf(const RedisConfiguration& configuration);

}  // namespace prov::transport::redis
