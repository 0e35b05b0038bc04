#include "redis/pipeline.hpp"

#include "redis/client.hpp"
#include "redis/cluster_client.hpp"

namespace prov::redis {

Result<std::unique_ptr<Pipeline>> MakePipeline(boost::asio::any_io_executor executor,
                                               ClientOptions options, Random& random) {
  if (options.connection.url.cluster) {
    PROV_TRY(auto cluster, ClusterClient::Create(std::move(executor), std::move(options), random));
    return cluster;
  }
  PROV_TRY(auto client, Client::Create(std::move(executor), std::move(options), random));
  return client;
}

}  // namespace prov::redis
