#include "transport/redis/acl.hpp"

#include "base/encoding.hpp"
#include "base/sha256.hpp"
#include "signing/keys.hpp"

namespace prov::transport::redis {
namespace {

// What agent_link.cpp asks. No EVAL, no KEYS, nothing of the server.
constexpr std::string_view kCommands[] = {"ping",   "subscribe", "publish", "blmove",
                                          "lindex", "lrem",      "ltrim",   "set",
                                          "getdel", "del",       "xadd",    "xlen"};

}  // namespace

std::string AclUser(std::string_view agent) { return "agent:" + std::string(agent); }

std::string AclPassword(std::string_view http_key, std::string_view agent) {
  return HexEncode(
      signing::Hkdf(http_key, "provisioning/v1", "redis\n" + std::string(agent)).view());
}

std::string AclRule(std::string_view agent, KeyStyle style,
                    std::span<const std::string> passwords) {
  auto rule = "ACL SETUSER " + AclUser(agent) + " reset on resetchannels";
  for (const auto& password : passwords) rule += " #" + HexEncode(Sha256(password));
  const auto own = AllKeysOf(agent, style);
  rule += " ~" + own + " &" + own + " -@all";
  for (const auto command : kCommands) rule += " +" + std::string(command);
  // Which node of a Cluster has its keys.
  if (style == KeyStyle::kHashTag) rule += " +cluster|slots";
  return rule;
}

}  // namespace prov::transport::redis
