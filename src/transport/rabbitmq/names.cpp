#include "transport/rabbitmq/names.hpp"

#include <fmt/format.h>

#include "base/sha256.hpp"
#include "job/grammar.hpp"

namespace prov::transport::rabbitmq {
namespace {

constexpr std::int64_t kMostDead = 10'000;             // the oldest goes
constexpr std::int64_t kMostShardBytes = 256ll << 20;  // what is beyond is refused
constexpr std::int64_t kMostPresence = 100'000;        // the oldest goes
constexpr std::string_view kPresence = "presence.";

std::size_t ShardOf(std::string_view agent) {
  return static_cast<unsigned char>(Sha256(agent)[0]) % kEventShards;
}

std::string AgentIn(std::string_view routing_key, std::string_view prefix) {
  if (!routing_key.starts_with(prefix)) return "";
  routing_key.remove_prefix(prefix.size());
  return job::IsAgentId(routing_key) ? std::string(routing_key) : "";
}

// Replicated where there is a cluster, and on disk.
amqp::Queue Quorum(std::string name) {
  amqp::Queue queue{.name = std::move(name)};
  queue.arguments.emplace_back("x-queue-type", std::string("quorum"));
  return queue;
}

}  // namespace

std::string QueueOf(std::string_view agent) { return fmt::format("agent.{}.jobs", agent); }

std::string PresenceKey(std::string_view agent) { return fmt::format("{}{}", kPresence, agent); }

std::string EventsKey(std::string_view agent) {
  return fmt::format("events.{}.{}", ShardOf(agent), agent);
}

std::string AllEventsOf(std::size_t shard) { return fmt::format("events.{}.#", shard); }

std::string EventsQueue(std::size_t shard) { return fmt::format("provisioning.events.{}", shard); }

std::string AgentOfPresence(std::string_view routing_key) {
  return AgentIn(routing_key, kPresence);
}

std::string AgentOfEvents(std::string_view routing_key) {
  constexpr std::string_view kEvents = "events.";
  const auto dot = routing_key.find('.', kEvents.size());
  if (!routing_key.starts_with(kEvents) || dot == routing_key.npos) return "";
  auto agent = AgentIn(routing_key, routing_key.substr(0, dot + 1));
  return !agent.empty() && EventsKey(agent) == routing_key ? agent : "";
}

amqp::Queue ParcelQueue(std::string_view agent) {
  auto queue = Quorum(QueueOf(agent));
  queue.arguments.emplace_back("x-delivery-limit", std::int64_t{kMostDeliveries});
  queue.arguments.emplace_back("x-dead-letter-exchange", std::string());
  queue.arguments.emplace_back("x-dead-letter-routing-key", std::string(kDeadQueue));
  return queue;
}

amqp::Queue EventsQueueOf(std::size_t shard) {
  auto queue = Quorum(EventsQueue(shard));
  queue.arguments.emplace_back("x-single-active-consumer", true);
  queue.arguments.emplace_back("x-max-length-bytes", kMostShardBytes);
  queue.arguments.emplace_back("x-overflow", std::string("reject-publish"));
  return queue;
}

amqp::Queue DeadQueue() {
  auto queue = Quorum(std::string(kDeadQueue));
  queue.arguments.emplace_back("x-max-length", kMostDead);
  return queue;
}

amqp::Queue PresenceQueue(std::string name) {
  return {.name = std::move(name),
          .durable = false,
          .exclusive = true,
          .arguments = {{"x-max-length", kMostPresence}}};
}

}  // namespace prov::transport::rabbitmq
