#include "exec/cgroup.hpp"

#include <charconv>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <linux/magic.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "exec/pidref.hpp"

namespace prov::exec {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostListed = std::size_t{8} << 20;  // a list of processes, an environment

Status WriteControl(const Path& path, std::string_view value) {
  UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return ErrnoError("cannot open " + path.string());
  return WriteAll(fd.get(), value);
}

std::string ReadControl(const Path& path) {
  auto text = ReadFile(path, 1 << 20);
  return text ? *text : std::string();
}

// Whether something that could not be read is there all the same.
bool MayBeThere(const Path& path) {
  return access(path.c_str(), F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

bool IsType(const Path& path, long type) {
  struct statfs found{};
  return statfs(path.c_str(), &found) == 0 && static_cast<long>(found.f_type) == type;
}

// This process's own cgroup in the hierarchy whose /proc/self/cgroup line starts so.
Path OwnCgroup(const Path& mount, std::string_view controller) {
  std::ifstream lines("/proc/self/cgroup");
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    if (line.substr(first + 1, second - first - 1) != controller) continue;
    return mount / Path(line.substr(second + 1)).relative_path();
  }
  return mount;
}

bool Usable(const Path& directory) {
  const auto probe = directory / fmt::format("provisioning-probe-{}", getpid());
  if (mkdir(probe.c_str(), 0755) != 0) return false;
  // A mkdir that succeeds is not enough: a read-only delegation lets nobody in.
  const bool usable = access((probe / "cgroup.procs").c_str(), W_OK) == 0;
  rmdir(probe.c_str());
  return usable;
}

std::optional<Path> UsableIn(const Path& mount, std::string_view controller) {
  const auto own = OwnCgroup(mount, controller);
  for (const auto& directory : {own.parent_path() / kJobsUnit, own, mount}) {
    if (Usable(directory)) return directory;
  }
  return std::nullopt;
}

// Of the functions that collect: false where something is there that could not be read.
bool ReadPids(const Path& procs, std::vector<std::int64_t>& into) {
  const auto text = ReadFile(procs, kMostListed);
  if (!text) return text.error().code == ErrorCode::kNotFound || !MayBeThere(procs.parent_path());
  for (const char *at = text->data(), *end = at + text->size(); at < end;) {
    std::int64_t pid = 0;
    const auto [next, error] = std::from_chars(at, end, pid);
    if (error != std::errc()) break;
    if (pid > 0) into.push_back(pid);
    at = next + 1;
  }
  return true;
}

// State and what follows of /proc/<pid>/stat: "S 1 …", "" where it is gone. The name before it may
// hold anything.
std::string StateOf(std::int64_t pid) {
  const auto stat = ReadControl(fmt::format("/proc/{}/stat", pid));
  const auto end = stat.rfind(") ");
  return end == stat.npos ? "" : stat.substr(end + 2);
}

bool IsZombie(std::int64_t pid) { return StateOf(pid).starts_with('Z'); }

std::int64_t ParentOf(std::int64_t pid) {
  const auto state = StateOf(pid);
  std::int64_t parent = 0;
  if (state.size() > 2) std::from_chars(state.data() + 2, state.data() + state.size(), parent);
  return parent;
}

bool DescendsFrom(std::int64_t pid, std::int64_t root) {
  while (pid > 1 && pid != root) pid = ParentOf(pid);
  return pid == root;
}

// A directory may go while it is listed (a process ends, a cgroup is removed): that is the end of
// the list, and no exception.
bool ListDirectory(const Path& directory, std::vector<fs::directory_entry>& into) {
  std::error_code fault;
  for (fs::directory_iterator each(directory, fault), end; !fault && each != end;
       each.increment(fault))
    into.push_back(*each);
  return !fault || !MayBeThere(directory);
}

// The cgroups below, those further down first.
bool CgroupsBelow(const Path& directory, std::vector<Path>& into) {
  std::vector<fs::directory_entry> entries;
  bool whole = ListDirectory(directory, entries);
  for (const auto& each : entries) {
    std::error_code vanished;
    // Listed with its type: the many control files are not looked at one by one.
    if (!each.is_directory(vanished)) continue;
    whole &= CgroupsBelow(each.path(), into);
    into.push_back(each.path());
  }
  return whole;
}

// With a subreaper every orphan of the job becomes a child of the runner, so its descendants are
// the job. /proc/<pid>/task/<tid>/children lists them.
bool Descendants(std::int64_t pid, std::vector<std::int64_t>& into) {
  std::vector<fs::directory_entry> tasks;
  bool whole = ListDirectory(fmt::format("/proc/{}/task", pid), tasks);
  for (const auto& task : tasks) {
    std::vector<std::int64_t> children;
    whole &= ReadPids(task.path() / "children", children);
    for (const auto child : children) {
      if (!IsZombie(child)) into.push_back(child);
      whole &= Descendants(child, into);
    }
  }
  return whole;
}

// Whether all of `marks` stand in its environment, as it was when it was started. The agent's own
// processes are passed over: an agent that a job has started carries its marks.
Result<bool> IsMarked(std::int64_t pid, const std::vector<std::string>& marks) {
  const Path process = fmt::format("/proc/{}", pid);
  const auto read = ReadFile(process / "environ", kMostListed);
  if (!read && read.error().code == ErrorCode::kExhausted) return read.error();
  const auto environment = std::string(1, '\0') + (read ? *read : "");
  const bool marked = std::ranges::all_of(marks, [&](const std::string& mark) {
    return environment.find('\0' + mark + '\0') != environment.npos;
  });
  if (!marked || IsZombie(pid)) return false;
  std::error_code ignored;
  return fs::read_symlink(process / "exe", ignored) != fs::read_symlink("/proc/self/exe", ignored);
}

bool MarkedProcesses(const std::vector<std::string>& marks, std::vector<std::int64_t>& into) {
  std::vector<fs::directory_entry> entries;
  bool whole = ListDirectory("/proc", entries);
  for (const auto& entry : entries) {
    const auto name = entry.path().filename().string();
    std::int64_t pid = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) continue;
    const auto marked = IsMarked(pid, marks);
    whole &= marked.has_value();
    if (marked && *marked) into.push_back(pid);
  }
  return whole;
}

// Whether the cgroup of that name, or one below it, is the process's. Jobs' names are unique, and
// where their hierarchy is mounted need not be known.
bool IsInCgroup(std::int64_t pid, const std::string& name) {
  const auto text = ReadControl(fmt::format("/proc/{}/cgroup", pid));
  const auto part = '/' + name;
  for (auto at = text.find(part); at != text.npos && !name.empty(); at = text.find(part, at + 1)) {
    const auto end = at + part.size();
    if (end == text.size() || text[end] == '/' || text[end] == '\n') return true;
  }
  return false;
}

std::optional<std::string> ServiceIn(const Path& proc_cgroup) {
  const auto text = ReadControl(proc_cgroup);
  const auto end = text.find(".service");
  if (end == std::string::npos) return std::nullopt;
  const auto start = text.rfind('/', end);
  if (start == std::string::npos) return std::nullopt;
  return text.substr(start + 1, end + 8 - start - 1);
}

// The service it went over to. A job's cgroup is below a unit of the agent's: that is none of the
// job's.
std::optional<std::string> UnitOf(std::int64_t pid) {
  auto unit = ServiceIn(fmt::format("/proc/{}/cgroup", pid));
  if (unit && (unit == kJobsUnit || unit == ServiceIn("/proc/self/cgroup"))) return std::nullopt;
  return unit;
}

}  // namespace

