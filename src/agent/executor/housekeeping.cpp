// What keeps state directory and journal small, and what is remembered of an application.
#include "agent/executor/executor.hpp"
#include "base/json.hpp"
#include "exec/spool.hpp"

namespace prov::agent {
namespace {

constexpr std::uint64_t kCompactAbove = std::uint64_t{16} << 20;
constexpr std::size_t kMostTombstones = 200'000;

}  // namespace

// Old jobs go, and with them everything but their id.
void Executor::Forget() {
  const auto spooled = exec::ListJobs(setup_.state);
  if (!spooled) return;
  std::vector<exec::SpooledJob> settled;
  for (const auto& each : *spooled) {
    const auto found = jobs_.find(each.job);
    if (found == jobs_.end() || running_.contains(each.job)) continue;
    const auto& event = found->second.last_state_event;
    const bool reported = !event || event->seq <= outbox_.acknowledged();
    if (!job::IsActive(found->second.state.status) && reported) {
      settled.push_back(each);
      // A service that was left running has ended meanwhile.
      const auto paths = setup_.state.Attempt(Current(each.job, found->second));
      if (const auto containment = exec::ReadContainment(paths); containment && *containment) {
        if (const auto cgroup = exec::Cgroup::Adopt(**containment); cgroup && !cgroup->Populated())
          cgroup->Remove();
      }
    }
  }
  auto expired = exec::ChooseExpired(std::move(settled), {}, clock_.Now());
  for (const auto& [id, job] : jobs_) {
    // Those that left nothing on disk, since they were refused.
    if (!job::IsActive(job.state.status) &&
        clock_.Now() - job.state.changed_at > exec::Retention{}.age &&
        !std::filesystem::exists(setup_.state.Job(id)))
      expired.push_back(id);
  }
  for (const auto& id : expired) {
    Entry entry;
    entry.job = id;
    entry.tombstone = true;
    Append(entry);
    tombstones_.insert(id);
    jobs_.erase(id);
    effects_.push_back([this, id] { (void)exec::RemoveJob(setup_.state, id); });
  }
  // The oldest ids first: they are the ones whose age alone tells that they are old.
  for (auto* ids : {&tombstones_, &canceled_ahead_}) {
    while (!ids->empty() &&
           (ids->size() > kMostTombstones || ids->begin()->Time() + kTombstonesKept < clock_.Now()))
      ids->erase(ids->begin());
  }
}

void Executor::CompactNow() {
  std::vector<boost::json::value> kept;
  const auto keep = [&](const Entry& entry) { kept.push_back(json::ToValue(entry)); };
  keep({.acknowledged = outbox_.acknowledged()});
  keep({.drained = drained_});
  for (const auto& event : outbox_.events()) keep({.event = event});
  for (const auto& [nonce, until] : nonces_.nonces())
    keep({.nonce = Nonce{nonce, until - 2 * signing::kClockSkew}});
  for (const auto& id : tombstones_) keep({.job = id, .tombstone = true});
  for (const auto& id : canceled_ahead_) keep({.job = id, .cancel_ahead = true});
  for (const auto& [id, job] : jobs_) {
    keep({.job = id, .state = job.state, .log = job.log, .event = job.last_state_event});
  }
  if (const auto compacted = journal_.Compact(kept); !compacted)
    logger_.Error("journal_not_compacted", {{"reason", compacted.error().ToString()}});
  compact_above_ = std::max(kCompactAbove, 4 * journal_.size());
}

boost::json::object Executor::Remembered(const std::string& app_id) const {
  const auto text = ReadFile(setup_.state.root / "apps" / (app_id + ".json"), 1 << 20);
  if (!text) return {};
  auto value = json::ParseText(*text);
  return value && value->is_object() ? value->as_object() : boost::json::object();
}

void Executor::Remember(const Job& job) {
  if (!job.prepared) return;
  const auto path = setup_.state.root / "apps" / (job.state.app_id + ".json");
  Status kept;
  if (job.state.action == contract::Action::kUninstall) {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  } else if (job.state.action != contract::Action::kCheck) {
    kept = MakeDirectories(path.parent_path(), 0700);
    if (kept) kept = WriteFileAtomically(path, json::Serialize(job.prepared->order.inputs), 0600);
  }
  if (!kept) logger_.Warning("inputs_not_kept", {{"reason", kept.error().ToString()}});
}

}  // namespace prov::agent
