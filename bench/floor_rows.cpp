// F3's floor: the rows that a panel wrote for its jobs, written once more into a fresh database of
// the same schema, 64 jobs a transaction, as durably.
//
//   bench_floor_rows FROM TO    FROM is a panel's database, TO must not exist
#include <sqlite3.h>

#include <fmt/format.h>

#include "base/files.hpp"

namespace {

constexpr std::size_t kGroup = 64;

[[noreturn]] void Die(sqlite3* database, const std::string& doing) {
  fmt::print(stderr, "bench_floor_rows: {}: {}\n", doing, sqlite3_errmsg(database));
  std::exit(1);
}

void Run(sqlite3* database, const std::string& sql) {
  if (sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    Die(database, sql);
}

sqlite3* Open(const char* path, int flags) {
  sqlite3* database = nullptr;
  if (sqlite3_open_v2(path, &database, flags | SQLITE_OPEN_NOMUTEX, nullptr) != SQLITE_OK)
    Die(database, path);
  return database;
}

sqlite3_stmt* Prepare(sqlite3* database, const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK)
    Die(database, sql);
  return statement;
}

using Row = std::vector<sqlite3_value*>;

std::vector<Row> ReadAll(sqlite3* database, const std::string& sql) {
  std::vector<Row> rows;
  auto* const statement = Prepare(database, sql);
  while (sqlite3_step(statement) == SQLITE_ROW) {
    auto& row = rows.emplace_back();
    for (int i = 0; i < sqlite3_column_count(statement); ++i)
      row.push_back(sqlite3_value_dup(sqlite3_column_value(statement, i)));
  }
  sqlite3_finalize(statement);
  return rows;
}

// The rows of one table, and the statement that writes one of them.
struct Table {
  std::vector<Row> rows;
  sqlite3_stmt* insert = nullptr;
};

void Write(sqlite3* database, sqlite3_stmt* statement, const Row& row) {
  for (std::size_t i = 0; i < row.size(); ++i)
    sqlite3_bind_value(statement, static_cast<int>(i) + 1, row[i]);
  if (sqlite3_step(statement) != SQLITE_DONE) Die(database, "writing a row");
  sqlite3_reset(statement);
}

Table ReadTable(sqlite3* from, sqlite3* to, const std::string& name, const std::string& which) {
  Table table{ReadAll(from, fmt::format("SELECT * FROM {} {} ORDER BY rowid", name, which))};
  if (table.rows.empty()) Die(from, "no rows in " + name);
  std::string places = "?";
  for (std::size_t i = 1; i < table.rows.front().size(); ++i) places += ",?";
  table.insert = Prepare(to, fmt::format("INSERT INTO {} VALUES ({})", name, places));
  return table;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return fmt::print(stderr, "bench_floor_rows: FROM TO\n"), 1;
  auto* const from = Open(arguments[1], SQLITE_OPEN_READWRITE);
  auto* const to = Open(arguments[2], SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  Run(to, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON");
  for (const auto& row : ReadAll(from,
                                 "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND "
                                 "name NOT LIKE 'sqlite_%' ORDER BY rowid"))
    Run(to, reinterpret_cast<const char*>(sqlite3_value_text(row[0])));
  Run(to, "INSERT INTO audit_head VALUES (1, 0, zeroblob(32))");
  const auto jobs = ReadTable(from, to, "jobs", "");
  const auto changes = ReadTable(from, to, "changes", "");
  const auto audit = ReadTable(from, to, "audit", "WHERE action = 'job.created'");
  if (changes.rows.size() != jobs.rows.size() || audit.rows.size() != jobs.rows.size())
    Die(from, "one row of each table for a job is expected");
  auto* const head = Prepare(to, "UPDATE audit_head SET sequence = ?1, hash = ?2 WHERE only = 1");

  const auto began = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < jobs.rows.size(); ++i) {
    if (i % kGroup == 0) Run(to, "BEGIN IMMEDIATE");
    Write(to, jobs.insert, jobs.rows[i]);
    Write(to, changes.insert, changes.rows[i]);
    Write(to, audit.insert, audit.rows[i]);
    Write(to, head, {audit.rows[i].front(), audit.rows[i].back()});
    if (i % kGroup == kGroup - 1 || i + 1 == jobs.rows.size()) Run(to, "COMMIT");
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  fmt::print(R"({{"jobs":{},"seconds":{:.6f}}})", jobs.rows.size(), took.count());
}
