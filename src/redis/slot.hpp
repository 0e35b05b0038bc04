// The hash slot of a key in a Redis Cluster: commands on several keys need them in one slot, which
// a hash tag in braces does ("agent:{7}:jobs").
// https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
#pragma once

#include <cstdint>
#include <string_view>

namespace prov::redis {

constexpr std::uint16_t kSlots = 16'384;

// 0 to kSlots - 1. Pure.
std::uint16_t SlotOf(std::string_view key);

}  // namespace prov::redis
