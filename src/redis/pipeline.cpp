#include "redis/pipeline.hpp"

#include "redis/client.hpp"
#include "redis/cluster_client.hpp"

namespace prov::redis {

Result<std::unique_ptr<Pipeline>> MakePipeline(boost::asio::any_io_executor executor,
                                               ClientOptions options, Random& random) {
  if (options.connection.url.cluster)
    return ClusterClient::Create(std::move(executor), std::move(options), random);
  return Client::Create(std::move(executor), std::move(options), random);
}

}  // namespace prov::redis
