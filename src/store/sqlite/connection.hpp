// A thin layer over SQLite's C interface: one connection, cached statements, typed values, errors
// mapped. Not thread-safe: one thread at a time uses a connection.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/files.hpp"
#include "base/result.hpp"
#include "store/sql/connection.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace prov::store::sqlite {

using sql::Row;
using sql::Values;

class Connection final : public sql::Connection {
 public:
  struct Options {
    Millis busy_timeout{5000};  // then kUnavailable
    bool query_only = false;
    std::int64_t max_pages = 0;  // 0: no limit; then kUnavailable
  };

  // Creates the file (0600) where it is missing; WAL, synchronous=FULL.
  static Result<std::unique_ptr<Connection>> Open(const Path& path, const Options& options);
  Connection(const Connection&) = delete;
  ~Connection() override;

  // Until it ends, nobody else reads or writes the file, which then needs no write-ahead log.
  // Outside of a transaction. kConflict, as a sentence, while another connection to it is open.
  Status TakeAlone();

  // Statements without parameters or rows, separated by semicolons.
  Status Script(const std::string& sql);
  Result<std::int64_t> Run(std::string_view sql, const Values& values = {}) override;
  Status Query(std::string_view sql, const Values& values,
               const std::function<void(const Row&)>& each) override;
  const sql::Dialect& dialect() const override;
  Status BeginRead() override;
  Status BeginWrite() override;
  Status Commit() override;
  void Rollback() override;
  // False once SQLite itself rolled back, as it may when the disk is full.
  bool InTransaction() const override;

 private:
  explicit Connection(sqlite3* handle) : handle_(handle) {}
  Result<sqlite3_stmt*> Prepare(std::string_view sql, const Values& values);
  Status Do(std::string_view sql);
  Error LastError(std::string_view doing) const;

  sqlite3* handle_;
  std::map<std::string, sqlite3_stmt*, std::less<>> statements_;
};

}  // namespace prov::store::sqlite
