#include "store/sqlite/connection.hpp"

#include <fcntl.h>
#include <sqlite3.h>

#include <fmt/format.h>

namespace prov::store::sqlite {
namespace {

ErrorCode CodeFor(int result) {
  switch (result & 0xff) {
    case SQLITE_CONSTRAINT:
      return ErrorCode::kConflict;
    // The store's own trouble, whatever it is, is none of the caller's: it is away for now.
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_CANTOPEN:
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
      return ErrorCode::kUnavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::kCorrupt;
    default:
      return ErrorCode::kInternal;
  }
}

int Bind(sqlite3_stmt* statement, int index, const sql::Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    return sqlite3_bind_int64(statement, index, *number);
  }
  if (const auto* real = std::get_if<double>(&value)) {
    return sqlite3_bind_double(statement, index, *real);
  }
  // Not copied: the values outlive the statement's run, and bindings are cleared after it.
  if (const auto* text = std::get_if<std::string>(&value)) {
    return sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_STATIC,
                               SQLITE_UTF8);
  }
  if (const auto* blob = std::get_if<sql::Blob>(&value)) {
    return sqlite3_bind_blob64(statement, index, blob->bytes.data(), blob->bytes.size(),
                               SQLITE_STATIC);
  }
  return sqlite3_bind_null(statement, index);
}

struct Rewind {
  sqlite3_stmt* statement;
  ~Rewind() {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
  }
};

// SQLite would create it with the umask's mode, and gives -wal and -shm the mode of the file. Never
// opened where it exists: closing any descriptor of a file drops every POSIX lock this process has
// on it, SQLite's too, and then another process takes itself for the last one and removes the log.
Status CreatePrivately(const Path& path) {
  const UniqueFd fd{open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!fd && errno != EEXIST)
    return ErrnoError(fmt::format("opening the database {}", path.string()));
  return {};
}

class StatementRow final : public Row {
 public:
  explicit StatementRow(sqlite3_stmt* statement) : statement_(statement) {}
  bool IsNull(int column) const override {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
  }
  std::int64_t Int(int column) const override { return sqlite3_column_int64(statement_, column); }
  std::string Text(int column) const override {
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    return bytes == nullptr ? std::string() : std::string(bytes, size);
  }

 private:
  sqlite3_stmt* statement_;
};

std::string NewestOfEachApp(std::string_view where) {
  return fmt::format("SELECT max(id) FROM jobs WHERE {} GROUP BY app_id", where);
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::Open(const Path& path, const Options& options) {
  PROV_CHECK(CreatePrivately(path));
  sqlite3* handle = nullptr;
  const int opened =
      sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<Connection> connection{new Connection(handle)};
  if (opened != SQLITE_OK) return connection->LastError("opening " + path.string());
  sqlite3_busy_timeout(handle, static_cast<int>(options.busy_timeout.count()));
  // wal_autocheckpoint: 16 MB; the same pages of the indexes are in it many times.
  // temp_store: what a savepoint may have to undo would be written to a file, each page again.
  // secure_delete: sealed ciphertext that is forgotten is overwritten, not only unlinked.
  PROV_CHECK(connection->Script(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
      "PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY;"
      "PRAGMA wal_autocheckpoint=4000;"));
  if (options.max_pages > 0) {
    PROV_CHECK(connection->Script(fmt::format("PRAGMA max_page_count={};", options.max_pages)));
  }
  if (options.query_only) PROV_CHECK(connection->Script("PRAGMA query_only=ON;"));
  return connection;
}

Connection::~Connection() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

Status Connection::TakeAlone() {
  sqlite3_busy_timeout(handle_, 0);
  // Leaving the log takes that nobody else has the file open, and what follows keeps it like that.
  const auto taken = Script(
      "PRAGMA journal_mode=DELETE; PRAGMA locking_mode=EXCLUSIVE;"
      "BEGIN EXCLUSIVE; COMMIT;");
  if (taken) return {};
  const bool busy = (sqlite3_errcode(handle_) & 0xff) == SQLITE_BUSY;
  if (!busy) return taken;
  return Error{ErrorCode::kConflict,
               "the database is in use: stop every panel that uses it, then try again."};
}

Status Connection::Script(const std::string& sql) {
  if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return LastError(sql.substr(0, 60));
  }
  return {};
}

Result<std::int64_t> Connection::Run(std::string_view sql, const Values& values) {
  PROV_CHECK(Query(sql, values, [](const Row&) {}));
  return sqlite3_changes64(handle_);
}

Status Connection::Query(std::string_view sql, const Values& values,
                         const std::function<void(const Row&)>& each) {
  PROV_TRY(auto* const statement, Prepare(sql, values));
  const Rewind rewind{statement};
  while (true) {
    const int result = sqlite3_step(statement);
    if (result == SQLITE_DONE) return {};
    if (result != SQLITE_ROW) return LastError(sql.substr(0, 60));
    each(StatementRow(statement));
  }
}

const sql::Dialect& Connection::dialect() const {
  static constexpr sql::Dialect kDialect{.unindexed = "+", .newest_of_each_app = NewestOfEachApp};
  return kDialect;
}

Status Connection::BeginRead() { return Do("BEGIN"); }
Status Connection::BeginWrite() { return Do("BEGIN IMMEDIATE"); }
Status Connection::Commit() { return Do("COMMIT"); }
void Connection::Rollback() {
  if (InTransaction()) (void)Script("ROLLBACK");
}

Status Connection::Do(std::string_view sql) {
  PROV_CHECK(Run(sql));
  return {};
}

bool Connection::InTransaction() const { return sqlite3_get_autocommit(handle_) == 0; }

Result<sqlite3_stmt*> Connection::Prepare(std::string_view sql, const Values& values) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) found = statements_.emplace(sql, nullptr).first;
  auto& statement = found->second;
  if (statement == nullptr &&
      sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK) {
    return LastError(sql.substr(0, 60));
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (Bind(statement, static_cast<int>(i) + 1, values[i]) != SQLITE_OK) {
      return LastError(sql.substr(0, 60));
    }
  }
  return statement;
}

Error Connection::LastError(std::string_view doing) const {
  return Error{CodeFor(sqlite3_extended_errcode(handle_)),
               fmt::format("the database says: {}", sqlite3_errmsg(handle_)),
               {std::string(doing)}};
}

}  // namespace prov::store::sqlite
