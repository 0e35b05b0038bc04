// The aggregates over one connection, inside a transaction that somebody else began.
#pragma once

#include "store/database.hpp"
#include "store/sql/connection.hpp"

namespace prov::store::sql {

class SqlJobs final : public Jobs {
 public:
  explicit SqlJobs(Connection& connection) : connection_(connection) {}
  Status Insert(const Creation& creation) override;
  Result<job::Record> Get(const Actor& actor, const Uuid& id) override;
  Result<std::vector<job::Record>> List(const Actor& actor, const JobFilter& filter,
                                        const std::optional<Uuid>& before,
                                        std::size_t limit) override;
  Result<std::uint64_t> Apply(const Expected& expected, job::Party by, const job::Record& next,
                              WallTime at, const std::optional<LogChunk>& log) override;
  Status SetEnvelope(const Uuid& id, const std::string& envelope) override;
  Status ReplaceEnvelope(const Uuid& id, const std::string& envelope) override;
  Result<std::optional<Delivery>> GetDelivery(const Uuid& id) override;
  Status ForgetSealed(const Uuid& id) override;
  Result<std::vector<std::string>> ServersWithUndelivered() override;
  Result<std::vector<Delivery>> Undelivered(const std::string& server_id,
                                            std::size_t limit) override;
  Result<std::optional<WallTime>> OldestUndelivered() override;
  Status SetUndelivered(const Uuid& id, bool undelivered) override;
  Result<std::vector<std::string>> ServersWithUnacknowledged(WallTime before) override;
  Result<std::vector<Delivery>> Unacknowledged(const std::string& server_id, WallTime before,
                                               std::size_t limit) override;
  Result<std::vector<job::Record>> Unsettled(const std::string& server_id,
                                             std::size_t limit) override;
  Result<std::vector<AppStatistics>> Statistics(const std::vector<std::string>& app_ids) override;
  Result<std::map<job::Status, std::uint64_t>> Counts(const Actor& actor,
                                                      const JobFilter& filter) override;
  Result<std::vector<job::Record>> Installed(const Actor& actor, const std::string& server_id,
                                             const std::string& app_id) override;
  Result<std::vector<JobOutline>> Outlines(const Actor& actor, WallTime since,
                                           std::size_t limit) override;
  Result<std::vector<Uuid>> Waiting(const std::string& server_id, std::size_t limit) override;
  Result<Removal> RemoveEnded(const std::optional<Uuid>& after, WallTime before, WallTime now,
                              std::size_t limit) override;
  Result<Removal> RemoveLogs(const std::optional<Uuid>& after, WallTime before, WallTime now,
                             std::size_t limit) override;
  Result<std::optional<Uuid>> FirstOf(Among among, const std::optional<Uuid>& after,
                                      WallTime before) override;
  Result<std::vector<StatusCount>> CountByAppAndStatus() override;
  Result<std::vector<ServerCount>> QueueDepth() override;

 private:
  Connection& connection_;
};

class SqlChanges final : public Changes {
 public:
  explicit SqlChanges(Connection& connection) : connection_(connection) {}
  // Used by SqlJobs in the same transaction.
  Status Append(const Change& change);
  Result<std::vector<Change>> After(const Actor& actor, const Uuid& job_id, std::uint64_t seq,
                                    std::size_t limit) override;
  Result<std::uint64_t> Newest(const Actor& actor, const Uuid& job_id) override;
  Result<std::vector<LogChunk>> Log(const Actor& actor, const Uuid& job_id, std::uint32_t attempt,
                                    std::uint64_t from_line, std::size_t limit) override;

 private:
  Connection& connection_;
};

class SqlAudit final : public Audit {
 public:
  explicit SqlAudit(Connection& connection) : connection_(connection) {}
  Result<std::uint64_t> Append(const AuditEvent& event) override;
  Result<std::vector<AuditEntry>> After(const Actor& actor, std::uint64_t sequence,
                                        std::size_t limit) override;
  Result<std::vector<AuditEntry>> List(const Actor& actor, const AuditFilter& filter,
                                       const std::optional<std::uint64_t>& before,
                                       std::size_t limit) override;
  Result<AuditHead> Head() override;

 private:
  Connection& connection_;
};

class SqlAgents final : public Agents {
 public:
  explicit SqlAgents(Connection& connection) : connection_(connection) {}
  Status Insert(const Agent& agent) override;
  Status Update(const Agent& agent, std::uint32_t expected_generation) override;
  Result<Agent> Get(const Actor& actor, const std::string& id) override;
  Result<std::vector<Agent>> List(const Actor& actor) override;
  Status Seen(const std::string& id, WallTime at) override;
  Result<EventPosition> Position(const std::string& id, const std::string& epoch) override;
  Status Advance(const std::string& id, const std::string& epoch, std::uint64_t from,
                 const EventPosition& to) override;
  Result<std::map<std::uint64_t, std::string>> EventHashes(const std::string& id,
                                                           const std::string& epoch,
                                                           std::uint64_t first,
                                                           std::uint64_t last) override;
  Status KeepHashes(const std::string& id, const std::string& epoch,
                    const std::vector<EventPosition>& applied) override;

