// Audit, agents, commands, replays and tokens in memory.
#include <fmt/format.h>

#include "base/json.hpp"
#include "store/memory/state.hpp"

namespace prov::store::memory {
namespace {

Error Missing(std::string_view what) {
  return Error{ErrorCode::kNotFound, fmt::format("there is no such {}.", what)};
}
Error Exists(std::string_view what) {
  return Error{ErrorCode::kConflict, fmt::format("the {} exists.", what)};
}

template <class T>
bool HasHash(const std::map<Uuid, T>& tokens, const std::string& hash) {
  return std::any_of(tokens.begin(), tokens.end(),
                     [&](const auto& token) { return token.second.hash == hash; });
}

}  // namespace

Result<std::uint64_t> MemoryAudit::Append(const AuditEvent& event) {
  PROV_CHECK(view_.CheckWritable());
  auto& entries = view_.state.audit;
  AuditEntry entry{entries.size() + 1, event, json::Serialize(event.detail),
                   entries.empty() ? std::string(32, '\0') : entries.back().hash, ""};
  entry.hash = AuditHash(entry);
  entries.push_back(entry);
  return entry.sequence;
}

Result<std::vector<AuditEntry>> MemoryAudit::After(const Actor& actor, std::uint64_t sequence,
                                                   std::size_t limit) {
  PROV_CHECK(CheckMayRead(actor));
  std::vector<AuditEntry> rows;
  for (const auto& entry : view_.state.audit) {
    if (entry.sequence > sequence && rows.size() < limit) rows.push_back(entry);
  }
  return rows;
}

Result<std::vector<AuditEntry>> MemoryAudit::List(const Actor& actor, const AuditFilter& filter,
                                                  const std::optional<std::uint64_t>& before,
                                                  std::size_t limit) {
  PROV_CHECK(CheckMayRead(actor));
  std::vector<AuditEntry> rows;
  const auto& entries = view_.state.audit;
  for (auto it = entries.rbegin(); it != entries.rend() && rows.size() < limit; ++it) {
    const auto& event = it->event;
    const auto is = [](const std::string& wanted, const std::string& got) {
      return wanted.empty() || wanted == got;
    };
    if ((!before || it->sequence < *before) && is(filter.user_id, event.user_id) &&
        is(filter.action, event.action) && is(filter.subject, event.subject) &&
        (!filter.since || event.at >= *filter.since) && (!filter.until || event.at < *filter.until))
      rows.push_back(*it);
  }
  return rows;
}

Result<AuditHead> MemoryAudit::Head() {
  const auto& entries = view_.state.audit;
  if (entries.empty()) return AuditHead{0, std::string(32, '\0')};
  return AuditHead{entries.back().sequence, entries.back().hash};
}

Status MemoryAgents::Insert(const Agent& agent) {
  PROV_CHECK(view_.CheckWritable());
  if (!view_.state.agents.emplace(agent.id, agent).second) return Exists("server");
  return {};
}

Status MemoryAgents::Update(const Agent& agent, std::uint32_t expected_generation) {
  PROV_CHECK(view_.CheckWritable());
  const auto found = view_.state.agents.find(agent.id);
  if (found == view_.state.agents.end()) return Missing("server");
  if (found->second.key_generation != expected_generation) {
    return Error{ErrorCode::kConflict, "the agent's keys were replaced meanwhile."};
  }
  found->second = agent;
  return {};
}

Result<Agent> MemoryAgents::Get(const Actor&, const std::string& id) {
  const auto found = view_.state.agents.find(id);
  if (found == view_.state.agents.end()) return Missing("server");
  return found->second;
}

Result<std::vector<Agent>> MemoryAgents::List(const Actor&) {
  std::vector<Agent> rows;
  for (const auto& [id, agent] : view_.state.agents) rows.push_back(agent);
  return rows;
}

Status MemoryAgents::Seen(const std::string& id, WallTime at) {
  PROV_CHECK(view_.CheckWritable());
  const auto found = view_.state.agents.find(id);
  if (found == view_.state.agents.end()) return {};
  auto& seen = found->second.last_seen_at;
  if (!seen || *seen < at || *seen > at + kMostAhead) seen = at;
  return {};
}

Result<EventPosition> MemoryAgents::Position(const std::string& id, const std::string& epoch) {
  const auto found = view_.state.positions.find({id, epoch});
  return found == view_.state.positions.end() ? EventPosition{} : found->second;
}

Status MemoryAgents::Advance(const std::string& id, const std::string& epoch, std::uint64_t from,
                             const EventPosition& to) {
  PROV_CHECK(view_.CheckWritable());
  auto& position = view_.state.positions[{id, epoch}];
  if (position.sequence != from) {
    return Error{ErrorCode::kConflict, fmt::format("the last event applied of {} is {}, not {}.",
                                                   id, position.sequence, from)};
  }
  position = to;
  return {};
}

Result<std::map<std::uint64_t, std::string>> MemoryAgents::EventHashes(const std::string& id,
                                                                       const std::string& epoch,
                                                                       std::uint64_t first,
                                                                       std::uint64_t last) {
  const auto found = view_.state.event_hashes.find({id, epoch});
  std::map<std::uint64_t, std::string> hashes;
  if (found == view_.state.event_hashes.end() || first > last) return hashes;
  hashes.insert(found->second.lower_bound(first), found->second.upper_bound(last));
  return hashes;
}

Status MemoryAgents::KeepHashes(const std::string& id, const std::string& epoch,
                                const std::vector<EventPosition>& applied) {
  PROV_CHECK(view_.CheckWritable());
  auto& hashes = view_.state.event_hashes[{id, epoch}];
  for (const auto& each : applied) hashes[each.sequence] = each.hash;
  if (hashes.empty() || hashes.rbegin()->first <= kEventHashesKept) return {};
  hashes.erase(hashes.begin(), hashes.upper_bound(hashes.rbegin()->first - kEventHashesKept));
  return {};
}

Status MemoryCommands::Insert(const Command& command) {
  PROV_CHECK(view_.CheckWritable());
  if (!view_.state.commands.emplace(command.id, command).second) return Exists("command");
  return {};
}

Result<std::vector<std::string>> MemoryCommands::AgentsWithPending() {
  std::set<std::string> agents;
  for (const auto& [id, command] : view_.state.commands) agents.insert(command.agent_id);
  return std::vector<std::string>(agents.begin(), agents.end());
}

Result<std::vector<Command>> MemoryCommands::Pending(const std::string& agent_id,
                                                     std::size_t limit) {
  std::vector<Command> rows;
  for (const auto& [id, command] : view_.state.commands) {
    if (command.agent_id == agent_id && rows.size() < limit) rows.push_back(command);
  }
  return rows;
}

Status MemoryCommands::Confirm(const Uuid& id) {
  PROV_CHECK(view_.CheckWritable());
  if (view_.state.commands.erase(id) == 0) return Missing("command");
  return {};
}

Result<std::uint64_t> MemoryCommands::RemoveExpired(WallTime now) {
  PROV_CHECK(view_.CheckWritable());
  return std::erase_if(view_.state.commands,
                       [&](const auto& command) { return command.second.expires_at <= now; });
}

Result<std::optional<Replay>> MemoryReplays::Find(const Actor& actor, const std::string& key,
                                                  WallTime now) {
  const auto found = view_.state.replays.find({actor.user_id, key});
  if (found == view_.state.replays.end() || found->second.made_at <= now - kReplayKept)
    return std::optional<Replay>();
  return std::optional(found->second.replay);
}

Status MemoryReplays::Keep(const Actor& actor, const std::string& key, const Replay& replay,
                           WallTime now) {
  PROV_CHECK(view_.CheckWritable());
  auto& replays = view_.state.replays;
  std::erase_if(replays,
                [&](const auto& kept) { return kept.second.made_at <= now - kReplayKept; });
  if (!replays.emplace(std::pair(actor.user_id, key), KeptReplay{replay, now}).second)
    return Exists("idempotency key");
  return {};
}

Status MemoryTokens::Insert(const ApiToken& token) {
  PROV_CHECK(view_.CheckWritable());
  if (HasHash(view_.state.tokens, token.hash)) return Exists("token");
  if (!view_.state.tokens.emplace(token.id, token).second) return Exists("token");
  return {};
}

Result<ApiToken> MemoryTokens::FindByHash(const std::string& hash) {
  for (const auto& [id, token] : view_.state.tokens) {
    if (token.hash == hash) return token;
  }
  return Missing("token");
}

Result<std::vector<ApiToken>> MemoryTokens::List(const Actor& actor) {
  std::vector<ApiToken> rows;
  for (const auto& [id, token] : view_.state.tokens) {
    if (actor.admin || token.user_id == actor.user_id) rows.push_back(token);
  }
  return rows;
}

Status MemoryTokens::Revoke(const Actor& actor, const Uuid& id, WallTime at) {
  PROV_CHECK(view_.CheckWritable());
  const auto found = view_.state.tokens.find(id);
  const bool seen =
      found != view_.state.tokens.end() && (actor.admin || found->second.user_id == actor.user_id);
  if (!seen) return Missing("token");
  if (!found->second.revoked_at) found->second.revoked_at = at;
  return {};
}

Result<std::uint64_t> MemoryTokens::RevokeOf(const std::string& user_id, WallTime at) {
  PROV_CHECK(view_.CheckWritable());
  std::uint64_t revoked = 0;
  for (auto& [id, token] : view_.state.tokens) {
    if (token.user_id != user_id || token.revoked_at) continue;
    token.revoked_at = at;
    ++revoked;
  }
  return revoked;
}

Status MemoryTokens::Used(const Uuid& id, WallTime at) {
  PROV_CHECK(view_.CheckWritable());
  const auto found = view_.state.tokens.find(id);
  if (found == view_.state.tokens.end()) return Missing("token");
  found->second.last_used_at = at;
  return {};
}

Status MemoryTokens::InsertEnrolment(const EnrolmentToken& token) {
  PROV_CHECK(view_.CheckWritable());
  if (HasHash(view_.state.enrolments, token.hash)) return Exists("enrolment token");
  if (!view_.state.enrolments.emplace(token.id, token).second) return Exists("enrolment token");
  return {};
}

Result<EnrolmentToken> MemoryTokens::FindEnrolment(const std::string& hash) {
  for (const auto& [id, token] : view_.state.enrolments) {
    if (token.hash == hash) return token;
  }
  return Missing("enrolment token");
}

Result<EnrolmentToken> MemoryTokens::UseEnrolment(const std::string& hash,
                                                  const std::string& agent_id, WallTime now) {
  PROV_CHECK(view_.CheckWritable());
  PROV_TRY(const auto token, FindEnrolment(hash));
  PROV_CHECK(CheckEnrolment(token, agent_id, now));
  auto& row = view_.state.enrolments[token.id];
  row.used_at = now;
  return row;
}

}  // namespace prov::store::memory
