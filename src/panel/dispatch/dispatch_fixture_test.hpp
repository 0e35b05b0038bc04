// A dispatcher over a queue that can refuse, lose and forget. Kill() and Start() are a panel that
// goes and comes again: what is in the store is all that stays.
#pragma once

#include <set>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "job/event.hpp"
#include "panel/dispatch/dispatcher.hpp"
#include "panel/panel_fixture_test.hpp"
#include "signing/dsse.hpp"

namespace prov::panel {

class FakeQueue final : public transport::JobQueue {
 public:
  boost::asio::awaitable<Status> Push(std::string agent, transport::Parcel parcel) override {
    if (agent == holds_up) ++held_up;
    while (agent == holds_up) {
      boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, Millis{1});
      co_await timer.async_wait(boost::asio::use_awaitable);
    }
    if (parcel.kind == transport::ParcelKind::kCommand && refuse_commands)
      co_return Error{ErrorCode::kUnavailable, "the queue is away.", {}};
    if (refuse) co_return Error{ErrorCode::kUnavailable, "the queue is away.", {}};
    // What it still holds is not queued again.
    if (!held_.insert(parcel.id).second) co_return Status();
    if (take_and_fail) held_.erase(parcel.id);
    pushed_.emplace_back(std::move(agent), std::move(parcel));
    if (take_and_fail) co_return Error{ErrorCode::kUnavailable, "the queue went away.", {}};
    co_return Status();
  }
  boost::asio::awaitable<Result<bool>> Holds(std::string, transport::Parcel parcel) override {
    co_return held_.contains(parcel.id);
  }
  boost::asio::awaitable<Result<std::size_t>> Depth(std::string) override {
    ++asked;
    co_return held_.size();
  }
  void Lose() { held_.clear(); }
  void Lose(const Uuid& job) { held_.erase(job.ToString()); }

  std::vector<std::string> PushedAs(const std::string& id) const {
    std::vector<std::string> bytes;
    for (const auto& [agent, parcel] : pushed_) {
      if (parcel.id == id) bytes.push_back(parcel.bytes);
    }
    return bytes;
  }
  std::vector<std::string> Pushed(const Uuid& job) const { return PushedAs(job.ToString()); }
  std::vector<transport::ParcelKind> PushedKinds() const {
    std::vector<transport::ParcelKind> kinds;
    for (const auto& [agent, parcel] : pushed_) kinds.push_back(parcel.kind);
    return kinds;
  }

  std::string holds_up;  // whoever pushes to this agent
  int held_up = 0;       // pushes
  int asked = 0;         // how much waits
  bool refuse = false;
  bool refuse_commands = false;
  bool take_and_fail = false;

 private:
  std::set<std::string> held_;
  std::vector<std::pair<std::string, transport::Parcel>> pushed_;
};

class DispatchTest : public PanelTest {
 protected:
  using Status = job::Status;
  static constexpr Millis kNever = std::chrono::hours{1};
  Millis write_seen_ = DispatchLimits{}.write_seen;

  void SetUp() override {
    registry_ = std::make_unique<Registry>(InstallersDirectory(), clock_, log_);
    AddAgent();
    Start();
  }
  void TearDown() override { Kill(); }

  // Real time, since the loops have real timers; what is late is said by the clock of the test.
  void Start(Millis reconcile = Millis{1}, std::size_t ahead = DispatchLimits{}.ahead) {
    DispatchLimits limits;
    limits.reconcile = reconcile;
    limits.ahead = ahead;
    limits.write_seen = write_seen_;
    dispatcher_ = std::make_unique<Dispatcher>(io_.get_executor(), gate_, *registry_, hub_, keys_,
                                               clock_, random_, log_, limits);
    dispatcher_->SetQueue(queue_);
    dispatcher_->Start();
    // The first round of the reconciler, which sends nothing: nobody was heard of yet.
    const auto writes = database_.writes;
    EXPECT_TRUE(RunUntil([&] { return database_.writes > writes; }));
  }
  void Kill() {
    if (dispatcher_) Run(dispatcher_->Stop());
    dispatcher_.reset();
    queue_.Lose();  // it is in the panel's process
  }
  // So often something runs, or nothing does.
  void RunSomeTurns(int most) {
    int turns = 0;
    ASSERT_TRUE(RunUntil([&] { return ++turns > most; }));
  }
  // Several rounds of the reconciler: each makes a write at least.
  void RunSomeRounds() {
    const auto writes = database_.writes;
    ASSERT_TRUE(RunUntil([&] { return database_.writes >= writes + 8; }));
  }

  static std::string EnvelopeOf(const Uuid& id) { return "envelope of " + id.ToString(); }
  bool Settled(const Uuid& id) {
    const auto waiting = *database_.Read([&](store::Transaction& t) {
      return t.jobs().Undelivered(t.jobs().Get(Admin(), id)->server_id, 1000);
    });
    return std::ranges::none_of(waiting, [&](const auto& each) { return each.job_id == id; });
  }
  std::vector<job::Status> StatusesOf(const Uuid& id) {
    std::vector<job::Status> statuses;
    for (const auto& change : Changes(id)) statuses.push_back(change.status);
    return statuses;
  }

  Uuid AddCommand(Seconds valid) {
    const auto id = Uuid::MakeV7(clock_, random_);
    const auto now = clock_.Now();
    EXPECT_TRUE(database_.Write([&](store::Transaction& t) {
      return t.commands().Insert({id, kAgent, "cancel", std::nullopt, "signed", now, now + valid});
    }));
    return id;
  }
  FakeQueue queue_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<Dispatcher> dispatcher_;
};

}  // namespace prov::panel
