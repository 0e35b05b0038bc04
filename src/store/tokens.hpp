// API tokens and enrolment tokens. Only their hashes are stored.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/uuid.hpp"
#include "store/actor.hpp"

namespace prov::store {

struct ApiToken {
  Uuid id;
  std::string hash;
  std::string name;
  std::string user_id;
  std::vector<std::string> scopes;
  WallTime created_at{};
  std::optional<WallTime> expires_at;
  std::optional<WallTime> last_used_at;
  std::optional<WallTime> revoked_at;
  bool operator==(const ApiToken&) const = default;
};

enum class EnrolmentPurpose { kEnrol, kReEnrol };
BOOST_DESCRIBE_ENUM(EnrolmentPurpose, kEnrol, kReEnrol)

struct EnrolmentToken {
  Uuid id;
  std::string hash;
  std::string agent_id;  // the only one it enrols
  EnrolmentPurpose purpose = EnrolmentPurpose::kEnrol;
  std::string created_by;
  WallTime created_at{};
  WallTime expires_at{};
  std::optional<WallTime> used_at;
  bool operator==(const EnrolmentToken&) const = default;
};

class Tokens {
 public:
  virtual ~Tokens() = default;
  virtual Status Insert(const ApiToken& token) = 0;  // kConflict when id or hash exists
  // kNotFound. Whether it is expired or revoked is the caller's to judge.
  virtual Result<ApiToken> FindByHash(const std::string& hash) = 0;
  virtual Result<std::vector<ApiToken>> List(const Actor& actor) = 0;  // own ones; all for admins
  // kNotFound, also for another user's; the first revocation's time stays.
  virtual Status Revoke(const Actor& actor, const Uuid& id, WallTime at) = 0;
  // Every one of the user that is not revoked yet; how many.
  virtual Result<std::uint64_t> RevokeOf(const std::string& user_id, WallTime at) = 0;
  virtual Status Used(const Uuid& id, WallTime at) = 0;

  virtual Status InsertEnrolment(const EnrolmentToken& token) = 0;
  virtual Result<EnrolmentToken> FindEnrolment(const std::string& hash) = 0;  // kNotFound
  // Compare-and-set: once, before its expiry, for its own agent. kNotFound, or kConflict with the
  // reason.
  virtual Result<EnrolmentToken> UseEnrolment(const std::string& hash, const std::string& agent_id,
                                              WallTime now) = 0;
};

// Shared by the implementations: why the token does not work, or success.
Status CheckEnrolment(const EnrolmentToken& token, const std::string& agent_id, WallTime now);

}  // namespace prov::store
