// Users and their sessions in memory.
#include "store/memory/state.hpp"

namespace prov::store::memory {
namespace {

Error NoSuchUser() { return Error{ErrorCode::kNotFound, "there is no such user."}; }

}  // namespace

Status MemoryUsers::Insert(const User& user) {
  PROV_CHECK(view_.CheckWritable());
  const bool exists = FindByName(user.name).has_value();
  if (exists || !view_.state.users.emplace(user.id, user).second)
    return Error{ErrorCode::kConflict, "the user exists."};
  return {};
}

Result<User> MemoryUsers::Get(const Uuid& id) {
  const auto found = view_.state.users.find(id);
  if (found == view_.state.users.end()) return NoSuchUser();
  return found->second;
}

Result<User> MemoryUsers::FindByName(const std::string& name) {
  for (const auto& [id, user] : view_.state.users) {
    if (user.name == name) return user;
  }
  return NoSuchUser();
}

Result<std::vector<User>> MemoryUsers::List() {
  std::vector<User> rows;
  for (const auto& [id, user] : view_.state.users) rows.push_back(user);
  std::sort(rows.begin(), rows.end(), [](const User& a, const User& b) { return a.name < b.name; });
  return rows;
}

Status MemoryUsers::Update(const User& user) {
  PROV_CHECK(view_.CheckWritable());
  PROV_TRY(const auto before, Get(user.id));
  auto& row = view_.state.users[user.id];
  row = user;
  row.name = before.name;
  row.created_at = before.created_at;
  return {};
}

Status MemoryUsers::Seen(const Uuid& id, WallTime at) {
  PROV_CHECK(view_.CheckWritable());
  PROV_CHECK(Get(id));
  view_.state.users[id].last_seen_at = at;
  return {};
}

Status MemoryUsers::Remove(const Uuid& id) {
  PROV_CHECK(view_.CheckWritable());
  std::erase_if(view_.state.sessions, [&](const auto& row) { return row.second.user_id == id; });
  if (view_.state.users.erase(id) == 0) return NoSuchUser();
  return {};
}

Status MemorySessions::Insert(const Session& session) {
  PROV_CHECK(view_.CheckWritable());
  if (!view_.state.sessions.emplace(session.hash, session).second)
    return Error{ErrorCode::kConflict, "the session exists."};
  return {};
}

Result<Session> MemorySessions::Find(const std::string& hash) {
  const auto found = view_.state.sessions.find(hash);
  if (found == view_.state.sessions.end())
    return Error{ErrorCode::kNotFound, "there is no such session."};
  return found->second;
}

Status MemorySessions::Seen(const std::string& hash, WallTime at) {
  PROV_CHECK(view_.CheckWritable());
  const auto found = view_.state.sessions.find(hash);
  if (found != view_.state.sessions.end()) found->second.last_seen_at = at;
  return {};
}

Status MemorySessions::Remove(const std::string& hash) {
  PROV_CHECK(view_.CheckWritable());
  view_.state.sessions.erase(hash);
  return {};
}

Result<std::uint64_t> MemorySessions::RemoveOf(const Uuid& user_id, const std::string& except) {
  PROV_CHECK(view_.CheckWritable());
  return std::erase_if(view_.state.sessions, [&](const auto& row) {
    return row.second.user_id == user_id && row.first != except;
  });
}

Result<std::uint64_t> MemorySessions::RemoveExpired(WallTime now, WallTime seen_before) {
  PROV_CHECK(view_.CheckWritable());
  return std::erase_if(view_.state.sessions, [&](const auto& row) {
    return row.second.expires_at <= now || row.second.last_seen_at <= seen_before;
  });
}

Result<std::optional<AttemptCount>> MemoryAttempts::Find(const std::string& hash) {
  const auto found = view_.state.attempts.find(hash);
  if (found == view_.state.attempts.end()) return std::optional<AttemptCount>();
  return std::optional(found->second);
}

Status MemoryAttempts::Keep(const std::string& hash, const AttemptCount& count) {
  PROV_CHECK(view_.CheckWritable());
  view_.state.attempts[hash] = count;
  return {};
}

Status MemoryAttempts::Remove(const std::string& hash) {
  PROV_CHECK(view_.CheckWritable());
  view_.state.attempts.erase(hash);
  return {};
}

Result<std::uint64_t> MemoryAttempts::RemoveOld(WallTime since) {
  PROV_CHECK(view_.CheckWritable());
  return std::erase_if(view_.state.attempts,
                       [&](const auto& row) { return row.second.since <= since; });
}

}  // namespace prov::store::memory
