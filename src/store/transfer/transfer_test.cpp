// Moves, backups and restores, from each database to each.
#include "store/transfer/transfer.hpp"

#include <fstream>
#include <set>
#include <sys/stat.h>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/audit_chain_test.hpp"
#include "store/postgresql/connection.hpp"
#include "store/postgresql/database.hpp"
#include "store/sqlite/connection.hpp"
#include "store/sqlite/database.hpp"
#include "store/sqlite/schema.hpp"
#include "store/transfer/endpoint.hpp"
#include "support/postgresql.hpp"
#include "support/requires.hpp"
#include "support/temporary_directory.hpp"

namespace prov::store::transfer {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::unique_ptr<Database> OpenDatabase(const Url& url) {
  if (url.engine == Engine::kSqlite) {
    sqlite::Options options;
    options.path = url.file();
    return *sqlite::SqliteDatabase::Open(options);
  }
  return *postgresql::PostgresqlDatabase::Open({.url = url.text, .readers = 1});
}

class Transfer : public testing::Test {
 protected:
  void SetUp() override { PROV_REQUIRES("postgresql"); }

  Url New(Engine engine) {
    if (engine == Engine::kPostgresql)
      return *ParseUrl(test::PostgresqlServer::Shared().NewDatabase());
    return *ParseUrl(SqliteUrl(File(std::to_string(++files_) + ".db")));
  }
  Path File(const std::string& name) const { return directory_.path() / name; }
  Path Scratch() const { return directory_.path(); }

  Creation NewJob(const std::string& app = "nginx") {
    clock_.Advance(Millis{1});
    Creation creation;
    creation.job.id = Uuid::MakeV7(clock_, random_);
    creation.job.app_id = app;
    creation.job.server_id = "agent-1";
    creation.job.inputs = {{"text", std::string("nul\0", 4)}, {"name", "Zwölf"}};
    creation.job.user_id = "ann";
    creation.job.created_at = clock_.Now();
    creation.envelope = std::string("\0\xff\x01", 3);
    return creation;
  }

  // A row or more in every table; more jobs than are copied at once.
  void Fill(const Url& url) {
    const auto database = OpenDatabase(url);
    const auto filled = database->Write([&](Transaction& t) -> Status {
      for (int i = 0; i < 300; ++i) PROV_CHECK(t.jobs().Insert(NewJob()));
      PROV_CHECK(t.audit().Append({clock_.Now(), "ann", "job.created", "x", {{"n", 1}}}));
      PROV_CHECK(t.agents().Insert({.id = "agent-1", .epoch = "e", .facts = "{\"os\":1}"}));
      PROV_CHECK(t.agents().Advance("agent-1", "e", 0, {1, std::string(32, '\7')}));
      PROV_CHECK(t.agents().KeepHashes("agent-1", "e", {{1, std::string(32, '\7')}}));
      PROV_CHECK(t.commands().Insert({.id = Uuid::MakeV7(clock_, random_),
                                      .agent_id = "agent-1",
                                      .kind = "cancel",
                                      .bytes = std::string("\0b", 2)}));
      PROV_CHECK(t.replays().Keep({"ann"}, "key", {"mac", {202, "/x", "body"}}, clock_.Now()));
      PROV_CHECK(t.tokens().Insert(
          {.id = Uuid::MakeV7(clock_, random_), .hash = "h", .name = "n", .user_id = "ann"}));
      PROV_CHECK(t.tokens().InsertEnrolment(
          {.id = Uuid::MakeV7(clock_, random_), .hash = "h", .agent_id = "agent-2"}));
      const User user{
          Uuid::MakeV7(clock_, random_), "ann", "h", Role::kUser, false, clock_.Now(), {}, "{}"};
      PROV_CHECK(t.users().Insert(user));
      PROV_CHECK(t.attempts().Keep("h", {3, clock_.Now()}));
      return t.sessions().Insert({"h", user.id, clock_.Now(), clock_.Now(), clock_.Now()});
    });
    ASSERT_TRUE(filled) << filled.error().ToString();
    const auto job = NewJob();
    ASSERT_TRUE(database->Write([&](Transaction& t) { return t.jobs().Insert(job); }));
    const auto changed = database->Write([&](Transaction& t) -> Status {
      PROV_TRY(auto next, t.jobs().Get({"ann"}, job.job.id));
      next.status = job::Status::kDispatched;
      next.message = std::string("half\0done", 9);
      PROV_CHECK(t.jobs().Apply({0, job::Status::kQueued}, job::Party::kPanel, next, clock_.Now(),
                                LogChunk{1, 2, std::string("\0\xfe", 2)}));
      return {};
    });
    ASSERT_TRUE(changed) << changed.error().ToString();
  }

