// What is published to RabbitMQ, and what comes from there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace prov::amqp {

// What a channel listens to, with prefetch 0, before it publishes what it wants to be answered:
// with this as `reply_to`, in whose place the broker puts an address of the channel's own. An
// answer is published to the default exchange with that as its routing key, and is lost where the
// channel is closed. There is no queue in between. https://www.rabbitmq.com/docs/direct-reply-to
inline constexpr std::string_view kDirectReplyTo = "amq.rabbitmq.reply-to";
// Whether it is such an address. No queue has such a name: RabbitMQ keeps those with amq. for
// itself.
inline bool IsDirectReplyAddress(std::string_view reply_to) {
  return reply_to.starts_with(kDirectReplyTo) &&
         reply_to.substr(kDirectReplyTo.size()).starts_with('.');
}

struct Message {
  std::string exchange;  // "": the default one, where `routing_key` is a queue's name
  std::string routing_key;
  std::string body;
  std::string type;        // "": none, here and below
  std::string message_id;  // 255 bytes at most, as all names
  std::string reply_to = {};
  bool persistent = true;
};

struct Delivery {
  std::uint64_t tag = 0;  // for Channel::Acknowledge
  bool redelivered = false;
  std::string routing_key;
  std::string body;  // "" where it is too large
  std::string type;
  std::string message_id;
  std::string reply_to;
  bool too_large = false;  // longer than ConnectionOptions::most_body_bytes: it was not kept
};

// A queue and what it is declared with. An existing one must have been declared with the same.
struct Queue {
  using Value = std::variant<std::string, std::int64_t, bool>;
  std::string name;
  bool durable = true;
  bool exclusive = false;    // to this connection, with which it ends
  bool auto_delete = false;  // it ends with its last consumer
  std::vector<std::pair<std::string, Value>> arguments;
};

struct QueueState {
  std::uint32_t ready = 0;  // messages that no consumer has
  std::uint32_t consumers = 0;
};

}  // namespace prov::amqp
