// Enrolment from the agent's side: the request, the exchange, the keys on disk.
#pragma once

#include <string>

#include "agent/identity.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"

namespace prov::agent {

struct EnrolmentOptions {
  std::string agent_id;
  std::string panel_url;
  Path ca_file;
  std::string token;       // as it was printed; empty: `secret_key` proves it, as founded
  std::string secret_key;  // where this server holds it
  bool new_epoch = false;  // begins one, which leaves behind all that was not reported
  exec::StatePaths state;
};

// Blocks for the exchange (30 s at most), writes the keys and returns them. An agent that runs
// meanwhile takes them up by itself. kUnavailable or kTimeout when the panel cannot be reached,
// kPermissionDenied when it refuses or is not the one that made the token, kConflict where the
// agent must be stopped first.
Result<Identity> Enrol(const EnrolmentOptions& options, const Clock& clock, Random& random);

}  // namespace prov::agent
