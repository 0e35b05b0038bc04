// An agent's own user in RabbitMQ: it may read its own queues and publish under its own keys, and
// nothing else (docs/operations/rabbitmq.md). Its password follows from its http key, so nothing
// more has to be handed to it.
#pragma once

#include <string>
#include <string_view>

#include "base/random.hpp"

namespace prov::transport::rabbitmq {

// "agent.7". The prefix keeps an agent named "guest" from being RabbitMQ's own user.
std::string UserOf(std::string_view agent);
// 64 hex digits; a secret.
std::string PasswordOf(std::string_view http_key, std::string_view agent);

// The user with its permissions as one JSON document of definitions, for `rabbitmqctl
// import_definitions`, whatever it was before. It has the password as a salted SHA-256 only.
std::string UserDefinitions(std::string_view agent, std::string_view vhost,
                            std::string_view password, Random& random);

}  // namespace prov::transport::rabbitmq
