// What the API shows, as docs/api/openapi.yaml has it. Pure.
#pragma once

#include <boost/json.hpp>

#include "job/record.hpp"
#include "panel/api/waiting.hpp"
#include "panel/dispatch/dispatcher.hpp"
#include "panel/dispatch/key_ring.hpp"
#include "panel/registry/registry.hpp"
#include "store/agents.hpp"
#include "store/audit.hpp"
#include "store/jobs.hpp"
#include "store/sessions.hpp"
#include "store/tokens.hpp"
#include "store/users.hpp"

namespace prov::panel {

// Without `waiting` the members that tell of it are null.
boost::json::object JobJson(const job::Record& record, const std::optional<Waiting>& waiting = {},
                            boost::json::storage_ptr storage = {});
// The same serialised.
std::string JobText(const job::Record& record, const std::optional<Waiting>& waiting = {});

struct ServerView {
  store::Agent agent;
  ServerStatus status = ServerStatus::kNeverSeen;
  std::optional<WallTime> last_seen_at;
  std::uint64_t queue_depth = 0;
};
boost::json::object ServerJson(const ServerView& server);

boost::json::object SessionJson(const store::User& user, const store::Session& session,
                                const KeyRing& keys);
// Without the hash of the password.
boost::json::object UserJson(const store::User& user);
// Without text and hash.
boost::json::object TokenJson(const store::ApiToken& token);

boost::json::object AuditJson(const store::AuditEntry& entry);
// What a job left there that succeeded.
boost::json::object InstalledJson(const job::Record& record);

// Of what ended by itself, one way or the other; null where nothing did.
boost::json::value SuccessRate(std::uint64_t succeeded, std::uint64_t failed);

// `statistics` of its jobs; nothing before the first.
using Statistics = std::optional<store::AppStatistics>;
boost::json::object InstallerSummaryJson(const Installer& installer, const Statistics& statistics);
// The whole manifest as loaded. Of a broken installer the members stand with nothing in them.
boost::json::object InstallerJson(const Installer& installer, const Statistics& statistics);

}  // namespace prov::panel
