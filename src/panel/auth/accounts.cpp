#include "panel/auth/accounts.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/json.hpp"
#include "job/record.hpp"
#include "panel/auth/authenticator.hpp"
#include "panel/auth/password.hpp"

namespace prov::panel {
namespace {

constexpr std::size_t kMostUserName = 64;

bool IsAdministrator(const store::User& user) {
  return user.role == store::Role::kAdministrator && !user.disabled;
}

// That somebody else than `user` may still manage users.
Status CheckNotLast(store::Transaction& t, const store::User& user) {
  PROV_TRY(const auto users, t.users().List());
  const auto other = [&](const store::User& each) {
    return each.id != user.id && IsAdministrator(each);
  };
  if (!IsAdministrator(user) || std::ranges::any_of(users, other)) return {};
  return Error{
      ErrorCode::kConflict, user.name + " is the last administrator: make another one first", {}};
}

Status Audited(store::Transaction& t, const Change& change, const char* action,
               const store::User& user, boost::json::object detail = {}) {
  detail["name"] = user.name;
  PROV_CHECK(
      t.audit().Append({change.at, change.by, action, user.id.ToString(), std::move(detail)}));
  return {};
}

Status CheckPassword(const std::string& password, const std::string& name) {
  const auto fault = CheckNewPassword("the password", password, name);
  if (!fault) return {};
  return Error{ErrorCode::kInvalidArgument, fault->field + " " + fault->message, {}};
}

}  // namespace

bool IsUserName(std::string_view name) {
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const auto allowed = [&](char c) {
    return alphanumeric(c) || c == '.' || c == '_' || c == '@' || c == '-';
  };
  if (name == "panel" || name == job::kExternalUser || name == "nobody") return false;
  return !name.empty() && name.size() <= kMostUserName && alphanumeric(name.front()) &&
         std::ranges::all_of(name, allowed);
}

std::string UserNameOf(std::string_view typed) {
  std::string name(typed);
  for (auto& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return name;
}

std::vector<std::string> ScopesOf(store::Role role) {
  const auto most = role == store::Role::kAdministrator ? kScopeAdmin : kScopeJobs;
  return {std::string(most), std::string(kScopePerson)};
}

bool IsLive(const store::Session& session, WallTime now) { return now < IdleUntil(session); }

WallTime IdleUntil(const store::Session& session) {
  return std::min<WallTime>(session.last_seen_at + kSessionIdle, session.expires_at);
}

Result<store::User> AddUser(store::Transaction& t, store::User user, const Change& change) {
  if (!IsUserName(user.name)) {
    return Error{ErrorCode::kInvalidArgument,
                 "a user's name has 1 to 64 of a-z, 0-9, `.`, `_`, `@` and `-`, and begins with a "
                 "letter or a digit; panel, external and nobody are the panel's own",
                 {}};
  }
  user.created_at = change.at;
  if (t.users().FindByName(user.name))
    return Error{ErrorCode::kConflict, "there is a user " + user.name + " already", {}};
  PROV_CHECK(t.users().Insert(user));
  PROV_CHECK(Audited(t, change, "user.created", user, {{"role", json::EnumName(user.role)}}));
  return user;
}

Result<store::User> PatchUser(store::Transaction& t, const Uuid& id, const UserPatch& patch,
                              const Change& change) {
  PROV_TRY(const auto before, t.users().Get(id));
  auto user = before;
  user.role = patch.role.value_or(user.role);
  user.disabled = patch.disabled.value_or(user.disabled);
  if (user == before) return user;
  if (!IsAdministrator(user)) PROV_CHECK(CheckNotLast(t, before));
  PROV_CHECK(t.users().Update(user));
  if (user.disabled) PROV_CHECK(t.sessions().RemoveOf(id, ""));
  PROV_CHECK(Audited(t, change, "user.changed", user,
                     {{"role", json::EnumName(user.role)}, {"disabled", user.disabled}}));
  return user;
}

Status RemoveUser(store::Transaction& t, const Uuid& id, const Change& change) {
  PROV_TRY(const auto user, t.users().Get(id));
  PROV_CHECK(CheckNotLast(t, user));
  // Whoever is given the name next must not come into them.
  PROV_TRY(const auto tokens, t.tokens().RevokeOf(user.name, change.at));
  PROV_CHECK(t.users().Remove(id));
  return Audited(t, change, "user.removed", user, {{"tokens_revoked", tokens}});
}

Status SetPassword(store::Transaction& t, const Uuid& id, const std::string& password_hash,
                   const std::string& except, const Change& change) {
  PROV_TRY(auto user, t.users().Get(id));
  user.password_hash = password_hash;
  PROV_CHECK(t.users().Update(user));
  PROV_TRY(const auto ended, t.sessions().RemoveOf(id, except));
  return Audited(t, change, "user.password_set", user, {{"sessions_ended", ended}});
}

Result<store::User> MakeUser(store::Database& database, const std::string& name, store::Role role,
                             const std::string& password, const Clock& clock, Random& random) {
  PROV_CHECK(CheckPassword(password, name));
  store::User user;
  user.id = Uuid::MakeV7(clock, random);
  user.name = name;
  user.role = role;
  PROV_TRY(user.password_hash, HashPassword(password, random));
  return database.Write(
      [&](store::Transaction& t) { return AddUser(t, user, {kByHand, clock.Now()}); });
}

Status ResetPassword(store::Database& database, const std::string& name,
                     const std::string& password, const Clock& clock, Random& random) {
  PROV_CHECK(CheckPassword(password, name));
  PROV_TRY(const auto hash, HashPassword(password, random));
  return database.Write([&](store::Transaction& t) -> Status {
    PROV_TRY(const auto user, t.users().FindByName(name));
    return SetPassword(t, user.id, hash, "", {kByHand, clock.Now()});
  });
}

Result<std::string> ListUsers(store::Database& database) {
  PROV_TRY(const auto users, database.Read([](store::Transaction& t) { return t.users().List(); }));
  std::string text = "ID  NAME  ROLE  MADE  LAST SEEN  DISABLED";
  for (const auto& user : users) {
    text += fmt::format("\n{}  {}  {}  {}  {}  {}", user.id.ToString(), user.name,
                        json::EnumName(user.role), FormatTime(user.created_at),
                        user.last_seen_at ? FormatTime(*user.last_seen_at) : "-",
                        user.disabled ? "yes" : "-");
  }
  return text;
}

}  // namespace prov::panel
