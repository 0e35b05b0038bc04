#include "store/sqlite/schema.hpp"

#include <fmt/format.h>

#include "store/sql/schema_version.hpp"

namespace prov::store::sqlite {
namespace {

// Ids are 16 bytes, which sort as the UUIDs do; times are milliseconds since 1970 UTC.
constexpr const char* kJobs = R"sql(
CREATE TABLE jobs (
  id BLOB PRIMARY KEY, app_id TEXT NOT NULL, app_version TEXT NOT NULL,
  installer_digest TEXT NOT NULL, server_id TEXT NOT NULL, action TEXT NOT NULL,
  inputs TEXT NOT NULL, sealed_inputs TEXT NOT NULL,
  max_attempts INTEGER NOT NULL, backoff_seconds INTEGER NOT NULL,
  user_id TEXT NOT NULL, origin TEXT NOT NULL, retry_of BLOB, created_at INTEGER NOT NULL,
  status TEXT NOT NULL, status_reason TEXT, attempt INTEGER NOT NULL, next_attempt_at INTEGER,
  exit_code INTEGER, signal INTEGER, failure_kind TEXT, needs_attention INTEGER NOT NULL,
  progress INTEGER, message TEXT, dispatched_at INTEGER, started_at INTEGER, finished_at INTEGER,
  cancel_requested_at INTEGER, outputs TEXT NOT NULL, left_running TEXT NOT NULL,
  log TEXT NOT NULL,
  seq INTEGER NOT NULL, undelivered INTEGER NOT NULL, envelope BLOB, sealed_ciphertext BLOB,
  idempotency_key TEXT, body_mac BLOB, response BLOB
);
CREATE INDEX jobs_by_app ON jobs (app_id, id);
CREATE INDEX jobs_by_server ON jobs (server_id, id);
CREATE INDEX jobs_by_app_status ON jobs (app_id, status, id);
CREATE INDEX jobs_by_server_status ON jobs (server_id, status, id);
CREATE INDEX jobs_by_status ON jobs (status, id);
CREATE INDEX jobs_by_user ON jobs (user_id, id);
CREATE INDEX jobs_undelivered ON jobs (id) WHERE undelivered = 1;
CREATE UNIQUE INDEX jobs_idempotency ON jobs (user_id, idempotency_key)
  WHERE idempotency_key IS NOT NULL;

CREATE TABLE changes (
  job_id BLOB NOT NULL REFERENCES jobs (id), seq INTEGER NOT NULL, at INTEGER NOT NULL,
  attempt INTEGER NOT NULL, status TEXT NOT NULL, progress INTEGER, message TEXT,
  cancel_requested_at INTEGER, log_first INTEGER, log_count INTEGER, log_bytes BLOB,
  PRIMARY KEY (job_id, seq)
);
CREATE INDEX changes_log ON changes (job_id, attempt, log_first) WHERE log_first IS NOT NULL;

CREATE TABLE audit (
  sequence INTEGER PRIMARY KEY, at INTEGER NOT NULL, user_id TEXT NOT NULL, action TEXT NOT NULL,
  subject TEXT NOT NULL, detail TEXT NOT NULL, previous BLOB NOT NULL, hash BLOB NOT NULL
);
CREATE TABLE audit_head (only INTEGER PRIMARY KEY CHECK (only = 1), sequence INTEGER NOT NULL,
                         hash BLOB NOT NULL);
INSERT INTO audit_head VALUES (1, 0, zeroblob(32));

CREATE TABLE agents (
  id TEXT PRIMARY KEY, registered_at INTEGER NOT NULL, key_generation INTEGER NOT NULL,
  epoch TEXT NOT NULL, sealing_key BLOB NOT NULL, facts TEXT NOT NULL, last_seen_at INTEGER,
  drained INTEGER NOT NULL, warnings TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE agent_events (
  agent_id TEXT NOT NULL, epoch TEXT NOT NULL, sequence INTEGER NOT NULL, hash BLOB NOT NULL,
  PRIMARY KEY (agent_id, epoch)
) WITHOUT ROWID;

CREATE TABLE api_tokens (
  id BLOB PRIMARY KEY, hash BLOB NOT NULL UNIQUE, name TEXT NOT NULL, user_id TEXT NOT NULL,
  scopes TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER, last_used_at INTEGER,
  revoked_at INTEGER
);
CREATE TABLE enrolment_tokens (
  id BLOB PRIMARY KEY, hash BLOB NOT NULL UNIQUE, agent_id TEXT NOT NULL, purpose TEXT NOT NULL,
  created_by TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
  used_at INTEGER
);
)sql";

constexpr const char* kCommands = R"sql(
CREATE TABLE commands (
  id BLOB PRIMARY KEY, agent_id TEXT NOT NULL, kind TEXT NOT NULL, job_id BLOB,
  bytes BLOB NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL
);
CREATE INDEX commands_by_agent ON commands (agent_id, id);
)sql";

constexpr const char* kUndeliveredByServer = R"sql(
CREATE INDEX jobs_undelivered_by_server ON jobs (server_id, id) WHERE undelivered = 1;
)sql";

