// What only SQLite's store can show: durability, group commit, a busy or full file, migrations.
#include "store/sqlite/database.hpp"

#include <csignal>
#include <latch>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "store/audit_chain_test.hpp"
#include "store/sqlite/connection.hpp"
#include "store/sqlite/schema.hpp"
#include "support/temporary_directory.hpp"

namespace prov::store::sqlite {
namespace {

class SqliteStore : public testing::Test {
 protected:
  Path File() const { return directory_.path() / "data" / "panel.db"; }
  std::unique_ptr<SqliteDatabase> Open(Options options = {}) {
    options.path = File();
    auto opened = SqliteDatabase::Open(options);
    EXPECT_TRUE(opened) << opened.error().ToString();
    return std::move(*opened);
  }
  std::unique_ptr<Connection> Raw() {
    std::filesystem::create_directories(File().parent_path());
    return *Connection::Open(File(), {.busy_timeout = Millis{50}});
  }
  static Status AppendAudit(Transaction& transaction, const std::string& subject) {
    PROV_CHECK(transaction.audit().Append({WallTime{}, "ann", "test", subject, {}}));
    return {};
  }
  static Status Append(Database& database, const std::string& subject) {
    return database.Write([&](Transaction& t) { return AppendAudit(t, subject); });
  }
  static std::uint64_t Entries(Database& database) {
    return database.Read([](Transaction& t) { return t.audit().Head(); })->sequence;
  }

