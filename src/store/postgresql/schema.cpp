#include "store/postgresql/schema.hpp"

#include <fmt/format.h>

#include "store/sql/schema_version.hpp"

namespace prov::store::postgresql {
namespace {

// As SQLite's at its version 9, column by column. Numbers are BIGINT, flags too; ids are UUIDs;
// text is compared bytewise, whatever the database's locale. What programs say of themselves is
// BYTEA, since it may hold NUL, which TEXT cannot.
constexpr const char* kFounded = R"sql(
CREATE TABLE schema_version (
  one BIGINT PRIMARY KEY CHECK (one = 1), version BIGINT NOT NULL
);
INSERT INTO schema_version VALUES (1, 0);

CREATE TABLE jobs (
  id UUID PRIMARY KEY, app_id TEXT COLLATE "C" NOT NULL, app_version TEXT NOT NULL,
  installer_digest TEXT NOT NULL, server_id TEXT COLLATE "C" NOT NULL,
  action TEXT COLLATE "C" NOT NULL, inputs TEXT NOT NULL, sealed_inputs TEXT NOT NULL,
  max_attempts BIGINT NOT NULL, backoff_seconds BIGINT NOT NULL,
  user_id TEXT COLLATE "C" NOT NULL, origin TEXT NOT NULL, retry_of UUID,
  created_at BIGINT NOT NULL, status TEXT COLLATE "C" NOT NULL, status_reason BYTEA,
  attempt BIGINT NOT NULL, next_attempt_at BIGINT, exit_code BIGINT, signal BIGINT,
  failure_kind TEXT, needs_attention BIGINT NOT NULL, progress BIGINT, message BYTEA,
  dispatched_at BIGINT, started_at BIGINT, finished_at BIGINT, cancel_requested_at BIGINT,
  outputs TEXT NOT NULL, left_running TEXT NOT NULL, log TEXT NOT NULL,
  seq BIGINT NOT NULL, undelivered BIGINT NOT NULL, envelope BYTEA, sealed_ciphertext BYTEA,
  steps TEXT NOT NULL, known_failure TEXT
);
CREATE INDEX jobs_by_app ON jobs (app_id, id);
CREATE INDEX jobs_by_server ON jobs (server_id, id);
CREATE INDEX jobs_by_app_status ON jobs (app_id, status, id);
CREATE INDEX jobs_by_server_status ON jobs (server_id, status, id);
CREATE INDEX jobs_by_status ON jobs (status, id);
CREATE INDEX jobs_by_user ON jobs (user_id, id);
CREATE INDEX jobs_by_action ON jobs (action, id);
CREATE INDEX jobs_undelivered ON jobs (id) WHERE undelivered = 1;
CREATE INDEX jobs_undelivered_by_server ON jobs (server_id, id) WHERE undelivered = 1;
CREATE INDEX jobs_installed ON jobs (server_id, app_id, id)
  WHERE status = 'succeeded' AND action <> 'check';
CREATE INDEX jobs_installs ON jobs (app_id, id) WHERE status = 'succeeded' AND action = 'install';

CREATE TABLE changes (
  job_id UUID NOT NULL REFERENCES jobs (id), seq BIGINT NOT NULL, at BIGINT NOT NULL,
  attempt BIGINT NOT NULL, status TEXT NOT NULL, progress BIGINT, message BYTEA,
  cancel_requested_at BIGINT, log_first BIGINT, log_count BIGINT, log_bytes BYTEA,
  PRIMARY KEY (job_id, seq)
);
ALTER TABLE changes ALTER COLUMN log_bytes SET STORAGE EXTERNAL;
CREATE INDEX changes_log ON changes (job_id, attempt, log_first) WHERE log_first IS NOT NULL;

CREATE TABLE audit (
  sequence BIGINT PRIMARY KEY, at BIGINT NOT NULL, user_id TEXT COLLATE "C" NOT NULL,
  action TEXT COLLATE "C" NOT NULL, subject TEXT COLLATE "C" NOT NULL, detail TEXT NOT NULL,
  previous BYTEA NOT NULL, hash BYTEA NOT NULL
);
CREATE INDEX audit_by_user ON audit (user_id, sequence);
CREATE INDEX audit_by_action ON audit (action, sequence);
CREATE INDEX audit_by_subject ON audit (subject, sequence);
CREATE TABLE audit_head (
  one BIGINT PRIMARY KEY CHECK (one = 1), sequence BIGINT NOT NULL, hash BYTEA NOT NULL
);
INSERT INTO audit_head VALUES (1, 0, decode(repeat('00', 32), 'hex'));

CREATE TABLE agents (
  id TEXT COLLATE "C" PRIMARY KEY, registered_at BIGINT NOT NULL, key_generation BIGINT NOT NULL,
  epoch TEXT NOT NULL, sealing_key BYTEA NOT NULL, facts TEXT NOT NULL, last_seen_at BIGINT,
  drained BIGINT NOT NULL, warnings TEXT NOT NULL, previous_generation BIGINT NOT NULL,
  offered_generation BIGINT NOT NULL, cloned_since BIGINT, cloned_evidence TEXT NOT NULL,
  refused TEXT NOT NULL
);
CREATE TABLE agent_events (
  agent_id TEXT COLLATE "C" NOT NULL, epoch TEXT COLLATE "C" NOT NULL, sequence BIGINT NOT NULL,
  hash BYTEA NOT NULL, PRIMARY KEY (agent_id, epoch)
);
CREATE TABLE agent_event_hashes (
  agent_id TEXT COLLATE "C" NOT NULL, epoch TEXT COLLATE "C" NOT NULL, sequence BIGINT NOT NULL,
  hash BYTEA NOT NULL, PRIMARY KEY (agent_id, epoch, sequence)
);

CREATE TABLE commands (
  id UUID PRIMARY KEY, agent_id TEXT COLLATE "C" NOT NULL, kind TEXT NOT NULL, job_id UUID,
  bytes BYTEA NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL
);
CREATE INDEX commands_by_agent ON commands (agent_id, id);

CREATE TABLE replays (
  user_id TEXT COLLATE "C" NOT NULL, idempotency_key TEXT COLLATE "C" NOT NULL,
  made_at BIGINT NOT NULL, body_mac BYTEA NOT NULL, status BIGINT NOT NULL, location TEXT NOT NULL,
  body BYTEA NOT NULL, PRIMARY KEY (user_id, idempotency_key)
);
CREATE INDEX replays_by_time ON replays (made_at);

CREATE TABLE api_tokens (
  id UUID PRIMARY KEY, hash BYTEA NOT NULL UNIQUE, name TEXT NOT NULL,
  user_id TEXT COLLATE "C" NOT NULL, scopes TEXT NOT NULL, created_at BIGINT NOT NULL,
  expires_at BIGINT, last_used_at BIGINT, revoked_at BIGINT
);
CREATE TABLE enrolment_tokens (
  id UUID PRIMARY KEY, hash BYTEA NOT NULL UNIQUE, agent_id TEXT NOT NULL, purpose TEXT NOT NULL,
  created_by TEXT NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, used_at BIGINT
);

CREATE TABLE users (
  id UUID PRIMARY KEY, name TEXT COLLATE "C" NOT NULL UNIQUE, password_hash TEXT NOT NULL,
  role TEXT NOT NULL, disabled BIGINT NOT NULL, created_at BIGINT NOT NULL, last_seen_at BIGINT,
  preferences TEXT NOT NULL
);
CREATE TABLE sessions (
  hash BYTEA PRIMARY KEY, user_id UUID NOT NULL REFERENCES users (id), created_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL, expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);

CREATE TABLE app_statistics (
  app_id TEXT COLLATE "C" PRIMARY KEY, jobs BIGINT NOT NULL, succeeded BIGINT NOT NULL,
  failed BIGINT NOT NULL, last_used_at BIGINT NOT NULL
);
)sql";

constexpr const char* kClaims = R"sql(
ALTER TABLE jobs ADD COLUMN claimed_user_id TEXT;
)sql";

