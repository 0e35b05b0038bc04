#include "store/postgresql/database.hpp"

#include <thread>

#include "store/postgresql/link.hpp"
#include "store/postgresql/listener.hpp"
#include "store/postgresql/schema.hpp"
#include "store/postgresql/writer_session.hpp"
#include "store/sql/aggregates.hpp"
#include "store/sql/units.hpp"

namespace prov::store::postgresql {
namespace {

using sql::Unit;
using sql::UnitQueue;

// Of one read: what loses its connection each time is not tried for ever.
constexpr int kMostAttempts = 4;
// A transaction costs more than what is read in most. Few, since the last waits for the others.
constexpr std::size_t kReadsAtOnce = 8;

struct Counters : sql::WriteCounters {
  std::atomic<std::uint64_t> connects{0};
};

class Reader {
 public:
  Reader(Link& link, const WriterSession& writer, Millis patience, Counters& counters)
      : link_(link),
        writer_(writer),
        follows_(writer.made()),
        patience_(patience),
        counters_(counters) {}

  // Each is done when it has run: reading has nothing to commit.
  void RunReads(std::vector<Unit>& units) {
    const auto deadline = std::chrono::steady_clock::now() + patience_;
    std::span<Unit> left(units);
    int attempt = 1;
    while (!left.empty()) {
      const auto connection = Connect(deadline);
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
  // To the server that the writer has found, not to one that it has left.
  Result<Connection*> Connect(SteadyTime deadline) {
    if (const auto made = writer_.made(); made != follows_) {
      link_.Drop();
      follows_ = made;
    }
    return link_.Get(deadline);
  }

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
  const WriterSession& writer_;
  std::uint64_t follows_;  // the writer's connection that the link's is as new as
  Millis patience_;
  Counters& counters_;
};

}  // namespace

class PostgresqlDatabase::Implementation {
 public:
  explicit Implementation(const Options& options) : options_(options) {
    links_.push_back(MakeLink([this](Connection& made) { return PrepareWriter(made); }));
    for (int i = 0; i < options.readers; ++i) links_.push_back(MakeLink());
  }

  ~Implementation() {
    writes_.Close();
    reads_.Close();
    for (auto& thread : threads_) thread.join();
  }

  // All connections at once, so that a limit of the server shows at start.
  Status Connect() {
    const bool waits = options_.on_away != nullptr;
    const auto deadline =
        std::chrono::steady_clock::now() + (waits ? Millis{0} : options_.patience);
    for (auto& link : links_) {
      auto connected = link->Get(deadline);
      if (connected) continue;
      if (waits && IsMendedByWaiting(link->trouble())) {
        options_.on_away(connected.error());
        return {};
      }
      auto error = std::move(connected).error();
      if (IsMendedByAPerson(link->trouble())) error.code = ErrorCode::kPermissionDenied;
      return error;
    }
    return {};
  }

  void Start() {
    for (std::size_t i = 1; i < links_.size(); ++i) {
      Reader reader(*links_[i], session_, options_.patience, counters_);
      threads_.emplace_back([this, reader]() mutable {
        const auto take = [&] { return reads_.Take(kReadsAtOnce, links_.size() - 1); };
        for (auto units = take(); !units.empty(); units = take()) {
          const sql::Busy busy(busy_);
          reader.RunReads(units);
        }
      });
    }
    threads_.emplace_back([this] {
      sql::GroupWriter writer(WritingHooks(), counters_);
      const auto take = [&] {
        return writes_.Take(static_cast<std::size_t>(options_.group_limit));
      };
      for (auto units = take(); !units.empty(); units = take()) {
        const sql::Busy busy(busy_);
        writer.Run(units);
        if (!links_.front()->connected()) session_.Lost();
      }
    });
  }

  void Submit(Access access, Unit unit) {
    (access == Access::kWrite ? writes_ : reads_).Push(std::move(unit));
  }
  std::unique_ptr<Listening> Listen(AnnouncementListener listener) {
    return std::make_unique<Listener>(MakeLink(), session_, std::move(listener));
  }
  Load load() const { return {reads_.size(), writes_.size(), links_.size(), busy_}; }
  Statistics statistics() const {
    return {counters_.commits, counters_.writes, counters_.retries, counters_.connects};
  }

 private:
  std::unique_ptr<Link> MakeLink() {
    return MakeLink([this](Connection& made) { return Prepare(made); });
  }
  std::unique_ptr<Link> MakeLink(Link::Prepare prepare) {
    return std::make_unique<Link>(
        options_.url,
        Connection::Options{options_.connect_timeout, options_.statement_timeout,
                            options_.lock_timeout},
        std::move(prepare), counters_.connects);
  }

  // One that takes no writes is not the one to follow.
  Status PrepareWriter(Connection& connection) {
    PROV_CHECK(connection.CheckWritable());
    PROV_CHECK(Prepare(connection));
    session_.Made();
    return {};
  }

  // The schema is looked at once: a newer panel may bring it further while this one works.
  Status Prepare(Connection& connection) {
    PROV_CHECK(connection.Occupy(Connection::Use::kWithOthers));
    if (migrated_) return {};
    PROV_CHECK(connection.CheckWritable());
    PROV_CHECK(Migrate(connection));
    migrated_ = true;
    return {};
  }

  sql::GroupWriter::Hooks WritingHooks() {
    return {.connect = [this](SteadyTime begun) -> Result<sql::Connection*> {
              PROV_TRY(auto* const connection, links_.front()->Get(begun + options_.patience));
              session_.Uses(connection->process());
              return connection;
            },
            .try_again =
                [](const sql::Connection& connection) {
                  return static_cast<const Connection&>(connection).worth_another_try();
                }};
  }

  Options options_;
  Counters counters_;
  std::atomic<bool> migrated_{false};
  WriterSession session_;
  std::vector<std::unique_ptr<Link>> links_;  // the first one writes
  std::atomic<std::size_t> busy_{0};
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

std::unique_ptr<Listening> PostgresqlDatabase::Listen(AnnouncementListener listener) {
  return implementation_->Listen(std::move(listener));
}

Load PostgresqlDatabase::load() const { return implementation_->load(); }

Statistics PostgresqlDatabase::statistics() const { return implementation_->statistics(); }

}  // namespace prov::store::postgresql
