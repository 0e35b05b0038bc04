#include "redis/cluster_map.hpp"

#include <algorithm>

#include "redis/slot.hpp"

namespace prov::redis {
namespace {

constexpr std::size_t kMostNodes = 1000;

Error NoMap() { return {ErrorCode::kCorrupt, "the answer to CLUSTER SLOTS is no list of slots"}; }

// [host or null, port, ..]; "?" and "" stand for an address that the node does not know.
Result<Address> ReadNode(const Value& node, const Address& asked) {
  if (node.elements.size() < 2) return NoMap();
  const auto& host = node.elements[0];
  const auto port = node.elements[1].integer;
  if (port < 1 || port > 65'535) return NoMap();
  const bool own = host.is_null() || host.text.empty() || host.text == "?";
  return Address{own ? asked.host : host.text, static_cast<std::uint16_t>(port)};
}

}  // namespace

Result<ClusterMap> ClusterMap::Read(const Value& reply, const Address& asked) {
  ClusterMap map;
  map.by_slot_.assign(kSlots, kNobody);
  for (const auto& range : reply.elements) {
    if (range.elements.size() < 3) return NoMap();
    const auto first = range.elements[0].integer;
    const auto last = range.elements[1].integer;
    if (first < 0 || last < first || last >= kSlots) return NoMap();
    PROV_TRY(const auto node, ReadNode(range.elements[2], asked));
    const auto index = map.IndexOf(node);
    if (index >= kMostNodes) return NoMap();
    std::fill(map.by_slot_.begin() + first, map.by_slot_.begin() + last + 1, index);
  }
  if (map.nodes_.empty()) {
    return Error{ErrorCode::kUnavailable,
                 "no node of the Redis Cluster has a slot; was it created (redis-cli --cluster "
                 "create)?"};
  }
  return map;
}

const Address* ClusterMap::NodeOf(std::string_view key) const {
  const auto index = by_slot_.empty() ? kNobody : by_slot_[SlotOf(key)];
  return index == kNobody ? nullptr : &nodes_[index];
}

std::uint16_t ClusterMap::IndexOf(const Address& node) {
  const auto found = std::ranges::find(nodes_, node);
  if (found == nodes_.end()) {
    nodes_.push_back(node);
    return static_cast<std::uint16_t>(nodes_.size() - 1);
  }
  return static_cast<std::uint16_t>(found - nodes_.begin());
}

}  // namespace prov::redis