 private:
  Connection& connection_;
};

class SqlCommands final : public Commands {
 public:
  explicit SqlCommands(Connection& connection) : connection_(connection) {}
  Status Insert(const Command& command) override;
  Result<std::vector<std::string>> AgentsWithPending() override;
  Result<std::vector<Command>> Pending(const std::string& agent_id, std::size_t limit) override;
  Status Confirm(const Uuid& id) override;
  Result<std::uint64_t> RemoveExpired(WallTime now) override;

 private:
  Connection& connection_;
};

class SqlReplays final : public Replays {
 public:
  explicit SqlReplays(Connection& connection) : connection_(connection) {}
  Result<std::optional<Replay>> Find(const Actor& actor, const std::string& key,
                                     WallTime now) override;
  Status Keep(const Actor& actor, const std::string& key, const Replay& replay,
              WallTime now) override;

 private:
  Connection& connection_;
};

class SqlTokens final : public Tokens {
 public:
  explicit SqlTokens(Connection& connection) : connection_(connection) {}
  Status Insert(const ApiToken& token) override;
  Result<ApiToken> FindByHash(const std::string& hash) override;
  Result<std::vector<ApiToken>> List(const Actor& actor) override;
  Status Revoke(const Actor& actor, const Uuid& id, WallTime at) override;
  Result<std::uint64_t> RevokeOf(const std::string& user_id, WallTime at) override;
  Status Used(const Uuid& id, WallTime at) override;
  Status InsertEnrolment(const EnrolmentToken& token) override;
  Result<EnrolmentToken> FindEnrolment(const std::string& hash) override;
  Result<EnrolmentToken> UseEnrolment(const std::string& hash, const std::string& agent_id,
                                      WallTime now) override;

 private:
  Connection& connection_;
};

class SqlUsers final : public Users {
 public:
  explicit SqlUsers(Connection& connection) : connection_(connection) {}
  Status Insert(const User& user) override;
  Result<User> Get(const Uuid& id) override;
  Result<User> FindByName(const std::string& name) override;
  Result<std::vector<User>> List() override;
  Status Update(const User& user) override;
  Status Seen(const Uuid& id, WallTime at) override;
  Status Remove(const Uuid& id) override;

 private:
  Connection& connection_;
};

class SqlSessions final : public Sessions {
 public:
  explicit SqlSessions(Connection& connection) : connection_(connection) {}
  Status Insert(const Session& session) override;
  Result<Session> Find(const std::string& hash) override;
  Status Seen(const std::string& hash, WallTime at) override;
  Status Remove(const std::string& hash) override;
  Result<std::uint64_t> RemoveOf(const Uuid& user_id, const std::string& except) override;
  Result<std::uint64_t> RemoveExpired(WallTime now, WallTime seen_before) override;

 private:
  Connection& connection_;
};

class SqlAttempts final : public Attempts {
 public:
  explicit SqlAttempts(Connection& connection) : connection_(connection) {}
  Result<std::optional<AttemptCount>> Find(const std::string& hash) override;
  Status Keep(const std::string& hash, const AttemptCount& count) override;
  Status Remove(const std::string& hash) override;
  Result<std::uint64_t> RemoveOld(WallTime since) override;

 private:
  Connection& connection_;
};

class SqlTransaction final : public Transaction {
 public:
  explicit SqlTransaction(Connection& connection)
      : jobs_(connection),
        changes_(connection),
        audit_(connection),
        agents_(connection),
        commands_(connection),
        replays_(connection),
        tokens_(connection),
        users_(connection),
        sessions_(connection),
        attempts_(connection) {}
  Jobs& jobs() override { return jobs_; }
  Changes& changes() override { return changes_; }
  Audit& audit() override { return audit_; }
  Agents& agents() override { return agents_; }
  Commands& commands() override { return commands_; }
  Replays& replays() override { return replays_; }
  Tokens& tokens() override { return tokens_; }
  Users& users() override { return users_; }
  Sessions& sessions() override { return sessions_; }
  Attempts& attempts() override { return attempts_; }

 private:
  SqlJobs jobs_;
  SqlChanges changes_;
  SqlAudit audit_;
  SqlAgents agents_;
  SqlCommands commands_;
  SqlReplays replays_;
  SqlTokens tokens_;
  SqlUsers users_;
  SqlSessions sessions_;
  SqlAttempts attempts_;
};

}  // namespace prov::store::sql
