#include "panel/retention.hpp"

#include <algorithm>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace prov::panel {
namespace {

namespace asio = boost::asio;

// A group: changes that go, each with 192 KiB of a log at most, and jobs that are looked at.
constexpr std::size_t kMostAtOnce = 128;
// Between groups, so that others write in between.
constexpr Millis kPause{100};
constexpr Millis kAfterFailure = std::chrono::minutes{1};
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
                               WallTime now, std::size_t limit) const {
    const auto before = now - kept;
    PROV_TRY(auto removal, logs ? t.jobs().RemoveLogs(after, before, now, limit)
                                : t.jobs().RemoveEnded(after, before, now, limit));
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
    : executor_(executor),
      store_(store),
      limit_(kMostAtOnce),
      clock_(clock),
      logger_(logger),
      tasks_(executor) {
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
  const auto removal = co_await store_.Write(
      [&sweep, after = after_, now = clock_.Now(), limit = limit_](store::Transaction& t) {
        return sweep.Group(t, after, now, limit);
      });
  if (!removal) co_return co_await PassBy(removal.error());
  limit_ = std::min(limit_ * 2, kMostAtOnce);
  const bool logs = sweep.logs;
  if (removal->removed > 0)
    logger_.Info(logs ? "logs_removed" : "jobs_removed",
                 {{logs ? "logs" : "jobs", removal->removed}});
  after_ = removal->last;
  if (after_) co_return true;
  sweep_ = (sweep_ + 1) % sweeps_.size();
  co_return sweep_ != 0;
}

// A group that fails as a whole is tried in its smallest parts, one of which may be to blame. That
// one is passed by until the next round.
asio::awaitable<Error> Retention::PassBy(Error failure) {
  if (limit_ > 1) {
    limit_ = 1;
    co_return failure;
  }
  const auto& sweep = sweeps_[sweep_];
  const auto first = co_await store_.Read(
      [among = sweep.logs ? store::Among::kLogs : store::Among::kJobs, after = after_,
       before = clock_.Now() - sweep.kept](store::Transaction& t) {
        return t.jobs().FirstOf(among, after, before);
      });
  if (!first || !*first) co_return failure;
  after_ = *first;
  co_return std::move(failure).While("removing what is kept no longer of " + (*first)->ToString());
}

asio::awaitable<void> Retention::Run() {
  for (;;) {
    const auto more = co_await Step();
    if (!more) {
      const bool logs = sweeps_[sweep_].logs;
      logger_.Error(logs ? "logs_not_removed" : "jobs_not_removed",
                    {{"reason", more.error().ToString()}});
      co_await Sleep(executor_, kAfterFailure);
    } else {
      co_await Sleep(executor_, *more ? kPause : kBetweenRounds);
    }
  }
}

}  // namespace prov::panel
