// A job, a server and an installer as the API shows them (docs/api/openapi.yaml). Pure.
#pragma once

#include <boost/json.hpp>

#include "job/record.hpp"
#include "panel/dispatch/dispatcher.hpp"
#include "panel/registry/registry.hpp"
#include "store/agents.hpp"

namespace prov::panel {

boost::json::object JobJson(const job::Record& record, boost::json::storage_ptr storage = {});
// The same serialised.
std::string JobText(const job::Record& record);

struct ServerView {
  store::Agent agent;
  ServerStatus status = ServerStatus::kNeverSeen;
  std::optional<WallTime> last_seen_at;
  std::uint64_t queue_depth = 0;
};
boost::json::object ServerJson(const ServerView& server);

boost::json::object InstallerSummaryJson(const Installer& installer);
// The whole manifest as loaded. Of a broken installer the members stand with nothing in them.
boost::json::object InstallerJson(const Installer& installer);

}  // namespace prov::panel