std::string_view ContainmentName(CgroupKind kind) {
  switch (kind) {
    case CgroupKind::kV2:
      return "cgroup2";
    case CgroupKind::kV1:
      return "cgroup1";
    case CgroupKind::kSubreaper:
      return "subreaper";
  }
  return "";
}

Status HoldJobsCgroup() {
  for (const Path mount : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    if (!IsType(mount, CGROUP2_SUPER_MAGIC)) continue;
    const auto holder = OwnCgroup(mount, "") / "holder";
    if (mkdir(holder.c_str(), 0755) != 0 && errno != EEXIST)
      return ErrnoError("cannot make " + holder.string());
    return WriteControl(holder / "cgroup.procs", std::to_string(getpid()));
  }
  return {};  // v1 has no such rule
}

Result<CgroupBase> DetectCgroup(bool allow_subreaper) {
  for (const Path mount : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    if (!IsType(mount, CGROUP2_SUPER_MAGIC)) continue;
    if (auto found = UsableIn(mount, "")) return CgroupBase{CgroupKind::kV2, *found};
  }
  for (const std::string controller : {"freezer", "pids", "memory", "cpu", "name=systemd"}) {
    const Path mount =
        Path("/sys/fs/cgroup") / (controller == "name=systemd" ? "systemd" : controller);
    if (!IsType(mount, CGROUP_SUPER_MAGIC)) continue;
    if (auto found = UsableIn(mount, controller)) return CgroupBase{CgroupKind::kV1, *found};
  }
  if (allow_subreaper) return CgroupBase{CgroupKind::kSubreaper, {}};
  return Error{
      ErrorCode::kUnsupported,
      "No cgroup hierarchy is writable, so a job could not be ended whole. Give the agent a "
      "writable cgroup (Delegate=yes), or configure `containment: subreaper`.",
      {}};
}

