// What happened to an attempt, from what is left of it (DESIGN, "Recovery"). ONE pure function; the
// executor calls it for every attempt that is not settled when it starts, and acts on the answer.
#pragma once

#include <cstdint>

#include <boost/describe.hpp>

namespace prov::exec {

// The journal's last word on the attempt.
enum class Journalled {
  kNothing,
  kReceived,
  kStarted,
  kRebooting,  // a run of it ended with 194; the rest of the evidence is of the run that follows
  kExited
};
enum class ExitEvidence { kNone, kWhole, kCorrupt };

struct Evidence {
  bool journal_intact = true;  // not corrupt, not of another epoch, not missing
  Journalled journalled = Journalled::kNothing;
  bool spool_exists = false;  // jobs/<job>/<attempt>/
  ExitEvidence exit = ExitEvidence::kNone;
  bool same_boot = true;      // the containment's boot id is the running one; with kRebooting that
                              // of the run before
  bool runner_alive = false;  // pid, start time and boot id all match
  bool cgroup_populated = false;
};

enum class Finding {
  kStart,        // nothing of it has run: it may be started
  kAwaitReboot,  // it may be started after the reboot, which has not come
  kFollow,       // its runner goes on: follow its files
  kFinished,     // the exit record says how it ended: journal and report it
  kSettled,      // the journal says so already: only the report may be missing
  kInterrupted,  // it was started and nobody will say how it ended
  kLost,         // nobody knows whether it ran: a person decides
};
BOOST_DESCRIBE_ENUM(Finding, kStart, kAwaitReboot, kFollow, kFinished, kSettled, kInterrupted,
                    kLost)

struct Recovery {
  Finding finding = Finding::kLost;
  bool end_cgroup = false;  // what is left in it is nobody's and must be ended first
  bool operator==(const Recovery&) const = default;
};

Recovery Recover(const Evidence& evidence);

}  // namespace prov::exec