  test::TemporaryDirectory directory_;
};

TEST_F(SqliteStore, FileAndDirectory_ArePrivate) {
  const auto database = Open();
  struct stat file{};
  struct stat directory{};
  ASSERT_EQ(stat(File().c_str(), &file), 0);
  ASSERT_EQ(stat(File().parent_path().c_str(), &directory), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
  EXPECT_EQ(directory.st_mode & 0777, 0700u);
  ASSERT_EQ(stat((File().string() + "-wal").c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
}

TEST_F(SqliteStore, AnotherProcessThatComesAndGoes_LeavesTheLogAlone) {
  const auto database = Open();
  struct stat before{};
  struct stat after{};
  const auto log = File().string() + "-wal";
  ASSERT_EQ(stat(log.c_str(), &before), 0);
  const auto command = "sqlite3 " + File().string() + " 'SELECT count(*) FROM jobs' >/dev/null";
  ASSERT_EQ(std::system(command.c_str()), 0);
  ASSERT_EQ(stat(log.c_str(), &after), 0) << "what is committed from now on would be lost";
  EXPECT_EQ(before.st_ino, after.st_ino);
}

TEST_F(SqliteStore, QueuedWrites_ShareOneCommit_AndAFailingOneRollsBackAlone) {
  const auto database = Open();
  std::latch queued(1);
  std::latch finished(41);
  std::atomic<int> good{0};
  auto done = [&](const Status& status) {
    if (!status.has_error()) ++good;
    finished.count_down();
  };
  database->Submit(
      Access::kWrite,
      [&](Transaction& t) {
        queued.wait();
        return AppendAudit(t, "first");
      },
      done);
  for (int i = 0; i < 40; ++i) {
    database->Submit(
        Access::kWrite,
        [i](Transaction& t) -> Status {
          PROV_CHECK(AppendAudit(t, std::to_string(i)));
          if (i == 20) return Error{ErrorCode::kConflict, "no."};
          return {};
        },
        done);
  }
  const auto before = database->statistics().commits;
  queued.count_down();
  finished.wait();
  EXPECT_EQ(good, 40);
  // One for the first, or for it and all that was queued in time to join it.
  EXPECT_LE(database->statistics().commits - before, 2u);
  EXPECT_EQ(database->statistics().writes, 40u);
  EXPECT_EQ(Entries(*database), 40u);
  EXPECT_FALSE(VerdictOf(*database).first_bad);
}

TEST_F(SqliteStore, KilledInMidLoad_EveryAcknowledgedWriteIsThere) {
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto database = Open();
    while (true) {
      if (Append(*database, "x").has_error()) _exit(1);
      if (write(pipe_ends[1], "a", 1) != 1) _exit(2);
    }
  }
  close(pipe_ends[1]);
  std::uint64_t acknowledged = 0;
  char byte = 0;
  while (acknowledged < 200 && read(pipe_ends[0], &byte, 1) == 1) ++acknowledged;
  ASSERT_EQ(acknowledged, 200u);
  kill(child, SIGKILL);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  while (read(pipe_ends[0], &byte, 1) == 1) ++acknowledged;
  close(pipe_ends[0]);
  const auto database = Open();
  EXPECT_GE(Entries(*database), acknowledged);
  EXPECT_LE(Entries(*database), acknowledged + 1);
  EXPECT_FALSE(VerdictOf(*database).first_bad);
}

TEST_F(SqliteStore, BusyFile_IsUnavailable_AndWorksAfterwards) {
  Options options;
  options.busy_timeout = Millis{20};
  const auto database = Open(options);
  const auto other = Raw();
  ASSERT_TRUE(other->Script("BEGIN IMMEDIATE"));
  EXPECT_EQ(Append(*database, "x").error().code, ErrorCode::kUnavailable);
  ASSERT_TRUE(other->Script("ROLLBACK"));
  EXPECT_TRUE(Append(*database, "x"));
  EXPECT_EQ(Entries(*database), 1u);
}

TEST_F(SqliteStore, FullDisk_IsUnavailable_AndNothingAcknowledgedIsLost) {
  Options options;
  options.max_pages = 60;
  const auto database = Open(options);
  const std::string large(4000, 'x');
  std::uint64_t acknowledged = 0;
  Status outcome;
  for (int i = 0; i < 200 && !outcome.has_error(); ++i) {
    outcome = Append(*database, large);
    if (!outcome.has_error()) ++acknowledged;
  }
  ASSERT_TRUE(outcome.has_error());
  EXPECT_EQ(outcome.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(outcome.error().message.find("full"), std::string::npos) << outcome.error().message;
  EXPECT_EQ(Entries(*database), acknowledged);
  EXPECT_FALSE(VerdictOf(*database).first_bad);
}

TEST_F(SqliteStore, OldSchema_IsMigratedAndKeepsItsRows) {
  {
    const auto raw = Raw();
    ASSERT_TRUE(raw->Script(MigrationSteps()[0]));
    ASSERT_TRUE(
        raw->Script("INSERT INTO agents VALUES ('agent-1', 5, 1, 'e', x'', '{}', NULL, 0, "
                    "'[]'); PRAGMA user_version=1;"));
  }
  const auto database = Open();
  const auto agent = database->Read([](Transaction& t) { return t.agents().Get({}, "agent-1"); });
  ASSERT_TRUE(agent);
  EXPECT_EQ(agent->epoch, "e");
  EXPECT_TRUE(
      database->Read([](Transaction& t) { return t.commands().Pending("agent-1", 1); })->empty());
}

TEST_F(SqliteStore, SchemaWithKeysBesideTheJobs_KeepsItsJobsAndForgetsTheKeys) {
  {
    const auto raw = Raw();
    for (std::size_t step = 0; step < 4; ++step) ASSERT_TRUE(raw->Script(MigrationSteps()[step]));
    ASSERT_TRUE(raw->Script(
        "INSERT INTO jobs (id, app_id, app_version, installer_digest, server_id, action, inputs, "
        "sealed_inputs, max_attempts, backoff_seconds, user_id, origin, created_at, status, "
        "attempt, needs_attention, outputs, left_running, log, seq, undelivered, idempotency_key, "
        "body_mac) VALUES (zeroblob(16), 'nginx', '1', 'sha256:00', 'agent-1', 'install', '{}', "
        "'[]', 3, 10, 'ann', 'panel', 5, 'running', 1, 0, '[]', '[]', "
        "'{\"lines\": 0, \"bytes\": 0, \"complete\": false, \"dropped_bytes\": 0}', 4, 0, "
        "'key', x'00'); PRAGMA user_version=4;"));
  }
  const auto database = Open();
  const auto job = database->Read([](Transaction& t) { return t.jobs().Get({}, Uuid()); });
  ASSERT_TRUE(job) << job.error().ToString();
  EXPECT_EQ(job->status, job::Status::kRunning);
  EXPECT_EQ(*database->Read([](Transaction& t) {
    return t.replays().Find({"ann"}, "key", WallTime{Millis{6}});
  }),
            std::nullopt);
}

TEST_F(SqliteStore, NewerSchema_IsRefusedWithASentence) {
  ASSERT_TRUE(Raw()->Script("PRAGMA user_version=999"));
  Options options;
  options.path = File();
  const auto opened = SqliteDatabase::Open(options);
  ASSERT_TRUE(opened.has_error());
  EXPECT_EQ(opened.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(opened.error().message.find("999"), std::string::npos);
}

struct Damage {
  std::string name;
  std::string sql;
  std::uint64_t first_bad;
};

class DamagedAudit : public SqliteStore, public testing::WithParamInterface<Damage> {};

TEST_P(DamagedAudit, Verify_NamesTheFirstBadEntry) {
  const auto database = Open();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Append(*database, std::to_string(i)));
  ASSERT_TRUE(Raw()->Script(GetParam().sql));
  EXPECT_EQ(VerdictOf(*database).first_bad, GetParam().first_bad);
}

INSTANTIATE_TEST_SUITE_P(
    Each, DamagedAudit,
    testing::Values(
        Damage{"Edited", "UPDATE audit SET subject = 'z' WHERE sequence = 3", 3},
        Damage{"DetailEdited", "UPDATE audit SET detail = 'broken' WHERE sequence = 2", 2},
        Damage{"Dropped", "DELETE FROM audit WHERE sequence = 2", 2},
        Damage{"Reordered",
               "UPDATE audit SET sequence = 99 WHERE sequence = 3; UPDATE audit SET sequence = 3 "
               "WHERE sequence = 4; UPDATE audit SET sequence = 4 WHERE sequence = 99",
               3},
        Damage{"CutOff", "DELETE FROM audit WHERE sequence > 3", 4}),
    [](const auto& tested) { return tested.param.name; });

TEST_F(SqliteStore, AJobWithAPartThatCannotBeRead_IsListedAsFarAsItCan_AndHidesNoOther) {
  const auto database = Open();
  const Actor ann{"ann"};
  std::vector<Uuid> ids;
  for (const char* id :
       {"01936d5e-0000-7000-8000-000000000001", "01936d5e-0000-7000-8000-000000000002"}) {
    Creation creation;
    creation.job.id = ids.emplace_back(*Uuid::Parse(id));
    creation.job.server_id = "agent-1";
    creation.job.app_id = "nginx";
    creation.status = job::Status::kRunning;
    ASSERT_TRUE(database->Write([&](Transaction& t) { return t.jobs().Insert(creation); }));
  }
  ASSERT_TRUE(Raw()->Script(
      "UPDATE jobs SET outputs = '[{' WHERE id = x'01936d5e000070008000000000000001'"));
  const auto listed =
      database->Read([&](Transaction& t) { return t.jobs().List(ann, {}, std::nullopt, 10); });
  ASSERT_TRUE(listed) << listed.error().ToString();
  ASSERT_EQ(listed->size(), 2U);
  EXPECT_EQ((*listed)[0].status_reason, std::nullopt);
  EXPECT_EQ((*listed)[1].id, ids[0]);
  EXPECT_EQ((*listed)[1].app_id, "nginx");
  EXPECT_NE((*listed)[1].status_reason.value_or("").find("cannot be read"), std::string::npos);
  const auto unsettled =
      database->Read([&](Transaction& t) { return t.jobs().Unsettled("agent-1", 10); });
  EXPECT_TRUE(unsettled && unsettled->size() == 2U);
  const auto alone = database->Read([&](Transaction& t) { return t.jobs().Get(ann, ids[0]); });
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().code, ErrorCode::kCorrupt);
}

TEST_F(SqliteStore, ForgottenCiphertext_IsNotInTheFile) {
  const std::string canary = "canary-3f1d-ciphertext";
  const Uuid id = *Uuid::Parse("01936d5e-0000-7000-8000-000000000001");
  {
    const auto database = Open();
    Creation creation;
    creation.job.id = id;
    creation.sealed_ciphertext = canary;
    ASSERT_TRUE(database->Write([&](Transaction& t) { return t.jobs().Insert(creation); }));
    ASSERT_TRUE(database->Write([&](Transaction& t) { return t.jobs().ForgetSealed(id); }));
  }  // closing the last connection takes the log into the file and removes it
  EXPECT_FALSE(std::filesystem::exists(File().string() + "-wal"));
  EXPECT_EQ(ReadFile(File(), 1 << 24)->find(canary), std::string::npos);
}

}  // namespace
}  // namespace prov::store::sqlite