Result<Cgroup> Cgroup::Create(const CgroupBase& base, const std::string& name) {
  if (base.kind == CgroupKind::kSubreaper) {
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
      return ErrnoError("cannot become a subreaper");
    Cgroup made(base.kind, {});
    made.root_ = getpid();
    return made;
  }
  const auto directory = base.directory / name;
  if (mkdir(directory.c_str(), 0755) != 0) {
    if (errno == EEXIST)
      return Error{ErrorCode::kConflict, directory.string() + " exists already.", {}};
    return ErrnoError("cannot make " + directory.string());
  }
  return Cgroup(base.kind, directory);
}

Result<Cgroup> Cgroup::Adopt(const Containment& containment) {
  for (const auto kind : {CgroupKind::kV2, CgroupKind::kV1, CgroupKind::kSubreaper}) {
    if (ContainmentName(kind) != containment.kind) continue;
    Cgroup adopted(kind, containment.directory);
    if (kind == CgroupKind::kSubreaper && OpenPid(containment.runner))
      adopted.root_ = containment.runner.pid;
    else if (kind == CgroupKind::kSubreaper)
      adopted.marks_ = containment.marks;
    return adopted;
  }
  return Error{ErrorCode::kCorrupt, "Unknown containment " + containment.kind + ".", {}};
}

std::vector<std::string> Cgroup::Limit(const job::ResourceLimits& limits) const {
  std::vector<std::string> missing;
  const auto set = [&](std::string_view what, const char* file, const std::string& value) {
    if (kind_ == CgroupKind::kV2 && access((directory_ / file).c_str(), F_OK) != 0) {
      // The parent may have the controller and not pass it on yet.
      const std::string controller(file, std::string_view(file).find('.'));
      (void)WriteControl(directory_.parent_path() / "cgroup.subtree_control", "+" + controller);
    }
    if (kind_ == CgroupKind::kV2 && WriteControl(directory_ / file, value)) return;
    missing.push_back(fmt::format("The {} limit is not enforced: {} has no such controller here.",
                                  what, ContainmentName(kind_)));
  };
  if (limits.memory_mb)
    set("memory", "memory.max", std::to_string(std::uint64_t{*limits.memory_mb} << 20));
  if (limits.tasks) set("tasks", "pids.max", std::to_string(*limits.tasks));
  if (limits.cpu_percent)
    set("cpu", "cpu.max", fmt::format("{} 100000", std::uint64_t{*limits.cpu_percent} * 1000));
  return missing;
}

