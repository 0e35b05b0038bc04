// PostgreSQL, 13 or newer, which several panels may share. One thread writes, taking all that is
// queued into one transaction (group commit), but for a closure that fails; before that it locks
// the row of audit_head, so that of all panels one writes at a time
// (docs/decisions/0018-one-write-at-a-time-in-postgresql.md). A few threads read, each with its
// own connection, in snapshots.
//
// When the connection that writes was made anew, those that read and that which listens are too:
// all are to the server that takes writes now, and none to the one before, which may still answer.
//
// A connection that is lost before a commit was asked for costs nothing but time: the closures run
// again on another one. One that is lost while committing is kUnavailable for all that were to be
// committed, some of which may have been; none of them is run again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "store/database.hpp"

namespace prov::store::postgresql {

struct Options {
  std::string url;       // see CheckUrl() in connection.hpp
  int readers = 3;       // 1..64; beside the one connection that writes
  int group_limit = 64;  // closures in one commit
  // How long closures wait for a server that was there a moment ago, and is away; then
  // kUnavailable, as all that follow are at once, until it is back.
  Millis patience{3000};
  Millis connect_timeout{5000};
  Millis statement_timeout{30'000};
  Millis lock_timeout{10'000};  // for the writes of other panels
  // Where it is given, a server that is away when the database is opened is no error: why it is not
  // there is said here, once, by the thread that opens, and until it is there everything is
  // kUnavailable.
  std::function<void(const Error&)> on_away = nullptr;
};

struct Statistics {
  std::uint64_t commits = 0;   // transactions
  std::uint64_t writes = 0;    // closures that were committed
  std::uint64_t retries = 0;   // transactions that were begun again
  std::uint64_t connects = 0;  // connections that were made
};

class PostgresqlDatabase final : public Database {
 public:
  // Connects and migrates. Each error is a sentence that says what to do, without the password:
  // kInvalidArgument for a wrong URL, kUnsupported for a newer schema or an old server,
  // kPermissionDenied for a server that refuses what is needed (wrong password, no such database, a
  // right that the user lacks, read-only), kUnavailable.
  static Result<std::unique_ptr<PostgresqlDatabase>> Open(const Options& options);
  // Finishes what was submitted.
  ~PostgresqlDatabase() override;

  void Submit(Access access, Work work, Completion done) override;
  std::unique_ptr<Listening> Listen(AnnouncementListener listener) override;
  Load load() const override;
  Statistics statistics() const;

 private:
  class Implementation;
  explicit PostgresqlDatabase(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace prov::store::postgresql
