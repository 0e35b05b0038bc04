// All that the memory store holds, and the aggregates over it.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "store/database.hpp"

namespace prov::store::memory {

struct JobRow {
  job::Record record;
  std::string envelope;
  std::string sealed_ciphertext;
  bool undelivered = true;
  std::vector<Change> changes;
  bool counted = true;  // in the statistics of its app
};

struct KeptReplay {
  Replay replay;
  WallTime made_at{};
};

struct State {
  std::map<Uuid, JobRow> jobs;
  std::map<std::string, AppStatistics> removed;  // by app, what jobs that are gone count for
  std::vector<AuditEntry> audit;
  std::map<std::string, Agent> agents;
  std::map<std::pair<std::string, std::string>, EventPosition> positions;
  std::map<std::pair<std::string, std::string>, std::map<std::uint64_t, std::string>> event_hashes;
  std::map<Uuid, Command> commands;
  std::map<std::pair<std::string, std::string>, KeptReplay> replays;  // by user and key
  std::map<Uuid, ApiToken> tokens;
  std::map<Uuid, EnrolmentToken> enrolments;
  std::map<Uuid, User> users;
  std::map<std::string, Session> sessions;       // by hash
  std::map<std::string, AttemptCount> attempts;  // by hash
};

// A state that a transaction works on.
struct View {
  State& state;
  bool writable = false;
  Status CheckWritable() const;
};

class MemoryJobs final : public Jobs {
 public:
  explicit MemoryJobs(View view) : view_(view) {}
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
  Result<Removal> RemoveEnded(const std::optional<Uuid>& after, WallTime before, WallTime now,
                              std::size_t limit) override;
  Result<Removal> RemoveLogs(const std::optional<Uuid>& after, WallTime before, WallTime now,
                             std::size_t limit) override;
  Result<std::optional<Uuid>> FirstOf(Among among, const std::optional<Uuid>& after,
                                      WallTime before) override;
  Result<std::vector<Uuid>> Waiting(const std::string& server_id, std::size_t limit) override;
  Result<std::vector<StatusCount>> CountByAppAndStatus() override;
  Result<std::vector<ServerCount>> QueueDepth() override;

 private:
  Result<JobRow*> ToWrite(const Uuid& id);
  View view_;
};

class MemoryChanges final : public Changes {
 public:
  explicit MemoryChanges(View view) : view_(view) {}
  Result<std::vector<Change>> After(const Actor& actor, const Uuid& job_id, std::uint64_t seq,
                                    std::size_t limit) override;
  Result<std::uint64_t> Newest(const Actor& actor, const Uuid& job_id) override;
  Result<std::vector<LogChunk>> Log(const Actor& actor, const Uuid& job_id, std::uint32_t attempt,
                                    std::uint64_t from_line, std::size_t limit) override;

 private:
  View view_;
};

class MemoryAudit final : public Audit {
 public:
  explicit MemoryAudit(View view) : view_(view) {}
  Result<std::uint64_t> Append(const AuditEvent& event) override;
  Result<std::vector<AuditEntry>> After(const Actor& actor, std::uint64_t sequence,
                                        std::size_t limit) override;
  Result<std::vector<AuditEntry>> List(const Actor& actor, const AuditFilter& filter,
                                       const std::optional<std::uint64_t>& before,
                                       std::size_t limit) override;
  Result<AuditHead> Head() override;

 private:
  View view_;
};

class MemoryAgents final : public Agents {
 public:
  explicit MemoryAgents(View view) : view_(view) {}
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
  View view_;
};

class MemoryCommands final : public Commands {
 public:
  explicit MemoryCommands(View view) : view_(view) {}
  Status Insert(const Command& command) override;
  Result<std::vector<std::string>> AgentsWithPending() override;
  Result<std::vector<Command>> Pending(const std::string& agent_id, std::size_t limit) override;
  Status Confirm(const Uuid& id) override;
  Result<std::uint64_t> RemoveExpired(WallTime now) override;

 private:
  View view_;
};

class MemoryReplays final : public Replays {
 public:
  explicit MemoryReplays(View view) : view_(view) {}
  Result<std::optional<Replay>> Find(const Actor& actor, const std::string& key,
                                     WallTime now) override;
  Status Keep(const Actor& actor, const std::string& key, const Replay& replay,
              WallTime now) override;

 private:
  View view_;
};

class MemoryTokens final : public Tokens {
 public:
  explicit MemoryTokens(View view) : view_(view) {}
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
  View view_;
};

class MemoryUsers final : public Users {
 public:
  explicit MemoryUsers(View view) : view_(view) {}
  Status Insert(const User& user) override;
  Result<User> Get(const Uuid& id) override;
  Result<User> FindByName(const std::string& name) override;
  Result<std::vector<User>> List() override;
  Status Update(const User& user) override;
  Status Seen(const Uuid& id, WallTime at) override;
  Status Remove(const Uuid& id) override;

 private:
  View view_;
};

class MemorySessions final : public Sessions {
 public:
  explicit MemorySessions(View view) : view_(view) {}
  Status Insert(const Session& session) override;
  Result<Session> Find(const std::string& hash) override;
  Status Seen(const std::string& hash, WallTime at) override;
  Status Remove(const std::string& hash) override;
  Result<std::uint64_t> RemoveOf(const Uuid& user_id, const std::string& except) override;
  Result<std::uint64_t> RemoveExpired(WallTime now, WallTime seen_before) override;

 private:
  View view_;
};

class MemoryAttempts final : public Attempts {
 public:
  explicit MemoryAttempts(View view) : view_(view) {}
  Result<std::optional<AttemptCount>> Find(const std::string& hash) override;
  Status Keep(const std::string& hash, const AttemptCount& count) override;
  Status Remove(const std::string& hash) override;
  Result<std::uint64_t> RemoveOld(WallTime since) override;

 private:
  View view_;
};

}  // namespace prov::store::memory