Result<UniqueFd> Cgroup::OpenDirectory() const {
  UniqueFd fd(open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return ErrnoError("cannot open " + directory_.string());
  return fd;
}

Status Cgroup::Add(std::int64_t pid) const {
  if (kind_ == CgroupKind::kSubreaper) return {};
  return WriteControl(directory_ / "cgroup.procs", std::to_string(pid));
}

bool Cgroup::ListPids(std::vector<std::int64_t>& into) const {
  if (kind_ == CgroupKind::kSubreaper) {
    if (root_ != 0) return Descendants(root_, into);
    return marks_.empty() || MarkedProcesses(marks_, into);
  }
  bool whole = ReadPids(directory_ / "cgroup.procs", into);
  std::vector<Path> below;
  whole &= CgroupsBelow(directory_, below);
  for (const auto& each : below) whole &= ReadPids(each / "cgroup.procs", into);
  return whole;
}

std::vector<std::int64_t> Cgroup::Pids() const {
  std::vector<std::int64_t> pids;
  (void)ListPids(pids);
  return pids;
}

bool Cgroup::Populated() const {
  if (kind_ == CgroupKind::kV2) {
    const auto events = ReadFile(directory_ / "cgroup.events", kMostListed);
    return events ? events->find("populated 0\n") == events->npos : MayBeThere(directory_);
  }
  std::vector<std::int64_t> pids;
  return !ListPids(pids) || !pids.empty();
}

bool Cgroup::Holds(std::int64_t pid) const {
  if (kind_ != CgroupKind::kSubreaper) return IsInCgroup(pid, directory_.filename().string());
  if (root_ != 0) return DescendsFrom(pid, root_);
  const auto marked = IsMarked(pid, marks_);
  return marked && *marked;
}

std::vector<job::LeftRunning> Cgroup::Describe() const {
  std::vector<job::LeftRunning> left;
  for (const auto pid : Pids()) {
    auto comm = ReadControl(fmt::format("/proc/{}/comm", pid));
    while (comm.ends_with('\n')) comm.pop_back();
    // A process gives itself any name: it goes into JSON.
    if (!comm.empty()) left.push_back({pid, ReplaceInvalidUtf8(comm), UnitOf(pid)});
  }
  return left;
}

void Cgroup::Signal(int signal) const {
  for (const auto pid : Pids()) {
    auto reference = ReferTo(pid);
    if (!reference) continue;
    auto held = OpenPid(*reference);
    if (!held) continue;
    // Held now; only if it is still one of ours was the pid not used again in between.
    if (Holds(pid)) SendSignal(*held, signal);
  }
}

void Cgroup::KillOnce() const {
  if (kind_ == CgroupKind::kV2 && WriteControl(directory_ / "cgroup.kill", "1")) return;
  const bool frozen = kind_ == CgroupKind::kV1
                          ? !WriteControl(directory_ / "freezer.state", "FROZEN").has_error()
                          : kind_ == CgroupKind::kV2 &&
                                !WriteControl(directory_ / "cgroup.freeze", "1").has_error();
  Signal(SIGKILL);
  if (!frozen) return;
  if (kind_ == CgroupKind::kV1)
    (void)WriteControl(directory_ / "freezer.state", "THAWED");
  else
    (void)WriteControl(directory_ / "cgroup.freeze", "0");
}

bool Cgroup::KillAll(const Clock& clock, Millis deadline) const {
  const auto end = clock.Steady() + deadline;
  for (;;) {
    // First, so that nothing depends on what can be read of it.
    KillOnce();
    if (!Populated()) return true;
    if (clock.Steady() >= end) return false;
    poll(nullptr, 0, 2);
  }
}

bool Cgroup::OutOfMemory() const {
  const auto events = ReadControl(directory_ / "memory.events");
  const auto at = events.find("oom_kill ");
  return at != std::string::npos && events.substr(at + 9, 1) != "0";
}

void Cgroup::Remove() const {
  if (directory_.empty()) return;
  std::vector<Path> below;
  (void)CgroupsBelow(directory_, below);
  for (const auto& each : below) rmdir(each.c_str());
  rmdir(directory_.c_str());
}

}  // namespace prov::exec
