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
  std::string token;  // as it was printed
  exec::StatePaths state;
};

// Blocks for the exchange (30 s at most), writes the keys and returns them. kUnavailable or
// kTimeout when the panel cannot be reached, kPermissionDenied when it refuses or is not the one
// that made the token.
Result<Identity> Enrol(const EnrolmentOptions& options, const Clock& clock, Random& random);

}  // namespace prov::agent
