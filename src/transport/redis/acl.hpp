// An agent's own user in Redis: it may touch its own keys and channels, with the commands it needs,
// and nothing else (docs/operations/redis.md). Its password follows from its http key, so nothing
// more has to be handed to it.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "transport/redis/keys.hpp"

namespace prov::transport::redis {

// "agent:7". The prefix keeps an agent named "default" from being Redis's own user.
std::string AclUser(std::string_view agent);
// 64 hex digits; a secret.
std::string AclPassword(std::string_view http_key, std::string_view agent);

// The command that makes the user as it should be, whatever it was: "ACL SETUSER agent:7 reset …".
// It has the passwords as SHA-256 only. Several are those of several generations of keys.
std::string AclRule(std::string_view agent, KeyStyle style, std::span<const std::string> passwords);

}  // namespace prov::transport::redis