// Sent with the commit; what one transaction says twice is sent once. See listener.hpp. That an
// agent was seen is announced to nobody: it happens to each of them every few seconds. Nor is what
// a move writes (Connection::Occupy), which would fill the server's queue of announcements.
constexpr const char* kAnnouncements = R"sql(
CREATE FUNCTION announce_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_notify('provisioning_panel', 'job ' || NEW.job_id); RETURN NULL; END $$;
CREATE TRIGGER changes_announced AFTER INSERT ON changes FOR EACH ROW
  WHEN (current_setting('provisioning.silent', true) IS DISTINCT FROM 'on')
  EXECUTE FUNCTION announce_change();

CREATE FUNCTION announce_job_to_deliver() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_notify('provisioning_panel', 'deliver ' || NEW.server_id); RETURN NULL; END $$;
CREATE TRIGGER jobs_announced AFTER INSERT ON jobs FOR EACH ROW
  WHEN (NEW.undelivered = 1 AND current_setting('provisioning.silent', true) IS DISTINCT FROM 'on')
  EXECUTE FUNCTION announce_job_to_deliver();

CREATE FUNCTION announce_command() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_notify('provisioning_panel', 'deliver ' || NEW.agent_id); RETURN NULL; END $$;
CREATE TRIGGER commands_announced AFTER INSERT ON commands FOR EACH ROW
  WHEN (current_setting('provisioning.silent', true) IS DISTINCT FROM 'on')
  EXECUTE FUNCTION announce_command();

