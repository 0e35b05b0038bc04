#include "store/postgresql/database.hpp"

#include <thread>

#include "store/postgresql/link.hpp"
#include "store/postgresql/schema.hpp"
#include "store/sql/aggregates.hpp"
#include "store/sql/units.hpp"

namespace prov::store::postgresql {
namespace {

using sql::Unit;
using sql::UnitQueue;

// Of one group, or one read: what loses its connection each time is not tried for ever.
constexpr int kMostAttempts = 4;
// A transaction costs more than what is read in most. Few, since the last waits for the others.
constexpr std::size_t kReadsAtOnce = 8;

struct Counters {
  std::atomic<std::uint64_t> commits{0};
  std::atomic<std::uint64_t> writes{0};
  std::atomic<std::uint64_t> retries{0};
  std::atomic<std::uint64_t> connects{0};
};

class Writer {
 public:
  Writer(Link& link, Millis patience, Counters& counters)
      : link_(link), patience_(patience), counters_(counters) {}

  void RunGroup(std::vector<Unit>& units) {
    auto outcomes = Commit(units, std::chrono::steady_clock::now() + patience_);
    for (std::size_t i = 0; i < units.size(); ++i) units[i].done(std::move(outcomes[i]));
  }

 private:
  std::vector<Status> Commit(std::span<const Unit> units, SteadyTime deadline) {
    for (int attempt = 1;; ++attempt) {
      const auto connection = link_.Get(deadline);
      if (!connection) return All(units, connection.error());
      auto group = sql::CommitGroup(**connection, units);
      if (group) {
        counters_.commits += group->good > 0 ? 1 : 0;
        counters_.writes += group->good;
        return std::move(group->outcomes);
      }
      if (!(*connection)->worth_another_try() || attempt == kMostAttempts) {
        const bool all = units.size() == 1 || group.error().code == ErrorCode::kUnavailable;
        return all ? All(units, group.error()) : OneByOne(units, deadline);
      }
      ++counters_.retries;
    }
  }

  // Something of one closure may have failed all.
  std::vector<Status> OneByOne(std::span<const Unit> units, SteadyTime deadline) {
    std::vector<Status> outcomes;
    for (std::size_t i = 0; i < units.size(); ++i)
      outcomes.push_back(std::move(Commit(units.subspan(i, 1), deadline).front()));
    return outcomes;
  }

  static std::vector<Status> All(std::span<const Unit> units, const Error& error) {
    return std::vector<Status>(units.size(), error);
  }

  Link& link_;
  Millis patience_;
  Counters& counters_;
};

class Reader {
 public:
  Reader(Link& link, Millis patience, Counters& counters)
      : link_(link), patience_(patience), counters_(counters) {}

  // Each is done when it has run: reading has nothing to commit.
  void RunReads(std::vector<Unit>& units) {
    const auto deadline = std::chrono::steady_clock::now() + patience_;
    std::span<Unit> left(units);
    int attempt = 1;
    while (!left.empty()) {
      const auto connection = link_.Get(deadline);
      if (!connection) return FailAll(left, connection.error());
      const auto before = left.size();
      auto stopped = RunSome(**connection, left, attempt == kMostAttempts);
      if (left.size() < before) attempt = 1;
      if (!stopped.has_error()) continue;
      if (!(*connection)->worth_another_try() || attempt++ == kMostAttempts)
        return FailAll(left, stopped.error());
      ++counters_.retries;
    }
  }

 private:
  // All that it runs see the same state. Takes from `left` what is done; the rest is to be begun
  // again, after an error perhaps on another connection.
  static Status RunSome(Connection& connection, std::span<Unit>& left, bool last_attempt) {
    PROV_CHECK(connection.BeginRead());
    sql::SqlTransaction transaction(connection);
    while (!left.empty()) {
      auto outcome = sql::RunGuarded(left.front().work, transaction);
      const bool there = connection.InTransaction();
      if (!there && outcome.has_error() && !last_attempt) {
        connection.Rollback();
        return outcome;
      }
      left.front().done(std::move(outcome));
      left = left.subspan(1);
      if (!there || connection.TransactionFailed()) break;
    }
    // Also where all went well: there is nothing that a commit would keep.
    connection.Rollback();
    return {};
  }

  static void FailAll(std::span<Unit> units, const Error& error) {
    for (auto& unit : units) unit.done(error);
  }

  Link& link_;
  Millis patience_;
  Counters& counters_;
};

}  // namespace

class PostgresqlDatabase::Implementation {
 public:
  explicit Implementation(const Options& options) : options_(options) {
    for (int i = 0; i <= options.readers; ++i) {
      links_.push_back(std::make_unique<Link>(
          options.url,
          Connection::Options{options.connect_timeout, options.statement_timeout,
                              options.lock_timeout},
          counters_.connects));
    }
  }

  ~Implementation() {
    writes_.Close();
    reads_.Close();
    for (auto& thread : threads_) thread.join();
  }

  // All connections at once, so that a limit of the server shows at start.
  Status Connect() {
    const auto deadline = std::chrono::steady_clock::now() + options_.patience;
    for (std::size_t i = 0; i < links_.size(); ++i) {
      PROV_TRY(auto* const connection, links_[i]->Get(deadline));
      if (i == 0) PROV_CHECK(Migrate(*connection));
    }
    return {};
  }

  void Start() {
    threads_.emplace_back([this] {
      Writer writer(*links_.front(), options_.patience, counters_);
      const auto take = [&] {
        return writes_.Take(static_cast<std::size_t>(options_.group_limit));
      };
      for (auto units = take(); !units.empty(); units = take()) writer.RunGroup(units);
    });
    for (std::size_t i = 1; i < links_.size(); ++i) {
      threads_.emplace_back([this, i] {
        Reader reader(*links_[i], options_.patience, counters_);
        const auto take = [&] { return reads_.Take(kReadsAtOnce, links_.size() - 1); };
        for (auto units = take(); !units.empty(); units = take()) reader.RunReads(units);
      });
    }
  }

  void Submit(Access access, Unit unit) {
    (access == Access::kWrite ? writes_ : reads_).Push(std::move(unit));
  }
  Statistics statistics() const {
    return {counters_.commits, counters_.writes, counters_.retries, counters_.connects};
  }

 private:
  Options options_;
  Counters counters_;
  std::vector<std::unique_ptr<Link>> links_;  // the first one writes
  UnitQueue writes_;
  UnitQueue reads_;
  std::vector<std::thread> threads_;
};

Result<std::unique_ptr<PostgresqlDatabase>> PostgresqlDatabase::Open(const Options& options) {
  auto implementation = std::make_unique<Implementation>(options);
  PROV_CHECK(implementation->Connect());
  implementation->Start();
  return std::unique_ptr<PostgresqlDatabase>(new PostgresqlDatabase(std::move(implementation)));
}

PostgresqlDatabase::PostgresqlDatabase(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}
PostgresqlDatabase::~PostgresqlDatabase() = default;

void PostgresqlDatabase::Submit(Access access, Work work, Completion done) {
  implementation_->Submit(access, {std::move(work), std::move(done)});
}

Statistics PostgresqlDatabase::statistics() const { return implementation_->statistics(); }

}  // namespace prov::store::postgresql
