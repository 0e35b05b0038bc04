// Signed commands to agents, kept until their effect is reported.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/uuid.hpp"

namespace prov::store {

struct Command {
  Uuid id;
  std::string agent_id;
  std::string kind;  // "cancel"
  std::optional<Uuid> job_id;
  std::string bytes;  // signed; the same every time it is sent
  WallTime created_at{};
  WallTime expires_at{};
  bool operator==(const Command&) const = default;
};

class Commands {
 public:
  virtual ~Commands() = default;
  virtual Status Insert(const Command& command) = 0;  // kConflict when the id exists
  // Not confirmed: whose they are, and one agent's, oldest first.
  virtual Result<std::vector<std::string>> AgentsWithPending() = 0;
  virtual Result<std::vector<Command>> Pending(const std::string& agent_id, std::size_t limit) = 0;
  // Its effect was reported, or it expired: gone. kNotFound.
  virtual Status Confirm(const Uuid& id) = 0;
  // Removes what expired before `now`; how many.
  virtual Result<std::uint64_t> RemoveExpired(WallTime now) = 0;
};

}  // namespace prov::store
