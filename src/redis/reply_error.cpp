#include "redis/reply_error.hpp"

#include <fmt/format.h>

#include "base/ascii.hpp"
#include "base/encoding.hpp"

namespace prov::redis {
namespace {

constexpr std::size_t kMostQuoted = 200;

struct Meaning {
  std::string_view name;
  ErrorCode code;
  std::string_view advice;
};

constexpr Meaning kMeanings[] = {
    {"WRONGPASS", ErrorCode::kUnauthenticated,
     "the user or the password is wrong, or the user is disabled; check both in the URL and in the "
     "server's ACL"},
    {"NOAUTH", ErrorCode::kUnauthenticated,
     "the server wants a password; write it into the URL, redis://USER:PASSWORD@HOST"},
    {"DENIED", ErrorCode::kUnauthenticated,
     "the server is in protected mode; give it a password or an ACL"},
    {"NOPERM", ErrorCode::kPermissionDenied,
     "the ACL of this user does not allow the command, the key or the channel; extend it"},
    {"OOM", ErrorCode::kExhausted,
     "the server has reached its maxmemory; raise it, or remove keys"},
    {"LOADING", ErrorCode::kUnavailable,
     "the server is still loading its data; it is tried again by itself"},
    {"READONLY", ErrorCode::kUnavailable,
     "the server is a replica; name the master, or use redis+sentinel://"},
    {"MISCONF", ErrorCode::kUnavailable,
     "the server cannot save to its disk, and takes no writes until it can; look at its log"},
    {"MASTERDOWN", ErrorCode::kUnavailable, "the replica has lost its master"},
    {"NOREPLICAS", ErrorCode::kUnavailable,
     "fewer replicas are connected than min-replicas-to-write asks for"},
    {"CLUSTERDOWN", ErrorCode::kUnavailable, "the cluster does not cover the key now"},
    {"TRYAGAIN", ErrorCode::kUnavailable, "the cluster is moving the keys; try again"},
    {"BUSY", ErrorCode::kUnavailable, "a script runs on the server for too long"},
    {"UNBLOCKED", ErrorCode::kUnavailable,
     "the server ended the wait, as it does where it becomes a replica"},
    {"MOVED", ErrorCode::kUnavailable,
     "the key is on another node of a Cluster, which is followed where the URL begins with "
     "redis+cluster:// or rediss+cluster://"},
    {"ASK", ErrorCode::kUnavailable,
     "the key is being moved to another node of the Cluster; it is tried again by itself"},
    {"CROSSSLOT", ErrorCode::kInvalidArgument,
     "the keys are in several slots of a Cluster; give them one hash tag"},
    {"NOGROUP", ErrorCode::kNotFound, "the stream or its consumer group does not exist"},
    {"BUSYGROUP", ErrorCode::kConflict, "the consumer group exists already"},
    {"EXECABORT", ErrorCode::kConflict, "a command of the transaction was refused, so none ran"},
    {"NOSCRIPT", ErrorCode::kConflict, "the server does not know the script; send it with EVAL"},
};

// "unknown command 'HELLO', with args beginning with: 'secret'"
std::string_view WithoutArguments(std::string_view reply) {
  return reply.substr(0, std::min(reply.find(", with args"), kMostQuoted));
}

}  // namespace

std::string_view ErrorName(std::string_view reply) {
  const auto word = reply.substr(0, reply.find(' '));
  const bool capitals = std::ranges::all_of(word, IsUpper);
  return capitals ? word : std::string_view();
}

Error FromErrorReply(std::string_view reply) {
  const auto said = ReplaceInvalidUtf8(WithoutArguments(reply));
  const auto name = ErrorName(reply);
  for (const auto& meaning : kMeanings) {
    if (meaning.name == name)
      return {meaning.code, fmt::format("Redis answered \"{}\": {}", said, meaning.advice)};
  }
  return {ErrorCode::kInvalidArgument, fmt::format("Redis refused the command: \"{}\"", said)};
}

Result<Value> ToResult(Value value) {
  if (value.is_error()) return FromErrorReply(value.text);
  return value;
}

}  // namespace prov::redis