constexpr const char* kIdentities = R"sql(
ALTER TABLE agents ADD COLUMN previous_generation INTEGER NOT NULL DEFAULT 0;
ALTER TABLE agents ADD COLUMN offered_generation INTEGER NOT NULL DEFAULT 0;
ALTER TABLE agents ADD COLUMN cloned_since INTEGER;
ALTER TABLE agents ADD COLUMN cloned_evidence TEXT NOT NULL DEFAULT '';
ALTER TABLE agents ADD COLUMN refused TEXT NOT NULL DEFAULT '';
CREATE TABLE agent_event_hashes (
  agent_id TEXT NOT NULL, epoch TEXT NOT NULL, sequence INTEGER NOT NULL, hash BLOB NOT NULL,
  PRIMARY KEY (agent_id, epoch, sequence)
) WITHOUT ROWID;
)sql";

// Keys given before this step are forgotten: what they were answered was not kept.
constexpr const char* kReplays = R"sql(
CREATE TABLE replays (
  user_id TEXT NOT NULL, idempotency_key TEXT NOT NULL, made_at INTEGER NOT NULL,
  body_mac BLOB NOT NULL, status INTEGER NOT NULL, location TEXT NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (user_id, idempotency_key)
);
CREATE INDEX replays_by_time ON replays (made_at);
DROP INDEX jobs_idempotency;
ALTER TABLE jobs DROP COLUMN idempotency_key;
ALTER TABLE jobs DROP COLUMN body_mac;
ALTER TABLE jobs DROP COLUMN response;
)sql";

constexpr const char* kPeople = R"sql(
CREATE TABLE users (
  id BLOB PRIMARY KEY, name TEXT NOT NULL UNIQUE, password_hash TEXT NOT NULL, role TEXT NOT NULL,
  disabled INTEGER NOT NULL, created_at INTEGER NOT NULL, last_seen_at INTEGER,
  preferences TEXT NOT NULL
);
CREATE TABLE sessions (
  hash BLOB PRIMARY KEY, user_id BLOB NOT NULL REFERENCES users (id), created_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL, expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user_id);
)sql";

// The statistics begin with the jobs there are.
constexpr const char* kFigures = R"sql(
CREATE TABLE app_statistics (
  app_id TEXT PRIMARY KEY, jobs INTEGER NOT NULL, succeeded INTEGER NOT NULL,
  failed INTEGER NOT NULL, last_used_at INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO app_statistics SELECT app_id, count(*), sum(status = 'succeeded'),
  sum(status IN ('failed', 'timed_out')), max(created_at) FROM jobs GROUP BY app_id;
CREATE INDEX jobs_installed ON jobs (server_id, app_id, id)
  WHERE status = 'succeeded' AND action <> 'check';
CREATE INDEX audit_by_user ON audit (user_id, sequence);
CREATE INDEX audit_by_action ON audit (action, sequence);
CREATE INDEX audit_by_subject ON audit (subject, sequence);
)sql";

constexpr const char* kSteps = R"sql(
ALTER TABLE jobs ADD COLUMN steps TEXT NOT NULL DEFAULT '[]';
ALTER TABLE jobs ADD COLUMN known_failure TEXT;
)sql";