  static std::vector<Digest> DigestsOf(const Url& url) {
    const auto opened = *OpenSource(url, Sharing::kWithPanels);
    std::vector<Digest> digests;
    for (const auto& table : Tables()) digests.push_back(*DigestOf(*opened, table));
    return digests;
  }
  static std::vector<Digest> WithoutAudit(std::vector<Digest> digests) {
    std::erase_if(digests, [](const Digest& each) { return each.table.starts_with("audit"); });
    return digests;
  }
  static bool IsEmptyStore(const Url& url) {
    const auto opened = *OpenSource(url, Sharing::kWithPanels);
    return CheckEmpty(*opened).has_value();
  }
  Result<std::vector<Digest>> Restored(const Path& file, const Url& to) {
    return Restore(file, to, Scratch(), {clock_.Now(), "root", "store.restored", "store", {}}, {});
  }
  // Of the schema, as its database keeps it.
  static void SetVersion(const Url& url, std::int64_t version) {
    if (url.engine == Engine::kSqlite) {
      ASSERT_TRUE((*sqlite::Connection::Open(url.file(), {}))
                      ->Script(fmt::format("PRAGMA user_version={}", version)));
    } else {
      ASSERT_TRUE((*postgresql::Connection::Open(url.text, {}))
                      ->Script(fmt::format("UPDATE schema_version SET version = {}", version)));
    }
  }
  static std::int64_t VersionOf(const Url& url) {
    std::int64_t version = 0;
    const auto take = [&](const sql::Row& row) { version = row.Int(0); };
    const auto read =
        url.engine == Engine::kSqlite
            ? (*sqlite::Connection::Open(url.file(), {}))->Query("PRAGMA user_version", {}, take)
            : (*postgresql::Connection::Open(url.text, {}))
                  ->Query("SELECT version FROM schema_version", {}, take);
    EXPECT_TRUE(read);
    return version;
  }
  // Nothing was left lying about in the directory, under whatever name.
  std::set<std::string> Names() const {
    std::set<std::string> names;
    for (const auto& each : std::filesystem::directory_iterator(directory_.path()))
      names.insert(each.path().filename());
    return names;
  }

