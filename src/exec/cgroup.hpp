// Containment of a job: a cgroup of its own, ended whole, so that no daemon that calls setsid gets
// away (QUALITY, row 23). Three kinds, in this order: cgroup v2 (also the hybrid mount at
// /sys/fs/cgroup/unified), a writable v1 hierarchy (freezer first), and, only where configured,
// a subreaper walk. The runner itself stays outside. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/files.hpp"
#include "base/result.hpp"
#include "exec/spool.hpp"
#include "job/order.hpp"
#include "job/record.hpp"

namespace prov::exec {

enum class CgroupKind { kV2, kV1, kSubreaper };
std::string_view ContainmentName(CgroupKind kind);  // "cgroup2", "cgroup1", "subreaper"

struct CgroupBase {
  CgroupKind kind = CgroupKind::kV2;
  Path directory;  // writable; jobs' cgroups are made in it. "" with kSubreaper
};

// The unit whose cgroup holds the jobs, beside that of the agent (packaging/systemd).
inline constexpr const char* kJobsUnit = "provisioning-jobs.service";

// Called by that unit's process, which then only waits: it goes to a group of its own, `holder`.
// Cgroup v2 passes controllers on below a group without processes only, and systemd starts no
// process in a group that passes them on: so neither the agent's own group will do.
Status HoldJobsCgroup();

// The best hierarchy this process may write in; within it, that of kJobsUnit, else the process's
// own cgroup when that can be written (delegation), else the root. kUnsupported when there is none
// and `allow_subreaper` is false: a job is refused rather than run uncontained.
Result<CgroupBase> DetectCgroup(bool allow_subreaper);

class Cgroup {
 public:
  // Makes `name` under the base; kConflict when it exists.
  static Result<Cgroup> Create(const CgroupBase& base, const std::string& name);
  // One found after a restart. With a subreaper whose runner is gone, what the job started is known
  // by its environment alone: a process that was given another one, or wrote over it, is not found.
  static Result<Cgroup> Adopt(const Containment& containment);

  CgroupKind kind() const { return kind_; }
  const Path& directory() const { return directory_; }

  // Sets what the hierarchy can enforce, and returns a sentence for each limit it cannot.
  std::vector<std::string> Limit(const job::ResourceLimits& limits) const;
  // An O_PATH-like descriptor for clone3's CLONE_INTO_CGROUP; v2 only.
  Result<UniqueFd> OpenDirectory() const;
  Status Add(std::int64_t pid) const;
  std::vector<std::int64_t> Pids() const;  // cgroups below included; what can be read of them
  bool Populated() const;                  // also where that cannot be found out
  std::vector<job::LeftRunning> Describe() const;
  void Signal(int signal) const;  // each process, through its pidfd
  // Ends every process, forks in flight included: cgroup.kill, or freeze, kill, thaw until empty.
  // True once it is empty, false when it is not by then.
  bool KillAll(const Clock& clock, Millis deadline) const;
  bool OutOfMemory() const;  // the kernel ended something in here for lack of memory
  void Remove() const;       // when it is empty; otherwise it stays

 private:
  Cgroup(CgroupKind kind, Path directory) : kind_(kind), directory_(std::move(directory)) {}
  void KillOnce() const;
  // False where not all could be read.
  bool ListPids(std::vector<std::int64_t>& into) const;
  // To be asked of a process that is held, or the answer may be about another.
  bool Holds(std::int64_t pid) const;
  CgroupKind kind_;
  Path directory_;
  // With a subreaper: the runner, whose descendants the job is; 0 when it is gone, and then what
  // the environment of the job's processes holds.
  std::int64_t root_ = 0;
  std::vector<std::string> marks_;
};

}  // namespace prov::exec
