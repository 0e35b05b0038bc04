// The names of exchanges, queues and routing keys in RabbitMQ, and what queues are declared with;
// docs/formats/rabbitmq.md has what they hold. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "amqp/message.hpp"

namespace prov::transport::rabbitmq {

// Topic exchange: all that agents publish. Whose a message is, says its routing key, and a user of
// RabbitMQ's can be held to keys of its own (user.hpp).
inline constexpr std::string_view kAgentsExchange = "provisioning.agents";
// What was delivered too often.
inline constexpr std::string_view kDeadQueue = "provisioning.dead";
// Queues of events; which one is an agent's follows from its id.
inline constexpr std::size_t kEventShards = 16;
// After so many deliveries that ended without an acknowledgement, a parcel goes to kDeadQueue.
inline constexpr int kMostDeliveries = 20;

// The type of a message that an agent publishes with its presence key.
inline constexpr std::string_view kHeartbeat = "heartbeat";
inline constexpr std::string_view kTaken = "taken";  // `message_id` names the parcel
// It found none of its own, and listens at `reply_to` for the word that there is one.
inline constexpr std::string_view kNoQueue = "no-queue";
// What a panel says there.
inline constexpr std::string_view kQueueMade = "queue-made";

// The types of parcels.
inline constexpr std::string_view kJob = "job";
inline constexpr std::string_view kCommand = "command";

// An agent adds no more while so much of what it added is not acknowledged; with the last addition
// it may come to more by a quarter.
inline constexpr std::size_t kMostUnacknowledgedBytes = std::size_t{4} << 20;

// Of the parcels for an agent.
std::string QueueOf(std::string_view agent);

std::string PresenceKey(std::string_view agent);
std::string EventsKey(std::string_view agent);
inline constexpr std::string_view kAllPresence = "presence.#";
std::string AllEventsOf(std::size_t shard);
std::string EventsQueue(std::size_t shard);

// Whose such a key is; "" where what stands there is no agent's id, or its events belong elsewhere.
std::string AgentOfPresence(std::string_view routing_key);
std::string AgentOfEvents(std::string_view routing_key);

// Panels declare them all.
amqp::Queue ParcelQueue(std::string_view agent);
amqp::Queue EventsQueueOf(std::size_t shard);
amqp::Queue DeadQueue();
amqp::Queue PresenceQueue(std::string name);  // of one panel, for as long as it is connected

}  // namespace prov::transport::rabbitmq