  test::TemporaryDirectory directory_;
  int files_ = 0;
  FakeClock clock_;
  FakeRandom random_;
};

// ---- what is copied

TEST_F(Transfer, TablesAndColumns_AreThoseOfBothSchemas) {
  std::set<std::string> listed;
  for (const auto& table : Tables()) {
    for (const auto& column : table.columns) listed.insert(table.name + "." + column.name);
  }
  const auto named_by = [](sql::Connection& connection, std::string_view query) {
    std::set<std::string> names;
    EXPECT_TRUE(connection.Query(
        query, {}, [&](const sql::Row& row) { names.insert(row.Text(0) + "." + row.Text(1)); }));
    return names;
  };
  auto sqlite = named_by(*(*OpenTarget(New(Engine::kSqlite))),
                         "SELECT t.name, c.name FROM sqlite_master AS t, "
                         "pragma_table_info(t.name) AS c WHERE t.type = 'table'");
  EXPECT_EQ(sqlite.erase("audit_head.only"), 1U);
  EXPECT_EQ(sqlite, listed);
  auto postgresql = named_by(*(*OpenTarget(New(Engine::kPostgresql))),
                             "SELECT table_name::text, column_name::text "
                             "FROM information_schema.columns WHERE table_schema = 'public'");
  for (const auto* own : {"audit_head.one", "schema_version.one", "schema_version.version"})
    EXPECT_EQ(postgresql.erase(own), 1U) << own;
  EXPECT_EQ(postgresql, listed);
}

TEST_F(Transfer, ThereAndBack_EveryRowOfEveryTableIsTheSame) {
  const auto from = New(Engine::kSqlite);
  const auto there = New(Engine::kPostgresql);
  const auto back = New(Engine::kSqlite);
  Fill(from);
  const auto before = DigestsOf(from);
  for (const auto& each : before) EXPECT_GT(each.rows, 0U) << each.table << " proves nothing";
  std::set<std::string> told;
  const auto moved = Move(from, there, [&](const std::string& table, auto) { told.insert(table); });
  ASSERT_TRUE(moved) << moved.error().ToString();
  EXPECT_EQ(*moved, before);
  EXPECT_EQ(told.size(), Tables().size());
  EXPECT_EQ(DigestsOf(there), before);
  const auto returned = Move(there, back, {});
  ASSERT_TRUE(returned) << returned.error().ToString();
  EXPECT_EQ(DigestsOf(back), before);
  EXPECT_EQ(DigestsOf(from), before) << "the source stays as it is";
  for (const auto& url : {there, back}) {
    const auto verdict = VerdictOf(*OpenDatabase(url));
    EXPECT_EQ(verdict.entries, 1U);
    EXPECT_FALSE(verdict.first_bad) << verdict.reason;
  }
}

TEST_F(Transfer, OneByteThatDiffers_IsAnotherDigest) {
  const auto url = New(Engine::kSqlite);
  Fill(url);
  const auto before = DigestsOf(url);
  for (const auto* change : {"UPDATE jobs SET app_version = app_version || ' ' WHERE rowid = 7",
                             "UPDATE changes SET log_bytes = x'00ff' WHERE log_bytes IS NOT NULL",
                             "UPDATE agents SET last_seen_at = 0"}) {
    const auto connection = *sqlite::Connection::Open(url.file(), {});
    ASSERT_TRUE(connection->Script("SAVEPOINT undone")) << change;
    ASSERT_EQ(*connection->Run(change), 1) << change;
    std::vector<Digest> after;
    for (const auto& table : Tables()) after.push_back(*DigestOf(*connection, table));
    EXPECT_NE(after, before) << change;
    connection->Rollback();
  }
}

// ---- what is refused, and leaves nothing

TEST_F(Transfer, TargetThatIsNotEmpty_IsRefusedAndStaysAsItIs) {
  const auto from = New(Engine::kSqlite);
  Fill(from);
  for (const auto engine : {Engine::kSqlite, Engine::kPostgresql}) {
    const auto to = New(engine);
    ASSERT_TRUE(OpenDatabase(to)->Write([](Transaction& t) -> Status {
      PROV_CHECK(t.audit().Append({WallTime{}, "ann", "test", "x", {}}));
      return {};
    }));
    const auto before = DigestsOf(to);
    const auto refused = Move(from, to, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
    EXPECT_THAT(refused.error().message, HasSubstr("holds data already"));
    EXPECT_EQ(DigestsOf(to), before);
  }
}

TEST_F(Transfer, WhatAPanelUses_IsNeitherMovedFromNorTo) {
  for (const auto engine : {Engine::kSqlite, Engine::kPostgresql}) {
    const auto used = New(engine);
    const auto other = New(Engine::kSqlite);
    Fill(other);
    const auto panel = OpenDatabase(used);
    for (const auto& refused : {Move(used, New(Engine::kSqlite), {}), Move(other, used, {})}) {
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
      EXPECT_THAT(refused.error().message, HasSubstr("stop every panel"));
    }
  }
}

TEST_F(Transfer, SourceThatIsNotThere_IsNotMade) {
  const auto refused = Move(New(Engine::kSqlite), New(Engine::kPostgresql), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(Transfer, RowThatTheTargetRefuses_LeavesItEmpty) {
  const auto from = New(Engine::kSqlite);
  const auto to = New(Engine::kPostgresql);
  Fill(from);
  ASSERT_TRUE(OpenDatabase(from)->Write(
      [&](Transaction& t) { return t.jobs().Insert(NewJob(std::string("nul\0", 4))); }));
  const auto refused = Move(from, to, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().ToString(), HasSubstr("copying the table jobs"));
  EXPECT_TRUE(IsEmptyStore(to));
}

TEST_F(Transfer, RowsThatArriveAsOthers_AreNotKept) {
  const auto from = New(Engine::kSqlite);
  const auto to = New(Engine::kPostgresql);
  Fill(from);
  const auto name = to.text.substr(to.text.rfind('/') + 1);
  {
    const auto founded = OpenDatabase(to);
  }
  test::PostgresqlServer::Shared().Sql(
      "CREATE FUNCTION shortened() RETURNS trigger LANGUAGE plpgsql AS "
      "$$ BEGIN NEW.facts := '{}'; RETURN NEW; END $$;"
      "CREATE TRIGGER shortened BEFORE INSERT ON agents FOR EACH ROW EXECUTE FUNCTION shortened()",
      name);
  const auto refused = Move(from, to, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(refused.error().message, HasSubstr("agents"));
  EXPECT_TRUE(IsEmptyStore(to));
}

// ---- backups

class Backups : public Transfer, public testing::WithParamInterface<Engine> {};

TEST_P(Backups, RestoredToEither_EveryRowIsTheSame) {
  const auto from = New(GetParam());
  Fill(from);
  const auto before = DigestsOf(from);
  const auto panel = OpenDatabase(from);
  const auto file = File("backup");
  const auto made = Backup(from, file, {});
  ASSERT_TRUE(made) << made.error().ToString();
  EXPECT_EQ(*made, before);
  struct stat found{};
  ASSERT_EQ(stat(file.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600U);
  for (const auto engine : {Engine::kSqlite, Engine::kPostgresql}) {
    const auto to = New(engine);
    const auto restored = Restored(file, to);
    ASSERT_TRUE(restored) << restored.error().ToString();
    // All but the audit, which says so.
    const auto entries = *OpenDatabase(to)->Read(
        [](Transaction& t) { return t.audit().After({"root", true}, 0, 10); });
    ASSERT_EQ(entries.size(), 2U);
    EXPECT_EQ(entries.back().event.action, "store.restored");
    EXPECT_FALSE(VerdictOf(*OpenDatabase(to)).first_bad);
    EXPECT_EQ(WithoutAudit(DigestsOf(to)), WithoutAudit(before));
  }
  for (const auto& name : Names()) EXPECT_THAT(name, Not(HasSubstr("partial")));
}

TEST_P(Backups, MadeWhilePanelsWrite_IsOneState) {
  const auto from = New(GetParam());
  const auto panel = OpenDatabase(from);
  std::atomic<bool> stop{false};
  std::atomic<int> written{0};
  // Of each job its change and its entry, in every state there is.
  std::thread writer([&] {
    while (!stop) {
      const auto job = NewJob();
      const auto made = panel->Write([&](Transaction& t) -> Status {
        PROV_CHECK(t.jobs().Insert(job));
        PROV_CHECK(t.audit().Append({job.job.created_at, "ann", "job.created", "x", {}}));
        return {};
      });
      EXPECT_TRUE(made) << made.error().ToString();
      ++written;
      std::this_thread::sleep_for(Millis{1});  // else there is ever more to back up
    }
  });
  struct Stop {
    std::atomic<bool>& stop;
    std::thread& writer;
    ~Stop() { stop = true, writer.join(); }
  } const at_the_end{stop, writer};
  for (int i = 1; i <= 3; ++i) {
    while (written < i * 150) std::this_thread::sleep_for(Millis{1});
    // The writer goes on between what is read of one table and of the next.
    const auto pause = [&](const std::string&, auto) {
      const int now = written;
      while (written < now + 2) std::this_thread::sleep_for(Millis{1});
    };
    const auto file = File("backup" + std::to_string(i));
    const auto made = Backup(from, file, pause);
    ASSERT_TRUE(made) << made.error().ToString();
    const auto to = New(Engine::kSqlite);
    ASSERT_TRUE(Restored(file, to));
    const auto rows = DigestsOf(to);
    EXPECT_EQ(rows[0].rows, rows[1].rows) << "jobs and changes";
    EXPECT_EQ(rows[0].rows + 1, rows[2].rows) << "jobs and audit, and that it was restored";
    EXPECT_GE(rows[0].rows, static_cast<std::uint64_t>(i) * 150);
    const auto verdict = VerdictOf(*OpenDatabase(to));
    EXPECT_FALSE(verdict.first_bad) << verdict.reason;
  }
}

TEST_P(Backups, StoreInUse_IsNotRestoredOver) {
  const auto from = New(Engine::kSqlite);
  Fill(from);
  ASSERT_TRUE(Backup(from, File("backup"), {}));
  const auto used = New(GetParam());
  auto panel = OpenDatabase(used);
  const auto refused = Restored(File("backup"), used);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_THAT(refused.error().message, HasSubstr("stop every panel"));
  panel.reset();
  EXPECT_TRUE(Restored(File("backup"), used));
}

INSTANTIATE_TEST_SUITE_P(Each, Backups, testing::Values(Engine::kSqlite, Engine::kPostgresql),
                         [](const auto& tested) {
                           return tested.param == Engine::kSqlite ? "Sqlite" : "Postgresql";
                         });

TEST_F(Transfer, BackupTakesThePlaceOfNothing) {
  const auto from = New(Engine::kSqlite);
  Fill(from);
  std::ofstream(File("kept")) << "precious";
  const auto refused = Backup(from, File("kept"), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_EQ(*ReadFile(File("kept"), 100), "precious");
}

TEST_F(Transfer, BackupThatFails_LeavesNoFile) {
  const auto from = New(Engine::kSqlite);
  Fill(from);
  // What the jobs' pages hold is not read any more.
  const auto connection = *sqlite::Connection::Open(from.file(), {});
  ASSERT_TRUE(connection->Script("ALTER TABLE changes RENAME COLUMN message TO gone"));
  const auto before = Names();
  EXPECT_FALSE(Backup(from, File("backup"), {}));
  EXPECT_EQ(Names(), before);
}

class DamagedBackup : public Transfer {
 protected:
  void SetUp() override {
    Transfer::SetUp();
    if (IsSkipped()) return;
    const auto from = New(Engine::kSqlite);
    Fill(from);
    ASSERT_TRUE(Backup(from, file_, {}));
  }
  void Change(const std::string& statements) {
    ASSERT_TRUE((*sqlite::Connection::Open(file_, {}))->Script(statements));
  }
  Error Refused() {
    const auto to = New(Engine::kSqlite);
    const auto before = Names();
    const auto refused = Restored(file_, to);
    EXPECT_FALSE(refused);
    EXPECT_EQ(Names(), before) << "no target, nothing beside it";
    return refused ? Error{} : refused.error();
  }

  Path file_ = File("backup");
};

TEST_F(DamagedBackup, ChangedRow_IsNamedByItsTable) {
  Change("UPDATE users SET role = 'administrator'");
  EXPECT_EQ(Refused().code, ErrorCode::kCorrupt);
  EXPECT_THAT(Refused().message, HasSubstr("its table users"));
}

TEST_F(DamagedBackup, MissingRow_IsNamedByItsTable) {
  Change("DELETE FROM agent_events");
  EXPECT_THAT(Refused().message, HasSubstr("its table agent_events"));
}

TEST_F(DamagedBackup, CutOff_IsRefused) {
  for (const auto part : {2, 3, 10, 1000}) {
    const auto whole = *ReadFile(file_, 64 << 20);
    std::filesystem::resize_file(file_, whole.size() / part);
    EXPECT_EQ(Refused().code, ErrorCode::kCorrupt) << part;
    std::ofstream(file_, std::ios::binary) << whole;
  }
}

TEST_F(DamagedBackup, WhatIsNoBackup_IsSaidToBeNone) {
  for (const auto& text :
       {std::string(), std::string("text, not a database\n"), std::string(100'000, 'x')}) {
    std::ofstream(file_, std::ios::binary | std::ios::trunc) << text;
    EXPECT_EQ(Refused().code, ErrorCode::kCorrupt);
    EXPECT_THAT(Refused().message, HasSubstr("is no file that `provisioning-panel backup` made"));
  }
  std::filesystem::remove(file_);
  {
    const auto store = OpenDatabase(*ParseUrl(SqliteUrl(file_)));
  }
  EXPECT_THAT(Refused().message, HasSubstr("is no file that `provisioning-panel backup` made"));
}

TEST_F(DamagedBackup, StatementInsteadOfAName_IsNotRun) {
  Change("UPDATE backup_contents SET name = 'users; DROP TABLE users' WHERE name = 'users'");
  EXPECT_THAT(Refused().message, HasSubstr("is no file that"));
}

TEST_F(DamagedBackup, NewerSchema_IsRefusedWithASentence) {
  Change("PRAGMA user_version=999");
  EXPECT_EQ(Refused().code, ErrorCode::kUnsupported);
  EXPECT_THAT(Refused().message, HasSubstr("version 999"));
}

TEST_F(Transfer, AnotherSchema_IsReadByNoMoveAndNoBackup_WrittenByNone_AndNotChanged) {
  for (const auto engine : {Engine::kSqlite, Engine::kPostgresql}) {
    for (const std::int64_t version : {3, 999}) {
      const auto url = New(engine);
      ASSERT_NE(OpenDatabase(url), nullptr);
      SetVersion(url, version);
      const auto other = New(Engine::kSqlite);
      Fill(other);
      for (const auto& refused : {Backup(url, File("made"), {}),
                                  Move(url, New(Engine::kSqlite), {}), Move(other, url, {})}) {
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
        EXPECT_THAT(refused.error().message,
                    HasSubstr(fmt::format("the database has schema version {}", version)));
      }
      EXPECT_EQ(VersionOf(url), version);
      EXPECT_FALSE(std::filesystem::exists(File("made")));
    }
  }
}

TEST_F(DamagedBackup, OlderSchema_IsBroughtToThisOne) {
  // As the program of schema 7 had written it, which knew neither these columns nor these indexes.
  Change(
      "ALTER TABLE jobs DROP COLUMN steps; ALTER TABLE jobs DROP COLUMN known_failure;"
      "ALTER TABLE jobs DROP COLUMN claimed_user_id; ALTER TABLE jobs DROP COLUMN log_removed_at;"
      "DROP INDEX jobs_installs; DROP INDEX jobs_by_action; DROP TABLE sign_in_attempts;"
      "DELETE FROM backup_contents WHERE name = 'sign_in_attempts'; PRAGMA user_version=7");
  Table jobs = Tables().front();
  jobs.columns.resize(jobs.columns.size() - 4);
  {
    const auto connection = *sqlite::Connection::Open(file_, {});
    const auto digest = *DigestOf(*connection, jobs);
    ASSERT_EQ(
        *connection->Run("UPDATE backup_contents SET columns = ?1, sha256 = ?2 WHERE name = 'jobs'",
                         {jobs.Describe(), sql::Blob{digest.sha256}}),
        1);
  }
  const auto to = New(Engine::kPostgresql);
  const auto restored = Restored(file_, to);
  ASSERT_TRUE(restored) << restored.error().ToString();
  EXPECT_EQ(restored->front().rows, 301U);
  const auto jobs_now = OpenDatabase(to)->Read(
      [](Transaction& t) { return t.jobs().List({"ann"}, {}, std::nullopt, 1000); });
  ASSERT_TRUE(jobs_now) << jobs_now.error().ToString();
  EXPECT_EQ(jobs_now->size(), 301U);
}

}  // namespace
}  // namespace prov::store::transfer