// Beside hourly checks the installs of an app are few.
constexpr const char* kInstalls = R"sql(
CREATE INDEX jobs_installs ON jobs (app_id, id) WHERE status = 'succeeded' AND action = 'install';
CREATE INDEX jobs_by_action ON jobs (action, id);
)sql";

constexpr const char* kClaims = R"sql(
ALTER TABLE jobs ADD COLUMN claimed_user_id TEXT;
)sql";

constexpr const char* kAttempts = R"sql(
CREATE TABLE sign_in_attempts (
  hash BLOB PRIMARY KEY, attempts INTEGER NOT NULL, since INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sign_in_attempts_by_time ON sign_in_attempts (since);
)sql";

// A list by one column is filtered by others within its index: of a long history only what is shown
// is read (docs/operations/history.md). What is added never changes, so that a job's life costs no
// more.
constexpr const char* kFilters = R"sql(
DROP INDEX jobs_by_app;
CREATE INDEX jobs_by_app ON jobs (app_id, id, user_id, action);
DROP INDEX jobs_by_server;
CREATE INDEX jobs_by_server ON jobs (server_id, id, user_id, action);
DROP INDEX jobs_by_status;
CREATE INDEX jobs_by_status ON jobs (status, id, user_id, action);
DROP INDEX jobs_by_user;
CREATE INDEX jobs_by_user ON jobs (user_id, id, action);
)sql";

constexpr const char* kLogRemovals = R"sql(
ALTER TABLE jobs ADD COLUMN log_removed_at INTEGER;
)sql";

// Of ten million jobs some thousands of a server's are one application's, and few of an application
// that failed are one user's.
constexpr const char* kTogether = R"sql(
DROP INDEX jobs_by_server;
CREATE INDEX jobs_by_server ON jobs (server_id, id, app_id, user_id, action);
DROP INDEX jobs_by_app_status;
CREATE INDEX jobs_by_app_status ON jobs (app_id, status, id, user_id, action);
)sql";

std::int64_t Newest() { return static_cast<std::int64_t>(MigrationSteps().size()); }

// kUnsupported for a newer one.
Result<std::int64_t> Version(Connection& connection) {
  std::int64_t version = 0;
  PROV_CHECK(
      connection.Query("PRAGMA user_version", {}, [&](const Row& row) { version = row.Int(0); }));
  PROV_CHECK(sql::CheckNotNewer(version, Newest()));
  return version;
}

Status RunSteps(Connection& connection) {
  const auto steps = MigrationSteps();
  const auto newest = static_cast<std::int64_t>(steps.size());
  PROV_TRY(const auto version, Version(connection));
  for (auto step = version; step < newest; ++step) {
    PROV_CHECK(connection.Script(steps[static_cast<std::size_t>(step)]));
  }
  return connection.Script(fmt::format("PRAGMA user_version={};", newest));
}

}  // namespace

std::span<const std::string> MigrationSteps() {
  static const std::vector<std::string> steps{kJobs,        kCommands, kUndeliveredByServer,
                                              kIdentities,  kReplays,  kPeople,
                                              kFigures,     kSteps,    kInstalls,
                                              kClaims,      kAttempts, kFilters,
                                              kLogRemovals, kTogether};
  return steps;
}

Status CheckVersion(Connection& connection) {
  PROV_CHECK(Version(connection));
  return {};
}

Status CheckSameVersion(Connection& connection) {
  PROV_TRY(const auto version, Version(connection));
  return sql::CheckSameVersion(version, Newest());
}

Status Found(Connection& connection) {
  PROV_TRY(const auto version, Version(connection));
  return version == 0 ? Migrate(connection) : sql::CheckSameVersion(version, Newest());
}

Status Migrate(Connection& connection) {
  PROV_CHECK(connection.Script("BEGIN IMMEDIATE"));
  if (auto done = RunSteps(connection); done.has_error()) {
    if (connection.InTransaction()) PROV_CHECK(connection.Script("ROLLBACK"));
    return std::move(done).error().While("migrating the database");
  }
  return connection.Script("COMMIT");
}

}  // namespace prov::store::sqlite
