#include "transport/redis/keys.hpp"

#include <fmt/format.h>

#include "job/grammar.hpp"

namespace prov::transport::redis {
namespace {

std::string Prefix(std::string_view agent, KeyStyle style) {
  return style == KeyStyle::kHashTag ? fmt::format("agent:{{{}}}:", agent)
                                     : fmt::format("agent:{}:", agent);
}

constexpr std::string_view kEvents = "events";

}  // namespace

AgentKeys KeysOf(std::string_view agent, KeyStyle style) {
  const auto prefix = Prefix(agent, style);
  return {.jobs = prefix + "jobs",
          .processing = prefix + "processing",
          .control = prefix + "control",
          .ack = prefix + "ack",
          .events = prefix + std::string(kEvents),
          .heartbeat = prefix + "heartbeat",
          .reader = prefix + "reader",
          .wake = prefix + "wake"};
}

std::string AllKeysOf(std::string_view agent, KeyStyle style) { return Prefix(agent, style) + "*"; }

std::string EventsPattern(KeyStyle style) { return Prefix("*", style) + std::string(kEvents); }

std::string AgentOfEvents(std::string_view channel, KeyStyle style) {
  const auto pattern = EventsPattern(style);
  const auto star = pattern.find('*');
  const auto open = pattern.substr(0, star);
  const auto close = pattern.substr(star + 1);
  if (channel.size() < open.size() + close.size() || !channel.starts_with(open) ||
      !channel.ends_with(close))
    return "";
  channel.remove_prefix(open.size());
  channel.remove_suffix(close.size());
  return job::IsAgentId(channel) ? std::string(channel) : "";
}

std::string UpdatesChannel(const Uuid& job) { return "job:" + job.ToString() + ":updates"; }

}  // namespace prov::transport::redis
