#include "exec/recovery.hpp"

namespace prov::exec {

Recovery Recover(const Evidence& e) {
  // Processes of before a boot are gone, whatever carries their names now.
  const bool alive = e.same_boot && e.runner_alive;
  const bool orphans = e.same_boot && e.cgroup_populated && !alive;
  if (e.journalled == Journalled::kExited && e.journal_intact) return {Finding::kSettled, false};
  // A runner that lives is the best witness; it writes the exit record last, so this comes first
  // only while there is no record.
  if (e.exit == ExitEvidence::kWhole) {
    // What stays after a success is kept on purpose: the executor compares with left_running.
    return {e.journal_intact ? Finding::kFinished : Finding::kLost, false};
  }
  if (alive) return {Finding::kFollow, false};
  if (!e.journal_intact) return {Finding::kLost, orphans};
  if (e.exit == ExitEvidence::kCorrupt) return {Finding::kInterrupted, orphans};
  if (e.journalled == Journalled::kStarted) return {Finding::kInterrupted, orphans};
  // The directory is made before STARTED is journalled: it may have been started, so it must not
  // be.
  if (e.spool_exists) return {Finding::kInterrupted, orphans};
  if (e.journalled == Journalled::kReceived) return {Finding::kStart, false};
  if (e.journalled == Journalled::kRebooting)
    return {e.same_boot ? Finding::kAwaitReboot : Finding::kStart, false};
  return {Finding::kLost, false};
}

}  // namespace prov::exec
