// A thin layer over libpq: one connection, prepared and cached statements, typed values in binary,
// errors mapped, and nothing that waits for longer than it may. Not thread-safe: one thread at a
// time uses a connection.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "store/postgresql/trouble.hpp"
#include "store/sql/connection.hpp"

struct pg_conn;
struct pg_result;

namespace prov::store::postgresql {

// kInvalidArgument, with a sentence that quotes nothing of it, for what libpq does not take as
// postgresql://USER:PASSWORD@HOST:PORT/DATABASE?PARAMETER=VALUE&…, or takes otherwise than it was
// meant: a password with '@' or '/' as they are, a port that is none.
Status CheckUrl(const std::string& url);
// A URL that CheckUrl() takes holds a password, of whatever kind.
bool HoldsPassword(const std::string& url);

// kUnsupported, as a sentence, for a server older than 13. As PQserverVersion has it: 150018.
Status CheckVersion(int version);

class Connection final : public sql::Connection {
 public:
  // Each may be passed by two seconds, which the server has for saying so itself.
  struct Options {
    Millis connect_timeout{5000};  // of several hosts together: each has its share of what is left
    Millis statement_timeout{30'000};
    Millis lock_timeout{10'000};  // of a write: until those of other panels are done
  };

  // kUnavailable or kUnsupported, as a sentence for whoever starts the panel, and of what kind it
  // is in `trouble`. What `url` leaves out libpq takes from its environment variables and passfile.
  // Several hosts are tried in their order, until one answers in whatever way that waiting does not
  // mend.
  static Result<std::unique_ptr<Connection>> Open(const std::string& url, const Options& options,
                                                  Trouble* trouble = nullptr);
  Connection(const Connection&) = delete;
  ~Connection() override;

  // Statements without parameters, separated by semicolons; how many rows the last one gave.
  Result<std::int64_t> Script(const std::string& sql);
  Result<std::int64_t> Run(std::string_view sql, const sql::Values& values = {}) override;
  Status Query(std::string_view sql, const sql::Values& values,
               const std::function<void(const sql::Row&)>& each) override;
  const sql::Dialect& dialect() const override;
  Status BeginRead() override;
  // Locks the row of audit_head, which every write of every panel does first.
  Status BeginWrite() override;
  // An error while outcome_unknown(): it may have been committed.
  Status Commit() override;
  void Rollback() override;
  // False after what makes it worth to begin again: see worth_another_try().
  bool InTransaction() const override;
  // A statement failed: until Rollback(), every other will.
  bool TransactionFailed() const;

  // The connection is of no more use.
  bool lost() const { return handle_ == nullptr; }
  // It was lost between the asking for a commit and the answer.
  bool outcome_unknown() const { return outcome_unknown_; }
  // Nothing was committed, and the same once more, on another connection if this one is lost(), may
  // well work.
  bool worth_another_try() const { return (lost() || serialization_) && !outcome_unknown_; }
  // Of the last error.
  Trouble trouble() const { return trouble_; }
  const Options& options() const { return options_; }
  // From now on; for migrations, which may take long.
  Status SetTimeouts(Millis statement, Millis lock);

  // The process of the server that serves this connection.
  int process() const;
  // What other connections sent on the channels that this one listens to (LISTEN), since the last
  // call: waits for the first of it for `longest`, or until the descriptor `stop` can be read.
  struct Notice {
    int process = 0;  // that sent it
    std::string payload;
  };
  Result<std::vector<Notice>> WaitForNotices(Millis longest, int stop);

  // Who else may use the database for as long as this connection is there. kUnavailable for
  // kWithOthers while somebody uses it alone, kConflict for kAlone while anybody uses it. What is
  // written alone is announced to nobody.
  enum class Use { kWithOthers, kAlone };
  Status Occupy(Use use);
  // kUnavailable, as a sentence, for a standby, or a server that was made read-only.
  Status CheckWritable();

 private:
  struct ClearResult {
    void operator()(pg_result* result) const;
  };
  using Answer = std::unique_ptr<pg_result, ClearResult>;
  enum class Sent { kYes, kNo };

  Connection(pg_conn* handle, const Options& options) : handle_(handle), options_(options) {}
  // Until the server has let it in, or why it has not.
  struct Failure {
    Trouble trouble = Trouble::kOther;
    std::string said;
  };
  std::optional<Failure> Reach(Millis longest);
  // What a session is to be; before that, whether the server and the database are.
  Status SetUp();
  Result<std::int64_t> Begin(const std::string& sql);
  Status Prepare(std::string_view sql, const sql::Values& values, std::string& name);
  Result<Answer> Execute(std::string_view sql, const sql::Values& values);
  // The last of the answers to what was sent, or the first error among them.
  Result<Answer> Receive(Sent sent, std::string_view doing);
  Status WaitForAnswer(SteadyTime deadline);
  void NoticeThatItIsLost();
  Error Fail(Trouble trouble, std::string_view said, std::string_view doing);
  Error FailOf(const pg_result* result, std::string_view doing);
  void Close();

  pg_conn* handle_;  // null: lost
  Options options_;
  std::map<std::string, std::string, std::less<>> statements_;  // by their text
  bool outcome_unknown_ = false;
  bool serialization_ = false;
  Trouble trouble_ = Trouble::kOther;
};

}  // namespace prov::store::postgresql
