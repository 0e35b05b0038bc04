#include "store/memory/database.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "store/memory/state.hpp"

namespace prov::store::memory {
namespace {

class MemoryTransaction final : public Transaction {
 public:
  explicit MemoryTransaction(View view)
      : jobs_(view),
        changes_(view),
        audit_(view),
        agents_(view),
        commands_(view),
        replays_(view),
        tokens_(view),
        users_(view),
        sessions_(view),
        attempts_(view) {}
  Jobs& jobs() override { return jobs_; }
  Changes& changes() override { return changes_; }
  Audit& audit() override { return audit_; }
  Agents& agents() override { return agents_; }
  Commands& commands() override { return commands_; }
  Replays& replays() override { return replays_; }
  Tokens& tokens() override { return tokens_; }
  Users& users() override { return users_; }
  Sessions& sessions() override { return sessions_; }
  Attempts& attempts() override { return attempts_; }

 private:
  MemoryJobs jobs_;
  MemoryChanges changes_;
  MemoryAudit audit_;
  MemoryAgents agents_;
  MemoryCommands commands_;
  MemoryReplays replays_;
  MemoryTokens tokens_;
  MemoryUsers users_;
  MemorySessions sessions_;
  MemoryAttempts attempts_;
};

struct Unit {
  Access access;
  Work work;
  Completion done;
};

}  // namespace

class MemoryDatabase::Implementation {
 public:
  Implementation() : thread_([this] { Run(); }) {}
  ~Implementation() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  void Submit(Unit unit) {
    {
      const std::lock_guard lock(mutex_);
      units_.push_back(std::move(unit));
    }
    changed_.notify_all();
  }

 private:
  void Run() {
    while (true) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return closed_ || !units_.empty(); });
      if (units_.empty()) return;
      const Unit unit = std::move(units_.front());
      units_.pop_front();
      lock.unlock();
      unit.done(Execute(unit));
    }
  }

  Status Execute(const Unit& unit) {
    const bool writes = unit.access == Access::kWrite;
    State copy = writes ? state_ : State{};
    MemoryTransaction transaction(View{writes ? copy : state_, writes});
    try {
      PROV_CHECK(unit.work(transaction));
    } catch (const std::exception& error) {
      return Error{ErrorCode::kInternal, fmt::format("a bug: {}", error.what())};
    }
    if (writes) state_ = std::move(copy);
    return {};
  }

  State state_;  // only the thread touches it
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Unit> units_;
  bool closed_ = false;
  std::thread thread_;  // last, so that it starts when the rest is there
};

MemoryDatabase::MemoryDatabase() : implementation_(std::make_unique<Implementation>()) {}
MemoryDatabase::~MemoryDatabase() = default;

void MemoryDatabase::Submit(Access access, Work work, Completion done) {
  implementation_->Submit({access, std::move(work), std::move(done)});
}

}  // namespace prov::store::memory
