// The agent's disk, drawn once (docs: DESIGN, "The agent's disk"). Pure; every other file asks
// here.
//
//   <state>/                      0700, root's, as its parents
//     epoch                       the journal's epoch and what it is bound to
//     journal                     append-only (journal.hpp); journal.new while it is compacted
//     installers/<digest>/        verified copies (agent/executor/installer_store.hpp)
//     jobs/<job>/envelope         as received, where it seals inputs; it goes when the job ends.
//                                 Any other is in the journal alone
//     jobs/<job>/<attempt>/       made before STARTED; its existence alone forbids a start
//       installer/                this attempt's own copy; it goes back to installers/ afterwards
//       runner                    locked by the runner as long as it is at work on the attempt; it
//                                 says who that is and where the attempt is contained (spool.hpp)
//       cancel                    the executor wants it ended; made before the runner is signalled
//       log                       frames (log_frames.hpp); continuations write on in the attempt's
//       exit                      the exit record, atomic and last; exit.new holds its space before
//       outputs                   sensitive outputs, 0600
//       secrets/                  with secret_delivery: file, a private tmpfs while the script runs
#pragma once

#include <cstdint>
#include <string>

#include "base/files.hpp"
#include "base/uuid.hpp"

namespace prov::exec {

// An attempt of a job, from 1; `continuation` counts the reboots (exit 194) within it.
struct AttemptId {
  Uuid job;
  std::uint32_t attempt = 1;
  std::uint32_t continuation = 0;
  bool operator==(const AttemptId&) const = default;
  std::string DirectoryName() const {
    auto name = std::to_string(attempt);
    return continuation == 0 ? name : name + "." + std::to_string(continuation);
  }
};

struct AttemptPaths {
  Path directory;
  Path log;  // one of all the runs of an attempt
  Path Installer() const { return directory / "installer"; }
  const Path& Log() const { return log; }
  Path Exit() const { return directory / "exit"; }
  Path ReservedExit() const { return directory / "exit.new"; }
  Path Runner() const { return directory / "runner"; }
  Path Cancel() const { return directory / "cancel"; }
  Path Secrets() const { return directory / "secrets"; }
  Path SensitiveOutputs() const { return directory / "outputs"; }
};

struct StatePaths {
  Path root;
  Path Epoch() const { return root / "epoch"; }
  Path Journal() const { return root / "journal"; }
  // Says for which epoch a journal was begun: one that is missing then was lost.
  Path JournalBegun() const { return root / "journal.begun"; }
  Path Installers() const { return root / "installers"; }
  Path Jobs() const { return root / "jobs"; }
  Path Job(const Uuid& job) const { return Jobs() / job.ToString(); }
  Path Envelope(const Uuid& job) const { return Job(job) / "envelope"; }
  AttemptPaths Attempt(const AttemptId& id) const {
    const AttemptId first{id.job, id.attempt, 0};
    return {Job(id.job) / id.DirectoryName(), Job(id.job) / first.DirectoryName() / "log"};
  }
};

}  // namespace prov::exec
