// People who may sign in, and what the panel keeps for each of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/uuid.hpp"

namespace prov::store {

enum class Role { kAdministrator, kUser };
BOOST_DESCRIBE_ENUM(Role, kAdministrator, kUser)

struct User {
  Uuid id;
  std::string name;           // unique; as jobs and audit have it
  std::string password_hash;  // Argon2id, with its parameters and salt
  Role role = Role::kUser;
  bool disabled = false;
  WallTime created_at{};
  std::optional<WallTime> last_seen_at;
  std::string preferences = "{}";  // JSON
  bool operator==(const User&) const = default;
};

class Users {
 public:
  virtual ~Users() = default;
  virtual Status Insert(const User& user) = 0;                   // kConflict when id or name exists
  virtual Result<User> Get(const Uuid& id) = 0;                  // kNotFound
  virtual Result<User> FindByName(const std::string& name) = 0;  // kNotFound
  virtual Result<std::vector<User>> List() = 0;                  // by name
  // Writes all but id, name and created_at. kNotFound.
  virtual Status Update(const User& user) = 0;
  virtual Status Seen(const Uuid& id, WallTime at) = 0;  // kNotFound
  virtual Status Remove(const Uuid& id) = 0;             // with all sessions; kNotFound
};

}  // namespace prov::store
