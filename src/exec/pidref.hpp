// A process that stays itself: pid, start time and boot id, so that a pid used again is never taken
// for it (QUALITY, row 18). Stateless and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <boost/describe.hpp>

#include "base/files.hpp"
#include "base/result.hpp"

namespace prov::exec {

struct PidRef {
  std::int64_t pid = 0;
  std::uint64_t start_time = 0;  // clock ticks since boot, /proc/<pid>/stat field 22
  std::string boot_id;
  bool operator==(const PidRef&) const = default;
};
BOOST_DESCRIBE_STRUCT(PidRef, (), (pid, start_time, boot_id))

Result<std::string> BootId();
// kNotFound when there is no such process, and only then.
Result<PidRef> ReferTo(std::int64_t pid);
// A pidfd for exactly this process; kNotFound when it is gone (also when its pid lives on as
// another's, or the machine was booted since), and only then: with any other error it may live. The
// start time is compared AFTER the pidfd is held.
Result<UniqueFd> OpenPid(const PidRef& process);
// Over a pidfd; true when delivered, false when the process is gone.
bool SendSignal(const UniqueFd& pidfd, int signal);

}  // namespace prov::exec
