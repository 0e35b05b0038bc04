#include "panel/retention.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace prov::panel {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kGroup = 50;
// Between groups: at most 500 jobs a second are looked at, and others write in between.
constexpr Millis kPause{100};
constexpr Millis kBetweenRounds = std::chrono::hours{1};

asio::awaitable<void> Sleep(asio::any_io_executor executor, Millis time) {
  asio::steady_timer timer(executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

// A group and how much of it is gone.
Result<store::Removal> Remove(store::Transaction& t, const std::optional<Uuid>& after, WallTime now,
                              WallTime before) {
  PROV_TRY(auto removal, t.jobs().RemoveEnded(after, before, kGroup));
  if (removal.removed > 0) {
    PROV_CHECK(
        t.audit().Append({now,
                          kPanel.user_id,
                          "jobs.removed",
                          removal.last->ToString(),
                          {{"jobs", removal.removed}, {"ended_before", FormatTime(before)}}}));
  }
  return removal;
}

}  // namespace

Retention::Retention(asio::any_io_executor executor, StoreGate& store, std::chrono::days kept,
                     const Clock& clock, Logger& logger)
    : executor_(executor),
      store_(store),
      kept_(kept),
      clock_(clock),
      logger_(logger),
      tasks_(executor) {}

void Retention::Start() {
  if (kept_.count() > 0) tasks_.Spawn(Run());
}

asio::awaitable<void> Retention::Stop() {
  tasks_.Close();
  tasks_.CancelAll();
  co_await tasks_.Wait();
}

asio::awaitable<Result<bool>> Retention::Step() {
  const auto now = clock_.Now();
  const auto before = now - kept_;
  PROV_CO_TRY(const auto removal,
              co_await store_.Write([after = after_, now, before](store::Transaction& t) {
                return Remove(t, after, now, before);
              }));
  after_ = removal.last;
  if (removal.removed > 0) logger_.Info("jobs_removed", {{"jobs", removal.removed}});
  co_return after_.has_value();
}

asio::awaitable<void> Retention::Run() {
  for (;;) {
    const auto more = co_await Step();
    if (!more) {
      logger_.Error("jobs_not_removed", {{"reason", more.error().ToString()}});
      after_.reset();
    }
    co_await Sleep(executor_, more && *more ? kPause : kBetweenRounds);
  }
}

}  // namespace prov::panel
