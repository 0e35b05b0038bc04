// A thin layer over SQLite's C interface: one connection, cached statements, typed values, errors
// mapped. Not thread-safe: one thread at a time uses a connection.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/files.hpp"
#include "base/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace prov::store::sqlite {

struct Blob {
  std::string bytes;
};
using Value = std::variant<std::monostate, std::int64_t, double, std::string, Blob>;
using Values = std::vector<Value>;

// The row a statement stands on; valid inside the callback only. Columns count from 0.
class Row {
 public:
  explicit Row(sqlite3_stmt* statement) : statement_(statement) {}
  bool IsNull(int column) const;
  std::int64_t Int(int column) const;
  std::string Text(int column) const;  // text or blob
 private:
  sqlite3_stmt* statement_;
};

class Connection {
 public:
  struct Options {
    Millis busy_timeout{5000};  // then kUnavailable
    bool query_only = false;
    std::int64_t max_pages = 0;  // 0: no limit; then kUnavailable
  };

  // Creates the file (0600) where it is missing; WAL, synchronous=FULL.
  static Result<std::unique_ptr<Connection>> Open(const Path& path, const Options& options);
  Connection(const Connection&) = delete;
  ~Connection();

  // Statements without parameters or rows, separated by semicolons.
  Status Script(const std::string& sql);
  // Returns how many rows were changed. Parameters are ?1, ?2, …
  Result<std::int64_t> Run(std::string_view sql, const Values& values = {});
  Status Query(std::string_view sql, const Values& values,
               const std::function<void(const Row&)>& each);
  // False once SQLite itself rolled back, as it may when the disk is full.
  bool InTransaction() const;

 private:
  explicit Connection(sqlite3* handle) : handle_(handle) {}
  Result<sqlite3_stmt*> Prepare(std::string_view sql, const Values& values);
  Error LastError(std::string_view doing) const;

  sqlite3* handle_;
  std::map<std::string, sqlite3_stmt*, std::less<>> statements_;
};

}  // namespace prov::store::sqlite
