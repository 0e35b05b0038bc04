// SQLite, in WAL mode with synchronous=FULL. One thread writes, taking all that is queued into one
// transaction (group commit), but for a closure that fails; a few threads read, each with its own
// connection.
#pragma once

#include <cstdint>
#include <memory>

#include "base/clock.hpp"
#include "base/files.hpp"
#include "store/database.hpp"

namespace prov::store::sqlite {

struct Options {
  Path path;             // the file; its directory is made (0700) where it is missing
  int readers = 2;       // 1..64
  int group_limit = 64;  // closures in one commit
  Millis busy_timeout{5000};
  std::int64_t max_pages = 0;  // 0: no limit
};

struct Statistics {
  std::uint64_t commits = 0;  // each is one fsync of the log
  std::uint64_t writes = 0;   // closures that were committed
};

class SqliteDatabase final : public Database {
 public:
  // Migrates. kUnsupported for a newer schema.
  static Result<std::unique_ptr<SqliteDatabase>> Open(const Options& options);
  // Finishes what was submitted.
  ~SqliteDatabase() override;

  void Submit(Access access, Work work, Completion done) override;
  Load load() const override;
  Statistics statistics() const;

 private:
  class Implementation;
  explicit SqliteDatabase(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace prov::store::sqlite
