// The rules of people's accounts, each in a transaction of the caller's, with its audit entry.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "store/database.hpp"

namespace prov::panel {

// Idle, and whatever happens.
inline constexpr Seconds kSessionIdle = std::chrono::minutes{30};
inline constexpr Seconds kSessionLife = std::chrono::hours{12};

// [a-z0-9][a-z0-9._@-]{0,63}, but none of the names that the panel itself acts under.
bool IsUserName(std::string_view name);
// In small letters, as names are.
std::string UserNameOf(std::string_view typed);

// What a role may do, as scopes of a route.
std::vector<std::string> ScopesOf(store::Role role);

// Whether the session still stands at `now`.
bool IsLive(const store::Session& session, WallTime now);
WallTime IdleUntil(const store::Session& session);

// Who works at the panel's own machine, as the audit has it.
inline constexpr const char* kByHand = "admin";

struct Change {
  std::string by;  // who does it
  WallTime at{};
};

// kInvalidArgument for a name that is none, kConflict where it is taken.
Result<store::User> AddUser(store::Transaction& t, store::User user, const Change& change);

struct UserPatch {
  std::optional<store::Role> role;
  std::optional<bool> disabled;
};
// Ends the sessions of who is disabled. kNotFound; kConflict where no administrator would be left
// who may sign in.
Result<store::User> PatchUser(store::Transaction& t, const Uuid& id, const UserPatch& patch,
                              const Change& change);
// With sessions; the tokens of that name are revoked. kNotFound, kConflict as above.
Status RemoveUser(store::Transaction& t, const Uuid& id, const Change& change);
// Ends every session of the user but `except` (a hash; "" for none). kNotFound.
Status SetPassword(store::Transaction& t, const Uuid& id, const std::string& password_hash,
                   const std::string& except, const Change& change);

// At the panel's own machine, beside a running panel or not: hashes, and makes the user, or gives
// one that is there another password.
Result<store::User> MakeUser(store::Database& database, const std::string& name, store::Role role,
                             const std::string& password, const Clock& clock, Random& random);
Status ResetPassword(store::Database& database, const std::string& name,
                     const std::string& password, const Clock& clock, Random& random);
// One a line: id, name, role, made, last seen, and whether disabled.
Result<std::string> ListUsers(store::Database& database);

}  // namespace prov::panel
