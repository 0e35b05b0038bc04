#include <set>

#include <fmt/format.h>

#include "store/memory/state.hpp"
#include "store/transition.hpp"

namespace prov::store::memory {
namespace {

Error NoSuchJob(const Uuid& id) {
  return Error{ErrorCode::kNotFound, fmt::format("there is no job {}.", id.ToString())};
}

bool IsUnacknowledged(const job::Record& r, WallTime before) {
  return r.status == job::Status::kDispatched && r.dispatched_at && *r.dispatched_at < before;
}

bool Matches(const job::Record& r, const JobFilter& f) {
  const auto is = [](const std::string& wanted, const std::string& got) {
    return wanted.empty() || wanted == got;
  };
  return is(f.app_id, r.app_id) && is(f.server_id, r.server_id) && is(f.user_id, r.user_id) &&
         (!f.action || *f.action == r.action) && (!f.since || r.id.Time() >= *f.since) &&
         (!f.until || r.id.Time() < *f.until) &&
         (f.statuses.empty() ||
          std::find(f.statuses.begin(), f.statuses.end(), r.status) != f.statuses.end());
}

Delivery DeliveryOf(const JobRow& row) {
  return {row.record.id, row.record.server_id, row.record.status, row.envelope,
          row.sealed_ciphertext};
}

void AppendChange(JobRow& row, WallTime at, const std::optional<LogChunk>& log) {
  const auto& r = row.record;
  const auto seq = row.changes.empty() ? 1 : row.changes.back().seq + 1;
  row.changes.push_back(
      {r.id, seq, at, r.attempt, r.status, r.progress, r.message, r.cancel_requested_at, log});
}

bool IsCounted(const State& state, const std::string& app_id) {
  return state.removed.contains(app_id) || std::ranges::any_of(state.jobs, [&](const auto& each) {
           return each.second.counted && each.second.record.app_id == app_id;
         });
}

}  // namespace

Status View::CheckWritable() const {
  if (writable) return {};
  return Error{ErrorCode::kPermissionDenied, "this transaction only reads."};
}

Result<JobRow*> MemoryJobs::ToWrite(const Uuid& id) {
  PROV_CHECK(view_.CheckWritable());
  const auto found = view_.state.jobs.find(id);
  if (found == view_.state.jobs.end()) return NoSuchJob(id);
  return &found->second;
}

Status MemoryJobs::Insert(const Creation& c) {
  PROV_CHECK(view_.CheckWritable());
  auto& jobs = view_.state.jobs;
  if (jobs.contains(c.job.id)) return Error{ErrorCode::kConflict, "the job exists."};
  const bool counted = c.known_app || IsCounted(view_.state, c.job.app_id);
  auto& row = jobs[c.job.id];
  row.counted = counted;
  static_cast<job::NewJob&>(row.record) = c.job;
  row.record.status = c.status;
  row.envelope = c.envelope;
  row.sealed_ciphertext = c.sealed_ciphertext;
  row.undelivered = c.undelivered;
  AppendChange(row, c.job.created_at, std::nullopt);
  return {};
}

Result<job::Record> MemoryJobs::Get(const Actor&, const Uuid& id) {
  const auto found = view_.state.jobs.find(id);
  if (found == view_.state.jobs.end()) return NoSuchJob(id);
  return found->second.record;
}

Result<std::vector<job::Record>> MemoryJobs::List(const Actor&, const JobFilter& filter,
                                                  const std::optional<Uuid>& before,
                                                  std::size_t limit) {
  std::vector<job::Record> rows;
  const auto& jobs = view_.state.jobs;
  for (auto it = jobs.rbegin(); it != jobs.rend() && rows.size() < limit; ++it) {
    if ((!before || it->first < *before) && Matches(it->second.record, filter)) {
      rows.push_back(it->second.record);
    }
  }
  return rows;
}

Result<std::uint64_t> MemoryJobs::Apply(const Expected& expected, job::Party by,
                                        const job::Record& next, WallTime at,
                                        const std::optional<LogChunk>& log) {
  PROV_TRY(auto* const row, ToWrite(next.id));
  PROV_CHECK(CheckApply(next.id, {row->record.attempt, row->record.status}, expected, by, next));
  const job::NewJob fixed = row->record;
  row->record = next;
  static_cast<job::NewJob&>(row->record) = fixed;
  AppendChange(*row, at, log);
  if (job::IsTerminal(next.status)) {
    row->envelope.clear();
    row->sealed_ciphertext.clear();
    row->undelivered = false;
  }
  return row->changes.back().seq;
}

Status MemoryJobs::SetEnvelope(const Uuid& id, const std::string& envelope) {
  PROV_TRY(auto* const row, ToWrite(id));
  if (!row->envelope.empty()) {
    return Error{ErrorCode::kConflict, "the job's envelope was made already."};
  }
  row->envelope = envelope;
  return {};
}

Status MemoryJobs::ReplaceEnvelope(const Uuid& id, const std::string& envelope) {
  PROV_TRY(auto* const row, ToWrite(id));
  if (row->record.status != job::Status::kQueued)
    return Error{ErrorCode::kConflict, "the job was handed over already."};
  row->envelope = envelope;
  return {};
}

Result<std::optional<Delivery>> MemoryJobs::GetDelivery(const Uuid& id) {
  const auto found = view_.state.jobs.find(id);
  if (found == view_.state.jobs.end()) return std::optional<Delivery>{};
  return std::optional(DeliveryOf(found->second));
}

Status MemoryJobs::ForgetSealed(const Uuid& id) {
  PROV_TRY(auto* const row, ToWrite(id));
  row->envelope.clear();
  row->sealed_ciphertext.clear();
  return {};
}

Result<std::vector<std::string>> MemoryJobs::ServersWithUndelivered() {
  std::set<std::string> servers;
  for (const auto& [id, row] : view_.state.jobs) {
    if (row.undelivered) servers.insert(row.record.server_id);
  }
  return std::vector<std::string>(servers.begin(), servers.end());
}

Result<std::vector<Delivery>> MemoryJobs::Undelivered(const std::string& server_id,
                                                      std::size_t limit) {
  std::vector<Delivery> rows;
  for (const auto& [id, row] : view_.state.jobs) {
    if (row.undelivered && row.record.server_id == server_id && rows.size() < limit)
      rows.push_back(DeliveryOf(row));
  }
  return rows;
}

Result<std::optional<WallTime>> MemoryJobs::OldestUndelivered() {
  for (const auto& [id, row] : view_.state.jobs) {
    if (row.undelivered) return std::optional(row.record.created_at);
  }
  return std::optional<WallTime>();
}

Status MemoryJobs::SetUndelivered(const Uuid& id, bool undelivered) {
  PROV_TRY(auto* const row, ToWrite(id));
  row->undelivered = undelivered;
  return {};
}

Result<std::vector<std::string>> MemoryJobs::ServersWithUnacknowledged(WallTime before) {
  std::set<std::string> servers;
  for (const auto& [id, row] : view_.state.jobs) {
    if (IsUnacknowledged(row.record, before)) servers.insert(row.record.server_id);
  }
  return std::vector<std::string>(servers.begin(), servers.end());
}

Result<std::vector<Delivery>> MemoryJobs::Unacknowledged(const std::string& server_id,
                                                         WallTime before, std::size_t limit) {
  std::vector<Delivery> rows;
  for (const auto& [id, row] : view_.state.jobs) {
    if (row.record.server_id == server_id && IsUnacknowledged(row.record, before) &&
        rows.size() < limit) {
      rows.push_back(DeliveryOf(row));
    }
  }
  return rows;
}

Result<std::vector<job::Record>> MemoryJobs::Unsettled(const std::string& server_id,
                                                       std::size_t limit) {
  std::vector<job::Record> rows;
  for (const auto& [id, row] : view_.state.jobs) {
    const auto& r = row.record;
    if (r.server_id == server_id && job::IsActive(r.status) && r.status != job::Status::kQueued &&
        rows.size() < limit) {
      rows.push_back(r);
    }
  }
  return rows;
}

Result<std::vector<AppStatistics>> MemoryJobs::Statistics(const std::vector<std::string>& app_ids) {
  const std::set<std::string> wanted(app_ids.begin(), app_ids.end());
  std::map<std::string, AppStatistics> apps;
  for (const auto& [id, removed] : view_.state.removed) {
    if (wanted.contains(id)) apps[id] = removed;
  }
  std::map<std::string, std::vector<Millis>> durations;
  for (auto it = view_.state.jobs.rbegin(); it != view_.state.jobs.rend(); ++it) {
    const auto& record = it->second.record;
    if (!it->second.counted || !wanted.contains(record.app_id)) continue;
    auto& app = apps[record.app_id];
    app.app_id = record.app_id;
    app.last_used_at = std::max(app.last_used_at, record.created_at);
    ++app.jobs;
    app.succeeded += record.status == job::Status::kSucceeded;
    app.failed += job::IsFailure(record.status);
    auto& of = durations[record.app_id];
    if (record.status == job::Status::kSucceeded && record.action == contract::Action::kInstall &&
        record.started_at && record.finished_at && of.size() < kUsualOf)
      of.push_back(*record.finished_at - *record.started_at);
  }
  std::vector<AppStatistics> rows;
  for (auto& [id, app] : apps) {
    app.usual = Median(durations[id]);
    rows.push_back(app);
  }
  return rows;
}

Result<std::map<job::Status, std::uint64_t>> MemoryJobs::Counts(const Actor&,
                                                                const JobFilter& filter) {
  auto any = filter;
  any.statuses.clear();
  std::map<job::Status, std::uint64_t> counts;
  for (const auto& [id, row] : view_.state.jobs) {
    if (Matches(row.record, any)) ++counts[row.record.status];
  }
  return counts;
}

Result<std::vector<job::Record>> MemoryJobs::Installed(const Actor&, const std::string& server_id,
                                                       const std::string& app_id) {
  std::map<std::string, job::Record> last;
  for (const auto& [id, row] : view_.state.jobs) {
    const auto& record = row.record;
    if (record.server_id == server_id && (app_id.empty() || record.app_id == app_id) &&
        record.status == job::Status::kSucceeded && record.action != contract::Action::kCheck)
      last[record.app_id] = record;
  }
  std::vector<job::Record> rows;
  for (const auto& [app, record] : last) {
    if (record.action != contract::Action::kUninstall) rows.push_back(record);
  }
  return rows;
}

Result<std::vector<JobOutline>> MemoryJobs::Outlines(const Actor&, WallTime since,
                                                     std::size_t limit) {
  std::vector<JobOutline> rows;
  const auto& jobs = view_.state.jobs;
  for (auto it = jobs.rbegin(); it != jobs.rend() && rows.size() < limit; ++it) {
    const auto& r = it->second.record;
    if (r.id.Time() >= since)
      rows.push_back({r.id, r.created_at, r.started_at, r.finished_at, r.status, r.failure_kind});
  }
  return rows;
}

namespace {

bool CountsAsInstalled(const job::Record& record) {
  return record.status == job::Status::kSucceeded && record.action != contract::Action::kCheck;
}

// The newest of its server and app that succeeded and was no check.
bool SaysWhatIsInstalled(const State& state, const job::Record& record) {
  const auto newer = std::ranges::subrange(state.jobs.upper_bound(record.id), state.jobs.end());
  return CountsAsInstalled(record) && std::ranges::none_of(newer, [&](const auto& each) {
           const auto& other = each.second.record;
           return CountsAsInstalled(other) && other.server_id == record.server_id &&
                  other.app_id == record.app_id;
         });
}

bool HasLines(const JobRow& row) {
  return std::ranges::any_of(row.changes, [](const Change& each) { return each.log.has_value(); });
}

void RemoveFirst(JobRow& row, std::size_t changes, WallTime now) {
  if (HasLines(row) && !row.record.log_removed_at) row.record.log_removed_at = now;
  row.changes.erase(row.changes.begin(),
                    row.changes.begin() + static_cast<std::ptrdiff_t>(changes));
}

void CountRemoved(State& state, const job::Record& record) {
  auto& app = state.removed[record.app_id];
  app.app_id = record.app_id;
  app.last_used_at = std::max(app.last_used_at, record.created_at);
  ++app.jobs;
  app.succeeded += record.status == job::Status::kSucceeded;
  app.failed += job::IsFailure(record.status);
}

}  // namespace

Result<Removal> MemoryJobs::RemoveEnded(const std::optional<Uuid>& after, WallTime before,
                                        WallTime now, std::size_t limit) {
  PROV_CHECK(view_.CheckWritable());
  auto& jobs = view_.state.jobs;
  Removal removal;
  auto it = after ? jobs.upper_bound(*after) : jobs.begin();
  for (std::size_t left = limit; left > 0 && it != jobs.end();) {
    auto& [id, row] = *it;
    if (id.Time() >= before) break;
    if (!removal.last) removal.last = after.value_or(Uuid{});
    if (!job::IsTerminal(row.record.status) || row.changes.back().at >= before ||
        SaysWhatIsInstalled(view_.state, row.record)) {
      --left;
      removal.last = id;
      ++it;
      continue;
    }
    if (row.changes.size() > left) {
      RemoveFirst(row, left, now);
      break;
    }
    left -= row.changes.size();
    if (row.counted) CountRemoved(view_.state, row.record);
    ++removal.removed;
    removal.newest = removal.last = id;
    it = jobs.erase(it);
  }
  return removal;
}

Result<Removal> MemoryJobs::RemoveLogs(const std::optional<Uuid>& after, WallTime before,
                                       WallTime now, std::size_t limit) {
  PROV_CHECK(view_.CheckWritable());
  auto& jobs = view_.state.jobs;
  Removal removal{.last = after.value_or(Uuid{})};
  std::size_t left = limit;
  for (auto it = after ? jobs.upper_bound(*after) : jobs.begin(); left > 0; ++it) {
    if (it == jobs.end() || it->first.Time() >= before) {
      removal.last.reset();
      break;
    }
    auto& record = it->second.record;
    if (!HasLines(it->second)) continue;
    if (!job::IsTerminal(record.status) || it->second.changes.back().at >= before) {
      --left;
      removal.last = record.id;
      continue;
    }
    if (!record.log_removed_at) {
      ++removal.removed;
      removal.newest = record.id;
      record.log_removed_at = now;
    }
    for (auto& change : it->second.changes) {
      if (left > 0 && std::exchange(change.log, std::nullopt)) --left;
    }
  }
  return removal;
}

Result<std::optional<Uuid>> MemoryJobs::FirstOf(Among among, const std::optional<Uuid>& after,
                                                WallTime before) {
  const auto& jobs = view_.state.jobs;
  for (auto it = jobs.upper_bound(after.value_or(Uuid{})); it != jobs.end(); ++it) {
    if (it->first.Time() >= before) break;
    if (among == Among::kJobs || HasLines(it->second)) return it->first;
  }
  return std::optional<Uuid>{};
}

Result<std::vector<StatusCount>> MemoryJobs::CountByAppAndStatus() {
  std::map<std::pair<std::string, job::Status>, std::uint64_t> counts;
  for (const auto& [id, row] : view_.state.jobs) ++counts[{row.record.app_id, row.record.status}];
  std::vector<StatusCount> rows;
  for (const auto& [key, jobs] : counts) rows.push_back({key.first, key.second, jobs});
  return rows;
}

Result<std::vector<Uuid>> MemoryJobs::Waiting(const std::string& server_id, std::size_t limit) {
  std::vector<Uuid> ids;
  for (const auto& [id, row] : view_.state.jobs) {
    if (ids.size() == limit) break;
    if (row.record.server_id == server_id && job::IsWaiting(row.record.status)) ids.push_back(id);
  }
  return ids;
}

Result<std::vector<ServerCount>> MemoryJobs::QueueDepth() {
  std::map<std::string, std::uint64_t> counts;
  for (const auto& [id, row] : view_.state.jobs) {
    if (job::IsWaiting(row.record.status)) ++counts[row.record.server_id];
  }
  std::vector<ServerCount> rows;
  for (const auto& [server, jobs] : counts) rows.push_back({server, jobs});
  return rows;
}

Result<std::vector<Change>> MemoryChanges::After(const Actor&, const Uuid& job_id,
                                                 std::uint64_t seq, std::size_t limit) {
  std::vector<Change> rows;
  const auto found = view_.state.jobs.find(job_id);
  if (found == view_.state.jobs.end()) return rows;
  for (const auto& change : found->second.changes) {
    if (change.seq <= seq || rows.size() == limit) continue;
    rows.push_back(change);
    rows.back().log_removed_at = found->second.record.log_removed_at;
  }
  return rows;
}

Result<std::uint64_t> MemoryChanges::Newest(const Actor&, const Uuid& job_id) {
  const auto found = view_.state.jobs.find(job_id);
  return found == view_.state.jobs.end() ? 0 : found->second.changes.back().seq;
}

Result<std::vector<LogChunk>> MemoryChanges::Log(const Actor&, const Uuid& job_id,
                                                 std::uint32_t attempt, std::uint64_t from_line,
                                                 std::size_t limit) {
  std::vector<LogChunk> rows;
  const auto found = view_.state.jobs.find(job_id);
  if (found == view_.state.jobs.end()) return rows;
  for (const auto& change : found->second.changes) {
    if (change.log && change.attempt == attempt && rows.size() < limit &&
        change.log->first_line + change.log->line_count > from_line) {
      rows.push_back(*change.log);
    }
  }
  return rows;
}

}  // namespace prov::store::memory
