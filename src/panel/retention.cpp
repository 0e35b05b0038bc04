#include "panel/retention.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace prov::panel {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kJobs = 50;        // a group
constexpr std::size_t kLogChunks = 128;  // a group; of at most 192 KiB, compressed
// Between groups: at most 500 jobs a second are looked at, and others write in between.
constexpr Millis kPause{100};
constexpr Millis kBetweenRounds = std::chrono::hours{1};

asio::awaitable<void> Sleep(asio::any_io_executor executor, Millis time) {
  asio::steady_timer timer(executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace

struct Retention::Sweep {
  bool logs;  // alone; else jobs with all that is theirs
  std::chrono::days kept;

  // The next group, and its entry in the audit.
  Result<store::Removal> Group(store::Transaction& t, const std::optional<Uuid>& after,
                               WallTime now) const {
    const auto before = now - kept;
    PROV_TRY(auto removal, logs ? t.jobs().RemoveLogs(after, before, now, kLogChunks)
                                : t.jobs().RemoveEnded(after, before, kJobs));
    if (removal.removed > 0) {
      PROV_CHECK(t.audit().Append(
          {now,
           kPanel.user_id,
           logs ? "logs.removed" : "jobs.removed",
           removal.newest->ToString(),
           {{logs ? "logs" : "jobs", removal.removed}, {"ended_before", FormatTime(before)}}}));
    }
    return removal;
  }
};

Retention::Retention(asio::any_io_executor executor, StoreGate& store, RetentionPeriods periods,
                     const Clock& clock, Logger& logger)
    : executor_(executor), store_(store), clock_(clock), logger_(logger), tasks_(executor) {
  const auto [jobs, logs] = periods;
  const bool for_ever = jobs.count() == 0;
  if (!for_ever) sweeps_.push_back({.logs = false, .kept = jobs});
  if (logs.count() > 0 && (for_ever || logs < jobs))
    sweeps_.push_back({.logs = true, .kept = logs});
}

Retention::~Retention() = default;

void Retention::Start() {
  if (!sweeps_.empty()) tasks_.Spawn(Run());
}

asio::awaitable<void> Retention::Stop() {
  tasks_.Close();
  tasks_.CancelAll();
  co_await tasks_.Wait();
}

asio::awaitable<Result<bool>> Retention::Step() {
  if (sweeps_.empty()) co_return false;
  const auto& sweep = sweeps_[sweep_];
  PROV_CO_TRY(
      const auto removal,
      co_await store_.Write([&sweep, after = after_, now = clock_.Now()](store::Transaction& t) {
        return sweep.Group(t, after, now);
      }));
  const bool logs = sweep.logs;
  if (removal.removed > 0)
    logger_.Info(logs ? "logs_removed" : "jobs_removed",
                 {{logs ? "logs" : "jobs", removal.removed}});
  after_ = removal.last;
  if (after_) co_return true;
  sweep_ = (sweep_ + 1) % sweeps_.size();
  co_return sweep_ != 0;
}

asio::awaitable<void> Retention::Run() {
  for (;;) {
    const auto more = co_await Step();
    if (!more) {
      const bool logs = sweeps_[sweep_].logs;
      logger_.Error(logs ? "logs_not_removed" : "jobs_not_removed",
                    {{"reason", more.error().ToString()}});
      after_.reset();
      sweep_ = 0;
    }
    co_await Sleep(executor_, more && *more ? kPause : kBetweenRounds);
  }
}

}  // namespace prov::panel
