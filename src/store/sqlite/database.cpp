#include "store/sqlite/database.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "store/sqlite/aggregates.hpp"
#include "store/sqlite/schema.hpp"

namespace prov::store::sqlite {
namespace {

struct Unit {
  Work work;
  Completion done;
};

// Closed: no more is taken, but what is there is still handed out.
class UnitQueue {
 public:
  void Push(Unit unit) {
    {
      const std::lock_guard lock(mutex_);
      units_.push_back(std::move(unit));
    }
    changed_.notify_one();
  }
  // Blocks until there is something; empty once it is closed and drained. `takers` share what is
  // there.
  std::vector<Unit> Take(std::size_t limit, std::size_t takers = 1) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || !units_.empty(); });
    std::vector<Unit> taken;
    const auto share = std::min(limit, (units_.size() + takers - 1) / takers);
    while (taken.size() < share) {
      taken.push_back(std::move(units_.front()));
      units_.pop_front();
    }
    return taken;
  }
  void Close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Unit> units_;
  bool closed_ = false;
};

Status Guarded(const Work& work, Transaction& transaction) {
  try {
    return work(transaction);
  } catch (const std::exception& error) {
    return Error{ErrorCode::kInternal, fmt::format("a bug: {}", error.what())};
  }
}

// All see the same state. Each is done when it has run: reading has nothing to commit.
void RunReads(Connection& connection, std::vector<Unit>& units) {
  const auto begun = connection.Run("BEGIN");
  SqliteTransaction transaction(connection);
  for (auto& unit : units)
    unit.done(begun ? Guarded(unit.work, transaction) : Status(begun.error()));
  if (connection.InTransaction()) (void)connection.Run("COMMIT");
}

class Writer {
 public:
  explicit Writer(Connection& connection) : connection_(connection) {}

  void RunGroup(std::vector<Unit>& units) {
    std::vector<Status> outcomes;
    auto committed = TryGroup(std::span(units), outcomes, kTogether);
    if (committed && !*committed && units.size() > 1) {
      outcomes.clear();
      committed = TryGroup(std::span(units), outcomes, kApart);
    }
    const bool busy = committed.has_error() && committed.error().code == ErrorCode::kUnavailable;
    if (committed.has_error() && units.size() > 1 && !busy) {
      // Something of one closure may have failed all: each again, on its own.
      outcomes.clear();
      for (auto& unit : units) {
        std::vector<Status> one;
        auto alone = TryGroup(std::span(&unit, 1), one, kTogether);
        outcomes.push_back(alone ? std::move(one.front()) : Status(alone.error()));
      }
    } else if (committed.has_error()) {
      outcomes.assign(units.size(), committed.error());
    }
    for (std::size_t i = 0; i < units.size(); ++i) units[i].done(std::move(outcomes[i]));
  }

  Statistics statistics() const { return {commits_.load(), writes_.load()}; }

 private:
  // A savepoint costs a closure as much as another row. So they come only where one has failed.
  enum Kind { kTogether, kApart };

  // An error, or false, means that nothing of the group is in the database; false is for kTogether,
  // where a closure failed, whose outcome is the last one then.
  Result<bool> TryGroup(std::span<Unit> units, std::vector<Status>& outcomes, Kind kind) {
    PROV_CHECK(connection_.Run("BEGIN IMMEDIATE"));
    auto failed = [&](const Status& error) {
      if (connection_.InTransaction()) (void)connection_.Script("ROLLBACK");
      return error.error();
    };
    std::uint64_t good = 0;
    SqliteTransaction transaction(connection_);
    for (const auto& unit : units) {
      if (auto s = kind == kApart ? Do("SAVEPOINT unit") : Status(); s.has_error())
        return failed(s);
      auto outcome = Guarded(unit.work, transaction);
      // When the disk is full SQLite may have rolled back everything already.
      if (!connection_.InTransaction()) return failed(LostTransaction(std::move(outcome)));
      good += outcome.has_error() ? 0 : 1;
      if (kind == kTogether) {
        outcomes.push_back(std::move(outcome));
        if (!outcomes.back().has_error()) continue;
        (void)failed(outcomes.back());
        return false;
      }
      Status ended;
      if (outcome.has_error()) ended = Do("ROLLBACK TO unit");
      if (!ended.has_error()) ended = Do("RELEASE unit");
      outcomes.push_back(std::move(outcome));
      if (ended.has_error()) return failed(ended);
    }
    if (auto s = Do("COMMIT"); s.has_error()) return failed(s);
    ++commits_;
    writes_ += good;
    return true;
  }

  Status Do(std::string_view sql) {
    PROV_CHECK(connection_.Run(sql));
    return {};
  }

  static Status LostTransaction(Status outcome) {
    if (outcome.has_error()) return outcome;
    return Error{ErrorCode::kUnavailable, "the database rolled the transaction back."};
  }

  Connection& connection_;
  std::atomic<std::uint64_t> commits_{0};
  std::atomic<std::uint64_t> writes_{0};
};

}  // namespace

// A transaction costs more than what is read in most. Few, since the last waits for the others.
constexpr std::size_t kReadsAtOnce = 8;

class SqliteDatabase::Implementation {
 public:
  Implementation(const Options& options, std::unique_ptr<Connection> write,
                 std::vector<std::unique_ptr<Connection>> read)
      : write_(std::move(write)), read_(std::move(read)), writer_(*write_) {
    threads_.emplace_back([this, limit = static_cast<std::size_t>(options.group_limit)] {
      for (auto units = writes_.Take(limit); !units.empty(); units = writes_.Take(limit)) {
        writer_.RunGroup(units);
      }
    });
    for (auto& connection : read_) {
      threads_.emplace_back([this, &connection] {
        const auto take = [this] { return reads_.Take(kReadsAtOnce, read_.size()); };
        for (auto units = take(); !units.empty(); units = take()) RunReads(*connection, units);
      });
    }
  }

  ~Implementation() {
    writes_.Close();
    reads_.Close();
    for (auto& thread : threads_) thread.join();
  }

  void Submit(Access access, Unit unit) {
    (access == Access::kWrite ? writes_ : reads_).Push(std::move(unit));
  }
  Statistics statistics() const { return writer_.statistics(); }

 private:
  std::unique_ptr<Connection> write_;
  std::vector<std::unique_ptr<Connection>> read_;
  Writer writer_;
  UnitQueue writes_;
  UnitQueue reads_;
  std::vector<std::thread> threads_;
};

Result<std::unique_ptr<SqliteDatabase>> SqliteDatabase::Open(const Options& options) {
  PROV_CHECK(MakeDirectories(options.path.parent_path(), 0700));
  PROV_TRY(auto write, Connection::Open(options.path, {.busy_timeout = options.busy_timeout,
                                                       .max_pages = options.max_pages}));
  PROV_CHECK(Migrate(*write));
  std::vector<std::unique_ptr<Connection>> read;
  for (int i = 0; i < options.readers; ++i) {
    PROV_TRY(auto one, Connection::Open(options.path, {.busy_timeout = options.busy_timeout,
                                                       .query_only = true}));
    read.push_back(std::move(one));
  }
  return std::unique_ptr<SqliteDatabase>(new SqliteDatabase(
      std::make_unique<Implementation>(options, std::move(write), std::move(read))));
}

SqliteDatabase::SqliteDatabase(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}
SqliteDatabase::~SqliteDatabase() = default;

void SqliteDatabase::Submit(Access access, Work work, Completion done) {
  implementation_->Submit(access, {std::move(work), std::move(done)});
}

Statistics SqliteDatabase::statistics() const { return implementation_->statistics(); }

}  // namespace prov::store::sqlite
