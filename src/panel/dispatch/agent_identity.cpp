#include "panel/dispatch/agent_identity.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/json.hpp"

namespace prov::panel {
namespace {

// When the agent's present epoch began, by the agent's clock; nothing where it never said so.
std::optional<WallTime> EpochSince(const store::Agent& agent) {
  const auto facts = json::ParseText(agent.facts);
  const auto* object = facts ? facts->if_object() : nullptr;
  const auto* epoch = object != nullptr ? object->if_contains("epoch") : nullptr;
  const auto* since =
      epoch != nullptr && epoch->is_object() ? epoch->get_object().if_contains("since") : nullptr;
  if (since == nullptr || !since->is_string()) return std::nullopt;
  const auto time = ParseTime(since->get_string());
  return time ? std::optional(*time) : std::nullopt;
}

bool Follows(const job::Event& event, const std::string& epoch) {
  if (!event.facts) return false;
  const auto& facts = event.facts->epoch;
  if (facts.previous && facts.previous->ToString() == epoch) return true;
  return facts.earlier && std::ranges::any_of(*facts.earlier, [&](const Uuid& each) {
           return each.ToString() == epoch;
         });
}

Finding Cloned(std::string evidence) { return {Finding::Kind::kCloned, std::move(evidence)}; }

Result<Finding> OfPresentEpoch(store::Transaction& t, const store::Agent& agent,
                               const std::vector<VerifiedEvent>& events) {
  PROV_TRY(auto hashes, t.agents().EventHashes(agent.id, agent.epoch, events.front().event.seq,
                                               events.back().event.seq));
  for (const auto& each : events) {
    const auto [known, fresh] = hashes.emplace(each.event.seq, each.hash);
    if (!fresh && known->second != each.hash) {
      return Cloned(fmt::format("event {} of epoch {} came with two different contents",
                                each.event.seq, agent.epoch));
    }
  }
  return Finding{};
}

}  // namespace

Result<Finding> Identify(store::Transaction& t, const store::Agent& agent,
                         const std::vector<VerifiedEvent>& events) {
  const auto& first = events.front().event;
  const auto epoch = first.epoch.ToString();
  if (epoch == agent.epoch) return OfPresentEpoch(t, agent, events);
  PROV_TRY(const auto left, t.agents().Position(agent.id, epoch));
  if (left.sequence > 0) {
    // What was under way when the new epoch began may come late; what was written later shows that
    // the old journal goes on.
    const auto since = EpochSince(agent);
    const bool alive = since && std::ranges::any_of(events, [&](const VerifiedEvent& each) {
                         return each.event.time > *since;
                       });
    if (alive) {
      return Cloned(
          fmt::format("epoch {} goes on, though epoch {} followed it", epoch, agent.epoch));
    }
    return Finding{Finding::Kind::kRefused, "it reports of epoch " + epoch + ", which is over"};
  }
  if (Follows(first, agent.epoch)) return Finding{Finding::Kind::kFollows, ""};
  return Finding{
      Finding::Kind::kRefused,
      fmt::format("it speaks of epoch {}, which does not follow {}, the one it is known with",
                  epoch, agent.epoch)};
}

Result<store::Agent> RegisterByEvent(store::Transaction& t, const std::string& id,
                                     const std::vector<VerifiedEvent>& events, WallTime now) {
  const auto facts = std::ranges::find_if(events, [](const VerifiedEvent& each) {
    return each.event.facts && each.event.facts->sealing_key;
  });
  if (facts == events.end())
    return Error{ErrorCode::kNotFound, "no server is registered as " + id, {}};
  const auto& said = *facts->event.facts;
  store::Agent agent;
  agent.id = id;
  agent.registered_at = now;
  agent.epoch = facts->event.epoch.ToString();
  PROV_TRY(agent.sealing_key, Base64Decode(*said.sealing_key));
  agent.facts = json::Write(said);
  PROV_CHECK(t.agents().Insert(agent));
  PROV_CHECK(t.audit().Append(
      {now, "agent:" + id, "agent.enrolled", id, {{"generation", 1}, {"token", "SECRET_KEY"}}}));
  return agent;
}

std::string Shortened(std::string_view said) {
  return ReplaceInvalidUtf8(said.substr(0, kMostSaidBytes));
}

Status MarkCloned(store::Transaction& t, store::Agent& agent, std::string evidence, WallTime now) {
  agent.cloned = store::CloneMark{now, std::move(evidence)};
  PROV_CHECK(t.audit().Append({now,
                               "agent:" + agent.id,
                               "agent.cloned",
                               agent.id,
                               {{"evidence", agent.cloned->evidence}}}));
  return {};
}

Status MarkRefused(store::Transaction& t, store::Agent& agent, std::string why, WallTime now) {
  if (!agent.refused.empty()) return {};
  agent.refused = Shortened(why);
  PROV_CHECK(t.audit().Append(
      {now, "agent:" + agent.id, "agent.events_refused", agent.id, {{"reason", agent.refused}}}));
  return {};
}

Error ClonedError(const store::Agent& agent) {
  return {
      ErrorCode::kConflict,
      fmt::format("two servers speak as {0} ({1}); neither is heard until one of them is "
                  "enrolled again: `provisioning-panel enroll-token {0} --re-enroll`; on the one "
                  "that is to stay, stop the agent, and use the token with "
                  "`provisioning-agent enroll --new-epoch`",
                  agent.id, agent.cloned ? agent.cloned->evidence : ""),
      {}};
}

std::string RefusedWarning(const store::Agent& agent) {
  return fmt::format(
      "Nothing that this server reports is taken: {0}. Where that does not end by itself, make a "
      "token with `provisioning-panel enroll-token {1} --re-enroll`, stop its agent, and "
      "use the token with `provisioning-agent enroll --new-epoch`; what it has not reported is "
      "lost then.",
      agent.refused, agent.id);
}

}  // namespace prov::panel
