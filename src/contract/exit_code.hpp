// THE exit-code table of the installer contract (docs/contract.md, "Exit codes"): what the end of a
// script means. Panel, agent, CLI and docs come from it. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/describe.hpp>

#include "contract/manifest.hpp"

namespace prov::contract {

// How a script's process ended.
struct ProcessEnd {
  std::optional<int> exit_code;  // 0..255; exactly one of exit_code and signal is set
  std::optional<int> signal;     // 1..64
  bool out_of_memory = false;    // the kernel killed a process of the job for its memory
  bool timed_out = false;        // the platform ended it at its timeout
  bool canceled = false;         // the platform ended it on request
};

enum class Verdict {
  kSucceeded,
  kFailedValidation,
  kFailedInstallation,  // the only one after which another attempt may follow
  kFailedConfiguration,
  kFailedOom,
  kFailedSignal,
  kFailedUnknown,
  kTimedOut,
  kCanceled,
  kReboot,  // only where MayReboot
};
BOOST_DESCRIBE_ENUM(Verdict, kSucceeded, kFailedValidation, kFailedInstallation,
                    kFailedConfiguration, kFailedOom, kFailedSignal, kFailedUnknown, kTimedOut,
                    kCanceled, kReboot)

inline constexpr int kExitSuccess = 0;
inline constexpr int kExitValidation = 1;
inline constexpr int kExitInstallation = 2;
inline constexpr int kExitConfiguration = 3;
inline constexpr int kExitTimeout = 124;
inline constexpr int kExitReboot = 194;
inline constexpr std::uint32_t kMostReboots = 5;  // of one attempt

// Whether 194 asks for a reboot, of a run that so many reboots of its attempt went before.
bool MayReboot(Reboot manifest, std::uint32_t reboots);

// What the platform did (cancel, timeout) decides before what the kernel did (out of memory), and
// that before what the script said: a script that is being killed may still exit with any code.
Verdict Judge(const ProcessEnd& end, bool reboot_allowed);

// "exit code 2: installation error", "killed by signal 9 (SIGKILL)", … for a person.
std::string Describe(const ProcessEnd& end);

}  // namespace prov::contract
