#include "transport/rabbitmq/configuration.hpp"

#include <algorithm>

#include "net/url.hpp"

namespace prov::transport::rabbitmq {

std::vector<Setting> RabbitmqSettings() {
  return {
      {"rabbitmq_url",
       "amqp:// or amqps:// (TLS) URL of the RabbitMQ that jobs and events go through, in place of "
       "redis_url; default none",
       "", true},
      {"rabbitmq_ca_file", "certificates that RabbitMQ's is checked against",
       "/etc/ssl/certs/ca-certificates.crt"},
      {"rabbitmq_client_cert", "client certificate for RabbitMQ, PEM", ""},
      {"rabbitmq_client_key", "its private key, PEM", ""},
  };
}

Result<RabbitmqConfiguration> ReadRabbitmqConfiguration(const Configuration& settings) {
  RabbitmqConfiguration read;
  read.url = settings.Text("rabbitmq_url");
  read.ca_file = settings.Text("rabbitmq_ca_file");
  read.client_certificate = settings.Text("rabbitmq_client_cert");
  read.client_key = settings.Text("rabbitmq_client_key");
  if (read.client_certificate.empty() != read.client_key.empty()) {
    // The one that was said, so that its place is named.
    return settings.Fault(read.client_key.empty() ? "rabbitmq_client_cert" : "rabbitmq_client_key",
                          "RABBITMQ_CLIENT_CERT and RABBITMQ_CLIENT_KEY go together");
  }
  if (!read.used()) return read;
  if (!settings.Text("redis_url").empty()) {
    return settings.Fault("rabbitmq_url",
                          "REDIS_URL is given too; jobs go through one of them: leave the other "
                          "out");
  }
  const auto url = amqp::ParseUrl(read.url);
  if (!url) return settings.Fault("rabbitmq_url", url.error().message);
  const bool here = std::ranges::all_of(
      url->addresses, [](const auto& address) { return net::IsLoopbackHost(address.host); });
  if (!url->tls && !here)
    return settings.Fault("rabbitmq_url", "plain amqp:// is for this machine only; use amqps://");
  return read;
}

Result<amqp::ConnectionOptions> ConnectionOf(const RabbitmqConfiguration& configuration) {
  amqp::ConnectionOptions options;
  PROV_TRY(options.url, amqp::ParseUrl(configuration.url));
  options.ca_file = configuration.ca_file;
  options.client_certificate = configuration.client_certificate;
  options.client_key = configuration.client_key;
  return options;
}

}  // namespace prov::transport::rabbitmq
