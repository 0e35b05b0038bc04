#include "store/sqlite/database.hpp"

#include <thread>

#include "store/sql/aggregates.hpp"
#include "store/sql/units.hpp"
#include "store/sqlite/schema.hpp"

namespace prov::store::sqlite {
namespace {

using sql::Unit;
using sql::UnitQueue;

// All see the same state. Each is done when it has run: reading has nothing to commit.
void RunReads(Connection& connection, std::vector<Unit>& units) {
  const auto begun = connection.BeginRead();
  sql::SqlTransaction transaction(connection);
  for (auto& unit : units)
    unit.done(begun ? sql::RunGuarded(unit.work, transaction) : Status(begun.error()));
  if (connection.InTransaction()) (void)connection.Commit();
}

// There is one connection, and what failed on it would fail again.
sql::GroupWriter::Hooks HooksOf(Connection& connection) {
  return {.connect = [&connection](SteadyTime) -> Result<sql::Connection*> { return &connection; },
          .try_again = [](const sql::Connection&) { return false; }};
}

}  // namespace

// A transaction costs more than what is read in most. Few, since the last waits for the others.
constexpr std::size_t kReadsAtOnce = 8;

class SqliteDatabase::Implementation {
 public:
  Implementation(const Options& options, std::unique_ptr<Connection> write,
                 std::vector<std::unique_ptr<Connection>> read)
      : write_(std::move(write)), read_(std::move(read)), writer_(HooksOf(*write_), counters_) {
    threads_.emplace_back([this, limit = static_cast<std::size_t>(options.group_limit)] {
      for (auto units = writes_.Take(limit); !units.empty(); units = writes_.Take(limit)) {
        const sql::Busy busy(busy_);
        writer_.Run(units);
      }
    });
    for (auto& connection : read_) {
      threads_.emplace_back([this, &connection] {
        const auto take = [this] { return reads_.Take(kReadsAtOnce, read_.size()); };
        for (auto units = take(); !units.empty(); units = take()) {
          const sql::Busy busy(busy_);
          RunReads(*connection, units);
        }
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
  Load load() const { return {reads_.size(), writes_.size(), 1 + read_.size(), busy_}; }
  Statistics statistics() const { return {counters_.commits, counters_.writes}; }

 private:
  std::unique_ptr<Connection> write_;
  std::vector<std::unique_ptr<Connection>> read_;
  sql::WriteCounters counters_;
  sql::GroupWriter writer_;
  std::atomic<std::size_t> busy_{0};
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

Load SqliteDatabase::load() const { return implementation_->load(); }

Statistics SqliteDatabase::statistics() const { return implementation_->statistics(); }

}  // namespace prov::store::sqlite
