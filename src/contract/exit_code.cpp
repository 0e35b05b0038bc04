#include "contract/exit_code.hpp"

#include <cstring>

#include <fmt/format.h>

namespace prov::contract {
namespace {

struct Row {
  int code;
  Verdict verdict;
  std::string_view meaning;
};

constexpr Row kTable[] = {
    {kExitSuccess, Verdict::kSucceeded, "success"},
    {kExitValidation, Verdict::kFailedValidation, "validation error"},
    {kExitInstallation, Verdict::kFailedInstallation, "installation error"},
    {kExitConfiguration, Verdict::kFailedConfiguration, "configuration error"},
    {kExitTimeout, Verdict::kTimedOut, "timeout"},
    {kExitReboot, Verdict::kReboot, "reboot, then continue"},
};

const Row* Find(int code) {
  for (const Row& row : kTable) {
    if (row.code == code) return &row;
  }
  return nullptr;
}

}  // namespace

bool MayReboot(Reboot manifest, std::uint32_t reboots) {
  return manifest == Reboot::kAllowed && reboots < kMostReboots;
}

Verdict Judge(const ProcessEnd& end, bool reboot_allowed) {
  if (end.canceled) return Verdict::kCanceled;
  if (end.timed_out) return Verdict::kTimedOut;
  if (end.exit_code == kExitSuccess) return Verdict::kSucceeded;
  if (end.out_of_memory) return Verdict::kFailedOom;
  if (end.signal || !end.exit_code) return Verdict::kFailedSignal;
  const Row* row = Find(*end.exit_code);
  if (row == nullptr || (row->verdict == Verdict::kReboot && !reboot_allowed))
    return Verdict::kFailedUnknown;
  return row->verdict;
}

std::string Describe(const ProcessEnd& end) {
  if (end.canceled) return "ended on request";
  if (end.timed_out) return "ended at its timeout";
  if (end.signal) {
    const char* name = sigabbrev_np(*end.signal);
    const std::string signal =
        name ? fmt::format("{} (SIG{})", *end.signal, name) : std::to_string(*end.signal);
    return (end.out_of_memory ? "out of memory: killed by signal " : "killed by signal ") + signal;
  }
  const Row* row = Find(end.exit_code.value_or(-1));
  const auto meaning = end.out_of_memory && end.exit_code != kExitSuccess ? "out of memory"
                       : row                                              ? row->meaning
                                                                          : "unknown error";
  return fmt::format("exit code {}: {}", end.exit_code.value_or(-1), meaning);
}

}  // namespace prov::contract
