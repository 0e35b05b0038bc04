#include "redis/slot.hpp"

#include <gtest/gtest.h>

namespace prov::redis {
namespace {

// From CLUSTER KEYSLOT of Redis 7.0.
TEST(SlotTest, SlotOf_AKey_IsWhatTheServerSays) {
  const std::pair<const char*, int> table[] = {{"", 0},
                                               {"foo", 12182},
                                               {"bar", 5061},
                                               {"{foo}bar", 12182},
                                               {"a{foo}", 12182},
                                               {"{}foo", 9500},
                                               {"{foo", 13308},
                                               {"a{}{b}", 15033},
                                               {"foo{{bar}}zap", 4015}};
  for (const auto& [key, slot] : table) EXPECT_EQ(SlotOf(key), slot) << key;
  EXPECT_EQ(SlotOf("agent:{7}:jobs"), SlotOf("agent:{7}:processing"));
}

}  // namespace
}  // namespace prov::redis
