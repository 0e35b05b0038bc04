// What the aggregates need of a database with SQL: typed values, prepared and cached statements,
// transactions. Not thread-safe: one thread at a time uses a connection.
//
// Parameters are ?1, ?2, …, and stand nowhere in quotes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace prov::store::sql {

struct Blob {
  std::string bytes;
  bool operator==(const Blob&) const = default;
};
using Value = std::variant<std::monostate, std::int64_t, double, std::string, Blob>;
using Values = std::vector<Value>;

// The row a statement stands on; valid inside the callback only. Columns count from 0.
class Row {
 public:
  virtual ~Row() = default;
  virtual bool IsNull(int column) const = 0;
  virtual std::int64_t Int(int column) const = 0;
  virtual std::string Text(int column) const = 0;  // text, or the bytes of a blob or an id
};

// Where the databases must be told the same in different words.
struct Dialect {
  // Before a column: its index is not wanted.
  std::string_view unindexed;
  // Ids of the jobs that `where` finds which are the newest of their app.
  std::string (*newest_of_each_app)(std::string_view where);
};

// Errors: kConflict for a broken constraint, kInvalidArgument for text that cannot be stored,
// kUnavailable for whatever trouble the database itself has, which is none of the caller's.
class Connection {
 public:
  virtual ~Connection() = default;

  // Returns how many rows were changed.
  virtual Result<std::int64_t> Run(std::string_view sql, const Values& values = {}) = 0;
  virtual Status Query(std::string_view sql, const Values& values,
                       const std::function<void(const Row&)>& each) = 0;
  virtual const Dialect& dialect() const = 0;

  // A consistent view of what is committed, in which nothing can be written.
  virtual Status BeginRead() = 0;
  // Waits until no other write, of whatever process, is under way.
  virtual Status BeginWrite() = 0;
  // After an error nothing was committed, unless Connection says otherwise in its own words.
  virtual Status Commit() = 0;
  virtual void Rollback() = 0;  // nothing where there is no transaction
  // False once the database itself gave the transaction up: a full disk, a lost connection.
  virtual bool InTransaction() const = 0;
};

}  // namespace prov::store::sql
