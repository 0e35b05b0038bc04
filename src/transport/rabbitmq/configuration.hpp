// What the panel and the agent are told of their RabbitMQ, in the same words
// (docs/operations/rabbitmq.md).
#pragma once

#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "amqp/connection.hpp"
#include "base/configuration.hpp"

namespace prov::transport::rabbitmq {

struct RabbitmqConfiguration {
  std::string url;  // amqp/url.hpp; it may hold a password. "": no RabbitMQ
  std::string ca_file;
  std::string client_certificate;
  std::string client_key;
  bool operator==(const RabbitmqConfiguration&) const = default;

  bool used() const { return !url.empty(); }
};
BOOST_DESCRIBE_STRUCT(RabbitmqConfiguration, (), (url, ca_file, client_certificate, client_key))

std::vector<Setting> RabbitmqSettings();
// kInvalidArgument with what would be right; nothing of the URL is said again. Plain amqp:// is for
// this machine only, and Redis and RabbitMQ are not used together.
Result<RabbitmqConfiguration> ReadRabbitmqConfiguration(const Configuration& settings);

// How to connect; the URL was looked at by ReadRabbitmqConfiguration().
Result<amqp::ConnectionOptions> ConnectionOf(const RabbitmqConfiguration& configuration);

}  // namespace prov::transport::rabbitmq
