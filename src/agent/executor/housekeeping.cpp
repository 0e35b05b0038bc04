// What keeps state directory and journal small, and what is remembered of an application.
#include <algorithm>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/executor/executor.hpp"
#include "agent/executor/job_log.hpp"
#include "base/json.hpp"
#include "exec/spool.hpp"

namespace prov::agent {
namespace {

Path RememberedFile(const exec::StatePaths& state, const std::string& app_id) {
  return state.root / "apps" / (app_id + ".json");
}

Status WriteInputs(const Path& path, const boost::json::object& inputs) {
  if (!inputs.empty()) {
    PROV_CHECK(MakeDirectories(path.parent_path(), 0700));
    return exec::WriteUnsynced(path, json::Serialize(inputs));
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT)
    return ErrnoError("cannot remove " + path.string());
  return {};
}

}  // namespace

// Old jobs go, and with them everything but their id.
void Executor::Forget() {
  const auto spooled = exec::ListJobs(setup_.state);
  if (!spooled) return;
  std::vector<exec::SpooledJob> settled;
  for (auto each : *spooled) {
    const auto found = jobs_.find(each.job);
    if (found == jobs_.end() || running_.contains(each.job)) continue;
    const auto& event = found->second.last_state_event;
    const bool reported = !event || event->seq <= outbox_.acknowledged();
    if (!job::IsActive(found->second.state.status) && reported) {
      std::error_code fault;
      const auto text = std::filesystem::file_size(JobLog(each.job), fault);
      if (!fault) each.bytes += text;
      settled.push_back(each);
      // A service that was left running has ended meanwhile.
      const auto paths = setup_.state.Attempt(Current(each.job, found->second));
      if (const auto containment = exec::ReadContainment(paths); containment && *containment) {
        if (const auto cgroup = exec::Cgroup::Adopt(**containment); cgroup && !cgroup->Populated())
          cgroup->Remove();
      }
    }
  }
  const auto chosen = exec::ChooseExpired(std::move(settled), {}, clock_.Now());
  std::set<Uuid> expired(chosen.begin(), chosen.end());
  std::vector<std::pair<WallTime, Uuid>> kept;
  for (const auto& [id, job] : jobs_) {
    const auto& event = job.last_state_event;
    if (job::IsActive(job.state.status) || (event && event->seq > outbox_.acknowledged()) ||
        expired.contains(id))
      continue;
    // Those that left nothing on disk, since they were refused.
    if (clock_.Now() - job.state.changed_at > exec::Retention{}.age &&
        !std::filesystem::exists(setup_.state.Job(id)))
      expired.insert(id);
    else
      kept.emplace_back(job.state.changed_at, id);
  }
  std::ranges::sort(kept);
  for (std::size_t i = setup_.most_settled; i < kept.size(); ++i)
    expired.insert(kept[i - setup_.most_settled].second);
  for (const auto& id : expired) {
    Entry entry;
    entry.job = id;
    entry.tombstone = true;
    Append(entry);
    tombstones_.insert(id);
    jobs_.erase(id);
    effects_.push_back([this, id] {
      (void)exec::RemoveJob(setup_.state, id);
      std::error_code ignored;
      std::filesystem::remove(JobLog(id), ignored);
    });
  }
  ForgetFiles();
  ForgetInstallers();
  // The oldest ids first: they are the ones whose age alone tells that they are old.
  for (auto* ids : {&tombstones_, &canceled_ahead_}) {
    while (!ids->empty() &&
           (ids->size() > kMostTombstones || ids->begin()->Time() + kTombstonesKept < clock_.Now()))
      ids->erase(ids->begin());
  }
}

// What belongs to no job that is known: texts of jobs of a journal that was lost, and such
// journals.
void Executor::ForgetFiles() {
  const auto oldest = clock_.Now() - exec::Retention{}.age;
  const auto old = [&](const Path& file) {
    struct stat found{};
    return lstat(file.c_str(), &found) == 0 && S_ISREG(found.st_mode) &&
           WallTime(Seconds{found.st_mtim.tv_sec}) < oldest;
  };
  const auto remove_old = [&](const Path& directory, const auto& mine) {
    std::error_code fault;
    for (std::filesystem::directory_iterator each(directory, fault), end; !fault && each != end;
         each.increment(fault)) {
      if (!mine(each->path()) || !old(each->path())) continue;
      effects_.push_back([file = each->path()] {
        std::error_code ignored;
        std::filesystem::remove(file, ignored);
      });
    }
  };
  remove_old(setup_.configuration.log_dir, [this](const Path& file) {
    const auto job = Uuid::Parse(file.stem().string());
    return file.extension() == ".log" && job && !jobs_.contains(*job);
  });
  remove_old(setup_.state.root,
             [](const Path& file) { return file.filename().string().starts_with("journal.old-"); });
}

void Executor::ForgetInstallers() {
  std::set<std::string> needed;
  for (const auto& [id, job] : jobs_) {
    if (!job::IsActive(job.state.status)) continue;
    if (!job.prepared) return;  // one of before a restart, whose digest is not known yet
    needed.insert(job.prepared->order.installer_digest);
  }
  installers_.KeepOnly(needed);
}

Path Executor::JobLog(const Uuid& id) const { return JobLogPath(setup_.configuration.log_dir, id); }

void Executor::CompactNow() {
  if (const auto compacted = Compact(); !compacted) {
    // Neither with every commit, nor only when it has become too large to be read.
    compact_above_ = journal_.size() + setup_.compact_above;
    logger_.Error("journal_not_compacted", {{"reason", compacted.error().ToString()}});
    return;
  }
  compact_above_ = CompactAbove(setup_.compact_above, journal_.size());
}

std::uint64_t CompactAbove(std::uint64_t least, std::uint64_t size) {
  return std::max(least, std::min(4 * size, (size + exec::Journal::kMaxFileBytes) / 2));
}

Status Executor::Compact() {
  PROV_CHECK(journal_.Sync());
  // What only the records say that are dropped now is made durable first, or written on.
  PROV_CHECK(KeepRemembered());
  std::vector<boost::json::value> kept;
  const auto keep = [&](const Entry& entry) { kept.push_back(json::ToValue(entry)); };
  keep({.acknowledged = outbox_.acknowledged()});
  keep({.drained = drained_, .drain_issued_at = drain_issued_at_});
  for (const auto& event : outbox_.events()) keep({.event = event});
  keep({.nonces_forgotten =
            NoncesForgotten{order_nonces_.forgotten_until(), command_nonces_.forgotten_until()}});
  for (const auto& [nonce, times] : order_nonces_.nonces())
    keep({.nonce = Nonce{nonce, times.issued_at, times.expires_at}});
  for (const auto& [nonce, times] : command_nonces_.nonces())
    keep({.command_nonce = Nonce{nonce, times.issued_at, times.expires_at}});
  for (const auto& id : tombstones_) keep({.job = id, .tombstone = true});
  for (const auto& id : canceled_ahead_) keep({.job = id, .cancel_ahead = true});
  for (const auto& [id, job] : jobs_) {
    Entry entry{.job = id, .state = job.state, .log = job.log, .event = job.last_state_event};
    if (!job.envelope.empty()) entry.envelope = job.envelope;
    if (job.tidied) entry.tidied = {id};
    keep(entry);
  }
  return journal_.Compact(kept);
}

boost::json::object Executor::Remembered(const std::string& app_id) const {
  if (const auto found = remembered_.find(app_id); found != remembered_.end()) return found->second;
  const auto text = ReadFile(RememberedFile(setup_.state, app_id), 1 << 20);
  if (!text) return {};
  auto value = json::ParseText(*text);
  return value && value->is_object() ? value->as_object() : boost::json::object();
}

// Part of the record of the end: with it, or not at all. The file follows, and is not waited for.
void Executor::Remember(const Job& job, Entry& end) {
  if (!job.prepared || job.state.action == contract::Action::kCheck) return;
  end.remembered = job.state.action == contract::Action::kUninstall ? boost::json::object()
                                                                    : job.prepared->order.inputs;
  remembered_[job.state.app_id] = *end.remembered;
  effects_.push_back([this, app = job.state.app_id] { WriteRemembered(app); });
}

void Executor::WriteRemembered(const std::string& app_id) {
  const auto found = remembered_.find(app_id);
  if (found == remembered_.end()) return;
  if (const auto written = WriteInputs(RememberedFile(setup_.state, app_id), found->second);
      !written)
    logger_.Warning("inputs_not_kept", {{"reason", written.error().ToString()}});
}

// Durable, so that the journal may forget them.
Status Executor::KeepRemembered() {
  for (const auto& [app_id, inputs] : remembered_) {
    const auto path = RememberedFile(setup_.state, app_id);
    PROV_CHECK(MakeDirectories(path.parent_path(), 0700));
    if (inputs.empty()) {
      PROV_CHECK(WriteInputs(path, inputs));
      PROV_CHECK(SyncDirectory(path.parent_path()));
    } else {
      PROV_CHECK(WriteFileAtomically(path, json::Serialize(inputs), 0600));
    }
  }
  remembered_.clear();
  return {};
}

}  // namespace prov::agent