CREATE FUNCTION announce_servers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_notify('provisioning_panel', 'servers'); RETURN NULL; END $$;
CREATE TRIGGER agents_announced AFTER INSERT OR UPDATE OF facts ON agents FOR EACH ROW
  WHEN (current_setting('provisioning.silent', true) IS DISTINCT FROM 'on')
  EXECUTE FUNCTION announce_servers();
)sql";

constexpr const char* kAttempts = R"sql(
CREATE TABLE sign_in_attempts (
  hash BYTEA PRIMARY KEY, attempts BIGINT NOT NULL, since BIGINT NOT NULL
);
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
ALTER TABLE jobs ADD COLUMN log_removed_at BIGINT;
)sql";

// Of ten million jobs some thousands of a server's are one application's, and few of an application
// that failed are one user's.
constexpr const char* kTogether = R"sql(
DROP INDEX jobs_by_server;
CREATE INDEX jobs_by_server ON jobs (server_id, id, app_id, user_id, action);
DROP INDEX jobs_by_app_status;
CREATE INDEX jobs_by_app_status ON jobs (app_id, status, id, user_id, action);
)sql";

// A number that no other program locks in this database: "provsch" in ASCII.
constexpr std::int64_t kMigrationLock = 0x70726f76'736368;
constexpr Millis kLongestMigration = std::chrono::hours{1};

std::int64_t Newest() { return static_cast<std::int64_t>(MigrationSteps().size()); }

Result<std::int64_t> Version(Connection& connection) {
  bool founded = false;
  // Not to_regclass(): it answers from a cache, which does not know yet what another process made
  // while this one waited for the lock.
  PROV_CHECK(connection.Query(
      "SELECT count(*) FROM pg_class WHERE relname = 'schema_version' AND pg_table_is_visible(oid)",
      {}, [&](const sql::Row& row) { founded = row.Int(0) != 0; }));
  std::int64_t version = 0;
  if (!founded) return version;
  PROV_CHECK(connection.Query("SELECT version FROM schema_version", {},
                              [&](const sql::Row& row) { version = row.Int(0); }));
  PROV_CHECK(sql::CheckNotNewer(version, Newest()));
  return version;
}

Status RunSteps(Connection& connection) {
  PROV_CHECK(connection.Script(fmt::format("SELECT pg_advisory_xact_lock({})", kMigrationLock)));
  const auto steps = MigrationSteps();
  // Another process may have done them in the meantime.
  PROV_TRY(const auto version, Version(connection));
  for (auto step = static_cast<std::size_t>(version); step < steps.size(); ++step)
    PROV_CHECK(connection.Script(steps[step]));
  PROV_CHECK(
      connection.Script(fmt::format("UPDATE schema_version SET version = {}", steps.size())));
  return {};
}

Status MigrateNow(Connection& connection) {
  const auto usual = connection.options();
  PROV_CHECK(connection.SetTimeouts(kLongestMigration, kLongestMigration));
  // Each statement sees what was committed before it: what the process before this one did.
  PROV_CHECK(connection.Script("BEGIN ISOLATION LEVEL READ COMMITTED"));
  if (auto done = RunSteps(connection); done.has_error()) {
    connection.Rollback();
    return done;
  }
  PROV_CHECK(connection.Commit());
  return connection.SetTimeouts(usual.statement_timeout, usual.lock_timeout);
}

}  // namespace

std::span<const std::string> MigrationSteps() {
  static const std::vector<std::string> steps{kFounded, kClaims,      kAnnouncements, kAttempts,
                                              kFilters, kLogRemovals, kTogether};
  return steps;
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
  const auto version = Version(connection);
  if (version && *version == static_cast<std::int64_t>(MigrationSteps().size())) return {};
  auto done = version ? MigrateNow(connection) : Status(version.error());
  if (done.has_error()) return std::move(done).error().While("migrating the database");
  return {};
}

}  // namespace prov::store::postgresql
