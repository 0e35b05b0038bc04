// Which node of a Redis Cluster has which keys, as one of them says.
// https://redis.io/docs/latest/commands/cluster-slots/
#pragma once

#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "redis/resp.hpp"
#include "redis/url.hpp"

namespace prov::redis {

// Why a command cannot be sent.
inline constexpr std::string_view kNoNode =
    "no node of the Redis Cluster has the key's slot now; `redis-cli --cluster check` says why";

class ClusterMap {
 public:
  // From the answer to CLUSTER SLOTS of the node at `asked`, which a node without an address of its
  // own is. kCorrupt for what is no such answer.
  static Result<ClusterMap> Read(const Value& reply, const Address& asked);

  // The master that has the key's slot; null where the Cluster names none (yet).
  const Address* NodeOf(std::string_view key) const;
  // Every master that has a slot.
  const std::vector<Address>& nodes() const { return nodes_; }

 private:
  static constexpr std::uint16_t kNobody = 0xffff;
  std::uint16_t IndexOf(const Address& node);

  std::vector<Address> nodes_;
  std::vector<std::uint16_t> by_slot_;  // kSlots of them: an index in `nodes_`
};

}  // namespace prov::redis
