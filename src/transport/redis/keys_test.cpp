#include "transport/redis/keys.hpp"

#include <gtest/gtest.h>

#include "redis/slot.hpp"

namespace prov::transport::redis {
namespace {

TEST(RedisKeys, AreNamedAsFounded) {
  const auto keys = KeysOf("agent-1", KeyStyle::kPlain);
  EXPECT_EQ(keys.jobs, "agent:agent-1:jobs");
  EXPECT_EQ(keys.processing, "agent:agent-1:processing");
  EXPECT_EQ(keys.control, "agent:agent-1:control");
  EXPECT_EQ(keys.events, "agent:agent-1:events");
  EXPECT_EQ(keys.heartbeat, "agent:agent-1:heartbeat");
  EXPECT_EQ(AllKeysOf("agent-1", KeyStyle::kPlain), "agent:agent-1:*");
  const auto job = *Uuid::Parse("01900000-0000-7000-8000-000000000000");
  EXPECT_EQ(UpdatesChannel(job), "job:01900000-0000-7000-8000-000000000000:updates");
}

TEST(RedisKeys, WithAHashTag_AreAllInOneSlot) {
  const auto keys = KeysOf("web-7", KeyStyle::kHashTag);
  EXPECT_EQ(keys.jobs, "agent:{web-7}:jobs");
  const auto slot = prov::redis::SlotOf("web-7");
  for (const auto& key : {keys.jobs, keys.processing, keys.control, keys.ack, keys.events,
                          keys.heartbeat, keys.reader, keys.wake})
    EXPECT_EQ(prov::redis::SlotOf(key), slot) << key;
}

TEST(RedisKeys, TheAgentOfAChannel_IsSpelledAsOne) {
  for (const auto style : {KeyStyle::kPlain, KeyStyle::kHashTag})
    EXPECT_EQ(AgentOfEvents(KeysOf("a.b_c-1", style).events, style), "a.b_c-1");
  for (const auto* channel :
       {"", "agent:", "agent:events", "agent::events", "agent:a:jobs", "agent:a b:events",
        "agent:a:events ", "agent:*:events", "agent:../x:events", "agent:{a}:events"})
    EXPECT_EQ(AgentOfEvents(channel, KeyStyle::kPlain), "") << channel;
  EXPECT_EQ(AgentOfEvents("agent:a:events", KeyStyle::kHashTag), "");
}

}  // namespace
}  // namespace prov::transport::redis
