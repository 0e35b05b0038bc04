// jobs/<job>/<attempt>/ on disk: made before a start, exclusive, ended by its exit record
// (docs/formats/spool.md). What survives a power cut is the journal's (docs/decisions/0014); here
// KeepAttempt alone makes anything durable. Stateless; two processes may use it, because making a
// directory is exclusive and the exit record is renamed into place.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "exec/exit_record.hpp"
#include "exec/paths.hpp"
#include "exec/pidref.hpp"

namespace prov::exec {

inline constexpr std::size_t kReservedExitBytes = 64 * 1024;

// Where an attempt is contained and who runs it; written by the runner before the script starts.
struct Containment {
  std::string kind;       // "cgroup2", "cgroup1", "subreaper"
  std::string directory;  // the attempt's cgroup; "" with subreaper
  PidRef runner;
  // "NAME=value" of the script's environment by which its processes are known without a cgroup.
  std::vector<std::string> marks;
};
BOOST_DESCRIBE_STRUCT(Containment, (), (kind, directory, runner, marks))

// Makes the attempt's directory with the space for its exit record reserved. Nothing is fsynced.
// kConflict when it exists, and then the attempt must never be started; kExhausted when the disk is
// full.
Result<AttemptPaths> MakeAttempt(const StatePaths& state, const AttemptId& id);
// The job's directory, where there is none. Not fsynced.
Status MakeJob(const StatePaths& state, const Uuid& job);
// The last attempt on disk, with the last of its continuations; nullopt when there is none.
std::optional<AttemptId> LastAttempt(const StatePaths& state, const Uuid& job);
bool AttemptExists(const StatePaths& state, const AttemptId& id);

// Into the reserved space, and renamed: whole or not there for whoever reads it, but not fsynced.
// kTooLarge above kReservedExitBytes.
Status WriteExit(const AttemptPaths& attempt, const ExitRecord& record);
// Makes durable what an attempt left so far: its log, its exit record, and the names that lead to
// them. What is not there is passed over.
Status KeepAttempt(const AttemptPaths& attempt);
// nullopt when there is none (yet); kCorrupt when it is not what WriteExit writes. The runner may
// be of another build than the reader (a job that upgrades the agent): members it did not know keep
// their defaults, and those we do not know are passed over, as long as `v` is the same.
Result<std::optional<ExitRecord>> ReadExit(const AttemptPaths& attempt);

// Of ReadExit and ReadContainment: the file is not what is written there, and will not be. Any
// other error may pass (no descriptor left), so nothing follows from it.
inline bool IsDamaged(const Error& error) {
  return error.code == ErrorCode::kCorrupt || error.code == ErrorCode::kTooLarge;
}

// Whole or not there for whoever reads it, 0600; not fsynced. For what can be done without once the
// machine died, or can be written anew from the journal.
Status WriteUnsynced(const Path& path, std::string_view bytes);
Status WriteContainment(const AttemptPaths& attempt, const Containment& containment);
Result<std::optional<Containment>> ReadContainment(const AttemptPaths& attempt);

struct Retention {
  std::chrono::hours age{24 * 30};
  std::uint64_t bytes = std::uint64_t{2} << 30;
};
struct SpooledJob {
  Uuid job;
  WallTime changed{};  // newest modification within
  std::uint64_t bytes = 0;
};
// The jobs on disk; names that are no job ids are left out.
Result<std::vector<SpooledJob>> ListJobs(const StatePaths& state);
// Which of `settled` (jobs that are over and reported) go: the too old, then the oldest until the
// rest fits. Pure.
std::vector<Uuid> ChooseExpired(std::vector<SpooledJob> settled, const Retention& retention,
                                WallTime now);
Status RemoveJob(const StatePaths& state, const Uuid& job);

}  // namespace prov::exec
