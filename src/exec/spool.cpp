#include "exec/spool.hpp"

#include <charconv>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/json.hpp"

namespace prov::exec {
namespace {

namespace fs = std::filesystem;

// Members in `needed` are there in what every build writes.
template <class T>
Result<std::optional<T>> ReadDescribed(const Path& path,
                                       std::initializer_list<std::string_view> needed) {
  auto text = ReadFile(path, kReservedExitBytes);
  if (!text) {
    if (text.error().code == ErrorCode::kNotFound) return std::optional<T>();
    return std::move(text).error();
  }
  const auto value = json::ParseText(*text);
  auto parsed = value ? json::FromValue<T>(*value, json::Reading::kTolerant) : value.error();
  if (!parsed) return Error{ErrorCode::kCorrupt, parsed.error().message, {path.string()}};
  for (const auto name : needed) {
    if (!value->get_object().contains(name))
      return Error{ErrorCode::kCorrupt, fmt::format("/{}: is missing", name), {path.string()}};
  }
  return std::optional<T>(std::move(*parsed));
}

}  // namespace

Status MakeJob(const StatePaths& state, const Uuid& job) {
  const auto directory = state.Job(job);
  if (mkdir(directory.c_str(), 0700) == 0 || errno == EEXIST) return {};
  if (errno == ENOENT) return MakeDirectories(directory, 0700);
  return ErrnoError("cannot make " + directory.string());
}

Result<AttemptPaths> MakeAttempt(const StatePaths& state, const AttemptId& id) {
  PROV_CHECK(MakeJob(state, id.job));
  const auto paths = state.Attempt(id);
  if (mkdir(paths.directory.c_str(), 0700) != 0) {
    if (errno == EEXIST) {
      return Error{ErrorCode::kConflict,
                   paths.directory.string() + " exists: this attempt was started before.",
                   {}};
    }
    return ErrnoError("cannot make " + paths.directory.string());
  }
  UniqueFd fd(open(paths.ReservedExit().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return ErrnoError("cannot reserve space for the exit record");
  if (const int failed = posix_fallocate(fd.get(), 0, kReservedExitBytes); failed != 0)
    return ErrnoError("cannot reserve space for the exit record", failed);
  return paths;
}

std::optional<AttemptId> LastAttempt(const StatePaths& state, const Uuid& job) {
  std::optional<AttemptId> last;
  std::error_code failed;
  for (fs::directory_iterator each(state.Job(job), failed), end; !failed && each != end;
       each.increment(failed)) {
    const auto name = each->path().filename().string();
    AttemptId id{job, 0, 0};
    const char* const end_of_name = name.data() + name.size();
    auto parsed = std::from_chars(name.data(), end_of_name, id.attempt);
    if (parsed.ec == std::errc() && parsed.ptr != end_of_name && *parsed.ptr == '.')
      parsed = std::from_chars(parsed.ptr + 1, end_of_name, id.continuation);
    if (id.attempt == 0 || id.DirectoryName() != name) continue;
    if (!last ||
        std::pair(id.attempt, id.continuation) > std::pair(last->attempt, last->continuation))
      last = id;
  }
  return last;
}

bool AttemptExists(const StatePaths& state, const AttemptId& id) {
  struct stat found{};
  // Anything but a certain "no" counts as existing: doubt forbids a start.
  return lstat(state.Attempt(id).directory.c_str(), &found) == 0 || errno != ENOENT;
}

Status WriteExit(const AttemptPaths& attempt, const ExitRecord& record) {
  const auto text = json::Write(record);
  if (text.size() > kReservedExitBytes) {
    return Error{
        ErrorCode::kTooLarge, fmt::format("The exit record has {} bytes.", text.size()), {}};
  }
  UniqueFd fd(
      open(attempt.ReservedExit().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return ErrnoError("cannot open the reserved exit record");
  PROV_CHECK(WriteAll(fd.get(), text));
  if (ftruncate(fd.get(), static_cast<off_t>(text.size())) != 0)
    return ErrnoError("cannot write the exit record");
  if (rename(attempt.ReservedExit().c_str(), attempt.Exit().c_str()) != 0)
    return ErrnoError("cannot put the exit record in its place");
  return {};
}

Status KeepAttempt(const AttemptPaths& attempt) {
  const auto keep = [](const Path& file) -> Status {
    const UniqueFd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd && errno == ENOENT) return {};
    if (!fd || fsync(fd.get()) != 0) return ErrnoError("cannot make " + file.string() + " durable");
    return {};
  };
  // The record after the log: where it is durable, so is what it speaks of.
  PROV_CHECK(keep(attempt.Log()));
  PROV_CHECK(keep(attempt.Exit()));
  const auto job = attempt.directory.parent_path();
  for (const auto& names : {attempt.Log().parent_path(), attempt.directory, job, job.parent_path()})
    PROV_CHECK(keep(names));
  return {};
}

Result<std::optional<ExitRecord>> ReadExit(const AttemptPaths& attempt) {
  PROV_TRY(auto record,
           ReadDescribed<ExitRecord>(attempt.Exit(), {"v", "job", "attempt", "ending"}));
  if (record && record->v != ExitRecord{}.v) {
    return Error{
        ErrorCode::kCorrupt,
        fmt::format("it has format {}, and this agent knows {}", record->v, ExitRecord{}.v),
        {attempt.Exit().string()}};
  }
  return record;
}

Status WriteUnsynced(const Path& path, std::string_view bytes) {
  const auto fresh = path.string() + ".new";
  const UniqueFd fd(
      open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return ErrnoError("cannot write " + fresh);
  PROV_CHECK(WriteAll(fd.get(), bytes));
  if (rename(fresh.c_str(), path.c_str()) != 0)
    return ErrnoError("cannot rename to " + path.string());
  return {};
}

Status WriteContainment(const AttemptPaths& attempt, const Containment& containment) {
  const UniqueFd fd(
      open(attempt.Runner().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return ErrnoError("cannot write " + attempt.Runner().string());
  // In one write. After the machine died nothing of it lives, whatever stands there.
  return WriteAll(fd.get(), json::Write(containment));
}

Result<std::optional<Containment>> ReadContainment(const AttemptPaths& attempt) {
  struct stat found{};
  // Locked already, and nothing said yet.
  if (lstat(attempt.Runner().c_str(), &found) == 0 && found.st_size == 0)
    return std::optional<Containment>();
  return ReadDescribed<Containment>(attempt.Runner(), {"kind", "directory", "runner"});
}

Result<std::vector<SpooledJob>> ListJobs(const StatePaths& state) {
  std::vector<SpooledJob> jobs;
  std::error_code failed;
  // Step by step without exceptions: a runner takes its copy away while this looks.
  for (fs::directory_iterator each(state.Jobs(), failed), end; !failed && each != end;
       each.increment(failed)) {
    const auto id = Uuid::Parse(each->path().filename().string());
    if (!id) continue;
    SpooledJob job{*id, {}, 0};
    std::error_code ignored;  // what vanishes while being counted does not count
    for (fs::recursive_directory_iterator file(each->path(), ignored), last;
         !ignored && file != last; file.increment(ignored)) {
      struct stat found{};
      if (lstat(file->path().c_str(), &found) != 0) continue;
      job.bytes += static_cast<std::uint64_t>(found.st_blocks) * 512;
      job.changed = std::max(job.changed, WallTime{Seconds{found.st_mtim.tv_sec}});
    }
    jobs.push_back(job);
  }
  if (failed && failed != std::errc::no_such_file_or_directory)
    return ErrnoError("cannot list the jobs on disk", failed.value());
  return jobs;
}

std::vector<Uuid> ChooseExpired(std::vector<SpooledJob> settled, const Retention& retention,
                                WallTime now) {
  std::ranges::sort(settled, {}, &SpooledJob::changed);
  std::uint64_t total = 0;
  for (const auto& job : settled) total += job.bytes;
  std::vector<Uuid> gone;
  for (const auto& job : settled) {
    if (now - job.changed <= retention.age && total <= retention.bytes) break;
    gone.push_back(job.job);
    total -= job.bytes;
  }
  return gone;
}

Status RemoveJob(const StatePaths& state, const Uuid& job) {
  std::error_code failed;
  fs::remove_all(state.Job(job), failed);
  if (failed) return ErrnoError("cannot remove " + state.Job(job).string(), failed.value());
  return SyncDirectory(state.Jobs());
}

}  // namespace prov::exec
