// What only PostgreSQL's store can show: servers that are killed, terminated, silent, read-only or
// full of connections, commits that nobody learns of, several panels at once, migrations.
#include "store/postgresql/database.hpp"

#include <fstream>
#include <future>
#include <latch>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/audit_chain_test.hpp"
#include "store/postgresql/connection.hpp"
#include "store/postgresql/link.hpp"
#include "store/postgresql/proxy_test.hpp"
#include "store/postgresql/schema.hpp"
#include "support/postgresql.hpp"
#include "support/requires.hpp"

namespace prov::store::postgresql {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class PostgresqlStore : public testing::Test {
 protected:
  void SetUp() override {
    PROV_REQUIRES("postgresql");
    url_ = server().NewDatabase();
    name_ = url_.substr(url_.rfind('/') + 1);
  }
  static test::PostgresqlServer& server() { return test::PostgresqlServer::Shared(); }
  std::unique_ptr<PostgresqlDatabase> Open(Options options = {}) {
    if (options.url.empty()) options.url = url_;
    auto opened = PostgresqlDatabase::Open(options);
    EXPECT_TRUE(opened) << opened.error().ToString();
    return opened ? std::move(*opened) : nullptr;
  }
  Error Refused(const std::string& url, int readers = 1) {
    auto opened =
        PostgresqlDatabase::Open({.url = url, .readers = readers, .patience = Millis{50}});
    EXPECT_FALSE(opened);
    return opened ? Error{} : opened.error();
  }
  std::string Through(const Proxy& proxy) const {
    return "postgresql://panel@127.0.0.1:" + std::to_string(proxy.port()) + "/" + name_ +
           "?sslmode=disable";
  }
  std::string Sql(const std::string& statements) { return server().Sql(statements, name_); }

  Creation NewJob() {
    Creation creation;
    creation.job.id = Uuid::MakeV7(clock_, random_);
    creation.job.app_id = "nginx";
    creation.job.server_id = "agent-1";
    creation.job.user_id = "ann";
    creation.job.created_at = clock_.Now();
    return creation;
  }
  static Status AppendAudit(Transaction& transaction, const std::string& subject) {
    PROV_CHECK(transaction.audit().Append({WallTime{}, "ann", "test", subject, {}}));
    return {};
  }
  static Status Append(Database& database, const std::string& subject) {
    return database.Write([&](Transaction& t) { return AppendAudit(t, subject); });
  }
  static std::uint64_t Entries(Database& database) {
    const auto head = database.Read([](Transaction& t) { return t.audit().Head(); });
    EXPECT_TRUE(head) << head.error().ToString();
    return head ? head->sequence : 0;
  }

  std::string url_;
  std::string name_;
  FakeClock clock_;
  FakeRandom random_;
  Actor ann_{"ann"};
};

// Not the one in READ COMMITTED.
bool IsCommit(std::string_view request) {
  return request.find(std::string_view("COMMIT\0", 7)) != std::string_view::npos;
}

// ---- what is written survives, or is not said to be written

TEST_F(PostgresqlStore, QueuedWrites_ShareOneCommit_AndAFailingOneRollsBackAlone) {
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
  queued.count_down();
  finished.wait();
  EXPECT_EQ(good, 40);
  EXPECT_LE(database->statistics().commits, 2U);
  EXPECT_EQ(database->statistics().writes, 40U);
  EXPECT_EQ(Entries(*database), 40U);
  EXPECT_FALSE(VerdictOf(*database).first_bad);
}

TEST_F(PostgresqlStore, WorkThatGoesOnAfterAFailedStatement_IsNotSaidToBeWritten) {
  const auto database = Open();
  const auto creation = NewJob();
  ASSERT_TRUE(database->Write([&](Transaction& t) { return t.jobs().Insert(creation); }));
  const auto outcome = database->Write([&](Transaction& t) -> Status {
    EXPECT_FALSE(t.jobs().Insert(creation));
    return {};
  });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kInternal);
  EXPECT_TRUE(Append(*database, "x"));
}

// Each request of a write is the last one of its connection: it is not seen by the server, or its
// answer not by the store.
class CutConnection : public PostgresqlStore, public testing::WithParamInterface<Proxy::Action> {
 protected:
  struct Outcome {
    Status status;
    bool reached = false;  // whether there was such a request
    bool at_commit = false;
  };
  // Cuts the `nth` request after the store was opened, from 1.
  Outcome WriteAndCut(int nth, const Creation& creation) {
    std::atomic<int> left{0};
    Outcome outcome;
    Proxy proxy(server().port(), [&](std::string_view request) {
      if (left == 0 || --left > 0) return Proxy::Action::kForward;
      outcome.reached = true;
      outcome.at_commit = IsCommit(request);
      return GetParam();
    });
    const auto database = Open({.url = Through(proxy), .readers = 1});
    // So that its statements are prepared.
    EXPECT_TRUE(Append(*database, "before"));
    left = nth;
    outcome.status = database->Write([&](Transaction& t) -> Status {
      PROV_CHECK(t.jobs().Insert(creation));
      return AppendAudit(t, "job");
    });
    left = 0;
    EXPECT_TRUE(Append(*database, "after")) << "it is connected again";
    return outcome;
  }
};

TEST_P(CutConnection, AtEachRequestOfAWrite_ItIsMadeOnce_OrNotSaidToBe) {
  const auto watching = Open();
  int commits_cut = 0;
  int nth = 0;
  while (++nth < 40) {
    SCOPED_TRACE(nth);
    const auto creation = NewJob();
    const auto before = Entries(*watching);
    const auto outcome = WriteAndCut(nth, creation);
    const auto job =
        watching->Read([&](Transaction& t) { return t.jobs().Get(ann_, creation.job.id); });
    const bool made = job.has_value();
    EXPECT_EQ(Entries(*watching) - before, made ? 3U : 2U) << "with its audit entry, once";
    if (!outcome.reached) {
      EXPECT_TRUE(outcome.status);
      break;
    }
    if (!outcome.at_commit) {
      EXPECT_TRUE(outcome.status) << outcome.status.error().ToString();
      EXPECT_TRUE(made);
      continue;
    }
    ++commits_cut;
    ASSERT_FALSE(outcome.status) << "a commit whose answer is not known";
    EXPECT_EQ(outcome.status.error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(outcome.status.error().message, HasSubstr("not known"));
    EXPECT_EQ(made, GetParam() == Proxy::Action::kCutAnswer) << "never run again";
  }
  EXPECT_GT(nth, 8) << "each statement of it was met";
  EXPECT_EQ(commits_cut, 1);
  EXPECT_FALSE(VerdictOf(*watching).first_bad);
}

INSTANTIATE_TEST_SUITE_P(Each, CutConnection,
                         testing::Values(Proxy::Action::kCut, Proxy::Action::kCutAnswer),
                         [](const auto& tested) {
                           return tested.param == Proxy::Action::kCut ? "Request" : "Answer";
                         });

TEST_F(PostgresqlStore, BackendTerminatedAfterEachStatement_TheWriteIsMadeOnce) {
  const auto database = Open();
  constexpr int kStatements = 3;
  for (int after = 0; after <= kStatements; ++after) {
    SCOPED_TRACE(after);
    const auto before = Entries(*database);
    std::atomic<int> runs{0};
    const auto terminate_after = [&](int statements) {
      if (runs != 1 || statements != after) return;
      Sql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
          "WHERE datname = current_database() AND state = 'idle in transaction'");
    };
    const auto written = database->Write([&](Transaction& t) -> Status {
      ++runs;
      terminate_after(0);
      for (int i = 1; i <= kStatements; ++i) {
        PROV_CHECK(AppendAudit(t, std::to_string(i)));
        terminate_after(i);
      }
      return {};
    });
    EXPECT_TRUE(written) << written.error().ToString();
    EXPECT_EQ(runs, 2);
    EXPECT_EQ(Entries(*database) - before, std::uint64_t{kStatements});
  }
  EXPECT_FALSE(VerdictOf(*database).first_bad);
}

TEST_F(PostgresqlStore, BackendTerminatedDuringARead_TheReadIsMadeAgain) {
  const auto database = Open({.readers = 1});
  ASSERT_TRUE(Append(*database, "x"));
  std::atomic<int> runs{0};
  const auto head = database->Read([&](Transaction& t) -> Result<AuditHead> {
    PROV_TRY(auto first, t.audit().Head());
    if (++runs == 1)
      Sql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
          "WHERE datname = current_database() AND state = 'idle in transaction'");
    return t.audit().Head();
  });
  ASSERT_TRUE(head) << head.error().ToString();
  EXPECT_EQ(head->sequence, 1U);
  EXPECT_EQ(runs, 2);
}

TEST_F(PostgresqlStore, ServerKilledInMidTransaction_TheWriteIsMadeOnce) {
  const auto database = Open({.patience = Seconds{60}});
  ASSERT_TRUE(Append(*database, "before"));
  std::atomic<int> runs{0};
  std::latch killed(1);
  std::promise<Status> written;
  database->Submit(
      Access::kWrite,
      [&](Transaction& t) -> Status {
        PROV_CHECK(AppendAudit(t, "first"));
        if (++runs == 1) {
          server().Kill();
          killed.count_down();
        }
        return AppendAudit(t, "second");
      },
      [&](Status status) { written.set_value(std::move(status)); });
  killed.wait();
  server().Start();
  const auto status = written.get_future().get();
  EXPECT_TRUE(status) << status.error().ToString();
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(Entries(*database), 3U);
  EXPECT_FALSE(VerdictOf(*database).first_bad);
}

TEST_F(PostgresqlStore, ServerKilledAtTheCommit_NoFalseSuccess) {
  std::atomic<bool> armed{false};
  std::latch killed(1);
  Proxy proxy(server().port(), [&](std::string_view request) {
    if (armed && IsCommit(request)) {
      armed = false;
      server().Kill();
      killed.count_down();
    }
    return Proxy::Action::kForward;
  });
  const auto database = Open({.url = Through(proxy), .patience = Seconds{60}});
  ASSERT_TRUE(Append(*database, "before"));
  armed = true;
  std::promise<Status> written;
  database->Submit(
      Access::kWrite, [](Transaction& t) { return AppendAudit(t, "lost"); },
      [&](Status status) { written.set_value(std::move(status)); });
  killed.wait();
  server().Start();
  const auto status = written.get_future().get();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(Append(*database, "after"));
  EXPECT_EQ(Entries(*database), 2U);
  EXPECT_FALSE(VerdictOf(*database).first_bad);
}

TEST_F(PostgresqlStore, ServerThatIsAway_IsUnavailableAtOnceAfterTheFirstWait) {
  const auto database = Open({.readers = 1, .patience = Millis{400}});
  server().Kill();
  EXPECT_EQ(Append(*database, "x").error().code, ErrorCode::kUnavailable);
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(Append(*database, "x").error().code, ErrorCode::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 50 * Millis{400}) << "each waited";
  EXPECT_EQ(database->Read([](Transaction& t) { return t.audit().Head(); }).error().code,
            ErrorCode::kUnavailable);
  server().Start();
  // Within the pause that had grown.
  Status written = Append(*database, "x");
  for (int i = 0; i < 300 && !written; ++i) {
    std::this_thread::sleep_for(Millis{10});
    written = Append(*database, "x");
  }
  EXPECT_TRUE(written);
  EXPECT_EQ(Entries(*database), 1U);
}

TEST_F(PostgresqlStore, ConnectionThatIsBack_EndsThePauseOfTheOthers) {
  std::atomic<bool> away{true};
  std::atomic<int> tries{0};
  Proxy proxy(server().port(), [&](std::string_view) {
    ++tries;
    return away ? Proxy::Action::kCut : Proxy::Action::kForward;
  });
  std::atomic<std::uint64_t> connects{0};
  const auto use_any = [](Connection&) -> Status { return {}; };
  Link first(Through(proxy), {}, use_any, connects);
  Link second(Through(proxy), {}, use_any, connects);
  const auto in = [](Millis time) { return SteadyTime(std::chrono::steady_clock::now()) + time; };
  ASSERT_FALSE(first.Get(in(Millis{900})));
  // It has just tried, and pauses for a third of a second at least.
  for (const int before = tries; tries == before;) ASSERT_FALSE(first.Get(in(Millis{0})));
  away = false;
  ASSERT_TRUE(second.Get(in(Seconds{20})));
  EXPECT_TRUE(first.Get(in(Millis{0})));
}

TEST_F(PostgresqlStore, SilentServer_IsUnavailableInTime_AndWorksAfterwards) {
  const auto database = Open({.readers = 1,
                              .patience = Millis{100},
                              .connect_timeout = Millis{1000},
                              .statement_timeout = Millis{100}});
  ASSERT_TRUE(Append(*database, "x"));
  server().Freeze();
  const auto silent = Append(*database, "y");
  server().Thaw();
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().code, ErrorCode::kUnavailable);
  Status written = Append(*database, "z");
  for (int i = 0; i < 300 && !written; ++i) {
    std::this_thread::sleep_for(Millis{10});
    written = Append(*database, "z");
  }
  EXPECT_TRUE(written);
  EXPECT_EQ(Entries(*database), 2U);
}

// ---- another server

// A name, or an address, that is another server's from now on.
TEST_F(PostgresqlStore, WriterThatWentToAnotherServer_IsFollowedByThoseWhoReadAndListen) {
  test::PostgresqlServer next;
  next.Sql("CREATE DATABASE " + name_ + " OWNER panel");
  const auto there = Open({.url = next.Url(name_), .readers = 1});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Append(*there, "x"));
  Proxy proxy(server().port(), [](std::string_view) { return Proxy::Action::kForward; });
  const auto database = Open({.url = Through(proxy), .readers = 1});
  const auto listening = database->Listen([](const Announcement&) {});
  ASSERT_TRUE(Append(*database, "x"));
  EXPECT_EQ(Entries(*database), 1U);
  proxy.Redirect(next.port());
  EXPECT_EQ(Entries(*database), 1U) << "nothing was lost yet";
  Sql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
      "WHERE datname = current_database() AND query = 'COMMIT'");
  ASSERT_TRUE(Append(*database, "y"));
  EXPECT_EQ(Entries(*database), 4U) << "read where it was written";
  const auto listeners = [&] {
    return next.Sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'", name_);
  };
  for (int i = 0; i < 500 && listeners() != "1"; ++i) std::this_thread::sleep_for(Millis{20});
  EXPECT_EQ(listeners(), "1");
}

TEST_F(PostgresqlStore, ServerThatBecameReadOnly_IsNotFollowed) {
  const auto database = Open({.readers = 1});
  ASSERT_TRUE(Append(*database, "x"));
  const auto connects = database->statistics().connects;
  server().Sql("ALTER DATABASE " + name_ + " SET default_transaction_read_only = on");
  Sql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
      "WHERE datname = current_database() AND query = 'COMMIT'");
  EXPECT_FALSE(Append(*database, "y"));
  EXPECT_EQ(Entries(*database), 1U);
  EXPECT_EQ(database->statistics().connects, connects) << "those who read kept what they had";
  server().Sql("ALTER DATABASE " + name_ + " RESET default_transaction_read_only");
  Status written = Append(*database, "z");
  for (int i = 0; i < 300 && !written; ++i) {
    std::this_thread::sleep_for(Millis{10});
    written = Append(*database, "z");
  }
  EXPECT_TRUE(written) << written.error().ToString();
}

// ---- several panels

TEST_F(PostgresqlStore, WriteThatIsHeldUpByAnotherPanel_IsUnavailableInTime) {
  const auto database = Open({.lock_timeout = Millis{50}});
  const auto other = *Connection::Open(url_, {});
  ASSERT_TRUE(other->BeginWrite());
  const auto late = Append(*database, "x");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kUnavailable);
  other->Rollback();
  EXPECT_TRUE(Append(*database, "x"));
}

TEST_F(PostgresqlStore, PanelThatHangsInATransaction_HoldsUpTheOthersNoLongerThanALock) {
  const auto database = Open();
  const auto hanging = *Connection::Open(url_, {.lock_timeout = Millis{100}});
  ASSERT_TRUE(hanging->BeginWrite());
  EXPECT_TRUE(Append(*database, "x")) << "the server has ended the other one";
  EXPECT_FALSE(hanging->Run("SELECT 1"));
  EXPECT_TRUE(hanging->lost());
}

TEST_F(PostgresqlStore, TwoPanels_FiftyPostsWithOneIdempotencyKey_MakeOneJob) {
  const auto one = Open();
  const auto two = Open();
  std::vector<Creation> creations;
  for (int i = 0; i < 50; ++i) creations.push_back(NewJob());
  std::latch start(50);
  std::atomic<int> made{0};
  std::atomic<int> replayed{0};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < creations.size(); ++i) {
    threads.emplace_back([&, i] {
      auto& database = i % 2 == 0 ? *one : *two;
      start.arrive_and_wait();
      const auto fresh = database.Write([&](Transaction& t) -> Result<bool> {
        PROV_TRY(const auto replay, t.replays().Find(ann_, "key", clock_.Now()));
        if (replay) return false;
        PROV_CHECK(t.jobs().Insert(creations[i]));
        PROV_CHECK(t.replays().Keep(ann_, "key", {"mac", {202, "", ""}}, clock_.Now()));
        return true;
      });
      if (fresh) ++(*fresh ? made : replayed);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(made, 1);
  EXPECT_EQ(replayed, 49);
  EXPECT_EQ(Sql("SELECT count(*) FROM jobs"), "1");
}

TEST_F(PostgresqlStore, TwoPanels_RacingTransitions_ExactlyOneWins) {
  const auto one = Open();
  const auto two = Open();
  constexpr int kJobs = 20;
  for (int job = 0; job < kJobs; ++job) {
    const auto creation = NewJob();
    ASSERT_TRUE(one->Write([&](Transaction& t) { return t.jobs().Insert(creation); }));
    std::atomic<int> wins{0};
    std::latch start(2);
    const auto apply = [&](Database& database, job::Status to) {
      start.arrive_and_wait();
      const auto applied = database.Write([&](Transaction& t) -> Result<std::uint64_t> {
        PROV_TRY(auto record, t.jobs().Get(ann_, creation.job.id));
        record.status = to;
        return t.jobs().Apply({0, job::Status::kQueued}, job::Party::kPanel, record, clock_.Now());
      });
      if (applied) {
        ++wins;
      } else {
        EXPECT_EQ(applied.error().code, ErrorCode::kConflict) << applied.error().ToString();
      }
    };
    std::thread other([&] { apply(*two, job::Status::kCanceled); });
    apply(*one, job::Status::kDispatched);
    other.join();
    EXPECT_EQ(wins, 1);
  }
  EXPECT_EQ(Sql("SELECT count(*) FROM changes"), std::to_string(2 * kJobs));
}

TEST_F(PostgresqlStore, TwoPanels_OneAuditChain) {
  const auto one = Open();
  const auto two = Open();
  const auto append = [](Database& database) {
    for (int i = 0; i < 100; ++i) {
      const auto appended = Append(database, "x");
      EXPECT_TRUE(appended) << appended.error().ToString();
    }
  };
  std::thread other([&] { append(*two); });
  append(*one);
  other.join();
  const auto verdict = VerdictOf(*one);
  EXPECT_EQ(verdict.entries, 200U);
  EXPECT_FALSE(verdict.first_bad) << verdict.reason;
}

// What each reads is not what it writes, so that no lock of a row it writes would keep them apart.
TEST_F(PostgresqlStore, TwoPanels_EachOfTwoAdministratorsRemovesTheOther_OneIsLeft) {
  const auto one = Open();
  const auto two = Open();
  for (int round = 0; round < 20; ++round) {
    std::vector<User> users;
    for (const auto* name : {"ann", "bob"}) {
      users.push_back({Uuid::MakeV7(clock_, random_),
                       name,
                       "h",
                       Role::kAdministrator,
                       false,
                       clock_.Now(),
                       {},
                       "{}"});
      ASSERT_TRUE(one->Write([&](Transaction& t) { return t.users().Insert(users.back()); }));
    }
    std::latch start(2);
    const auto remove = [&](Database& database, const User& user) {
      start.arrive_and_wait();
      return database.Write([&](Transaction& t) -> Status {
        PROV_TRY(const auto all, t.users().List());
        if (all.size() == 1) return Error{ErrorCode::kConflict, "the last administrator."};
        return t.users().Remove(user.id);
      });
    };
    Status second;
    std::thread other([&] { second = remove(*two, users[1]); });
    const auto first = remove(*one, users[0]);
    other.join();
    EXPECT_NE(first.has_value(), second.has_value());
    EXPECT_EQ(Sql("SELECT count(*) FROM users"), "1");
    Sql("DELETE FROM users");
  }
}

TEST_F(PostgresqlStore, Read_SeesOneStateWhateverIsWrittenMeanwhile) {
  const auto database = Open();
  ASSERT_TRUE(Append(*database, "x"));
  const auto unchanged = database->Read([&](Transaction& t) -> Result<bool> {
    PROV_TRY(const auto before, t.audit().Head());
    Sql("UPDATE audit_head SET sequence = 77");
    PROV_TRY(const auto after, t.audit().Head());
    return before == after;
  });
  ASSERT_TRUE(unchanged);
  EXPECT_TRUE(*unchanged);
  EXPECT_EQ(Entries(*database), 77U);
}

// ---- text

TEST_F(PostgresqlStore, WhatAProgramSays_MayHoldNul) {
  const auto database = Open();
  const auto creation = NewJob();
  ASSERT_TRUE(database->Write([&](Transaction& t) { return t.jobs().Insert(creation); }));
  const std::string said("half\0done", 9);
  ASSERT_TRUE(database->Write([&](Transaction& t) -> Status {
    PROV_TRY(auto next, t.jobs().Get(ann_, creation.job.id));
    next.message = said;
    next.status_reason = said;
    next.outputs = {{"url", "URL", said, false}};
    PROV_CHECK(t.jobs().Apply({0, job::Status::kQueued}, job::Party::kPanel, next, clock_.Now()));
    return {};
  }));
  const auto read =
      *database->Read([&](Transaction& t) { return t.jobs().Get(ann_, creation.job.id); });
  EXPECT_EQ(read.message, said);
  EXPECT_EQ(read.status_reason, said);
  ASSERT_EQ(read.outputs.size(), 1U);
  EXPECT_EQ(read.outputs[0].value, said);
  const auto changes = *database->Read(
      [&](Transaction& t) { return t.changes().After(ann_, creation.job.id, 1, 9); });
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].message, said);
}

TEST_F(PostgresqlStore, NamesWithNulOrBrokenUtf8_AreRefusedAndNothingElseIs) {
  const auto database = Open();
  for (const auto& name : {std::string("nul\0", 4), std::string("\xc3")}) {
    auto creation = NewJob();
    creation.job.app_id = name;
    const auto refused = database->Write([&](Transaction& t) { return t.jobs().Insert(creation); });
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
    const auto none = database->Read(
        [&](Transaction& t) { return t.jobs().List(ann_, {.app_id = name}, std::nullopt, 9); });
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_TRUE(Append(*database, "Zwölf"));
  EXPECT_EQ(Sql("SELECT count(*) FROM jobs"), "0");
}

// ---- at start

TEST_F(PostgresqlStore, WrongPassword_IsSaidAndNotShown) {
  server().Sql(
      "DROP ROLE IF EXISTS secretive; CREATE ROLE secretive LOGIN PASSWORD 'right';"
      "ALTER DATABASE " +
      name_ + " OWNER TO secretive");
  const auto with = [&](const std::string& password) {
    auto url = server().Url(name_, "secretive" + password);
    return url;
  };
  for (const auto* password : {":canary-4711", ""}) {
    const auto refused = Refused(with(password));
    EXPECT_EQ(refused.code, ErrorCode::kPermissionDenied);
    EXPECT_THAT(refused.ToString(), HasSubstr("give the right user and password"));
    EXPECT_THAT(refused.ToString(), Not(HasSubstr("canary")));
  }
  EXPECT_TRUE(PostgresqlDatabase::Open({.url = with(":right")}));
  const test::TemporaryDirectory directory;
  const auto file = directory.path() / "passfile";
  std::ofstream(file) << "127.0.0.1:*:*:secretive:right\n";
  std::filesystem::permissions(file, std::filesystem::perms::owner_read);
  EXPECT_TRUE(PostgresqlDatabase::Open({.url = with("") + "?passfile=" + file.string()}));
  server().Sql("REASSIGN OWNED BY secretive TO panel", name_);
}

TEST_F(PostgresqlStore, WhatIsWrongAtStart_IsASentenceThatSaysWhatToDo) {
  EXPECT_THAT(Refused(server().Url("nowhere")).message, HasSubstr("CREATE DATABASE"));
  EXPECT_THAT(Refused("postgresql://panel@127.0.0.1:1/panel").message,
              HasSubstr("is the server up"));
  EXPECT_THAT(Refused(url_ + "?sslmode=require").message, HasSubstr("SSL"));
  EXPECT_THAT(Refused("mysql://here").message, HasSubstr("postgresql://USER:PASSWORD@HOST"));
  server().Sql("DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN");
  EXPECT_THAT(Refused(server().Url(name_, "guest")).message, HasSubstr("owner of the database"));
}

TEST_F(PostgresqlStore, TooFewConnections_AreSaidAtStart) {
  const auto user = "few_" + name_;
  server().Sql("CREATE ROLE " + user + " LOGIN CONNECTION LIMIT 2; ALTER DATABASE " + name_ +
               " OWNER TO " + user);
  const auto refused = Refused(server().Url(name_, user), 2);
  EXPECT_EQ(refused.code, ErrorCode::kUnavailable);
  EXPECT_THAT(refused.message, HasSubstr("max_connections"));
}

TEST_F(PostgresqlStore, ReadOnlyServer_IsRefusedAtStart_LaterReadAndSaysWhyNothingIsWritten) {
  const auto database = Open({.readers = 1});
  ASSERT_TRUE(Append(*database, "x"));
  server().Sql("ALTER DATABASE " + name_ + " SET default_transaction_read_only = on");
  Sql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
      "WHERE datname = current_database() AND pid <> pg_backend_pid()");
  EXPECT_EQ(Entries(*database), 1U);
  const auto written = Append(*database, "y");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(written.error().message, HasSubstr("the primary server"));
  const auto refused = Refused(url_);
  EXPECT_EQ(refused.code, ErrorCode::kPermissionDenied);
  EXPECT_THAT(refused.message, HasSubstr("the primary server"));
}

TEST_F(PostgresqlStore, ServerThatIsAwayAtStart_IsWaitedFor) {
  std::vector<std::string> said;
  server().Kill();
  const auto database =
      Open({.readers = 1, .patience = Millis{50}, .on_away = [&](const Error& error) {
              said.push_back(error.ToString());
            }});
  ASSERT_EQ(said.size(), 1U);
  EXPECT_THAT(said.front(), HasSubstr("is the server up"));
  const auto early = Append(*database, "x");
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(early.error().message, HasSubstr("is the server up"));
  server().Start();
  Status written = Append(*database, "x");
  for (int i = 0; i < 300 && !written; ++i) {
    std::this_thread::sleep_for(Millis{10});
    written = Append(*database, "x");
  }
  ASSERT_TRUE(written) << written.error().ToString();
  EXPECT_EQ(Entries(*database), 1U) << "with its tables, which nobody else had made";
  EXPECT_EQ(said.size(), 1U);
}

TEST_F(PostgresqlStore, NewerSchemaOfAServerThatWasAway_IsNotTouched) {
  Open();
  Sql("UPDATE schema_version SET version = 999");
  server().Kill();
  const auto database =
      Open({.readers = 1, .patience = Millis{50}, .on_away = [](const Error&) {}});
  server().Start();
  Status refused = Append(*database, "x");
  for (int i = 0; i < 300 && refused.error().message.find("999") == std::string::npos; ++i) {
    std::this_thread::sleep_for(Millis{10});
    refused = Append(*database, "x");
    ASSERT_FALSE(refused);
  }
  EXPECT_THAT(refused.error().message, HasSubstr("version 999"));
  EXPECT_EQ(Sql("SELECT count(*) FROM audit"), "0");
}

TEST_F(PostgresqlStore, DatabaseThatARestoreHasForItself_IsWaitedFor) {
  auto restoring = *Connection::Open(url_, {});
  ASSERT_TRUE(restoring->Occupy(Connection::Use::kAlone));
  const auto refused = Refused(url_);
  EXPECT_EQ(refused.code, ErrorCode::kUnavailable);
  EXPECT_THAT(refused.message, HasSubstr("uses the database alone"));
  const auto database =
      Open({.readers = 1, .patience = Millis{50}, .on_away = [](const Error&) {}});
  restoring.reset();
  Status written = Append(*database, "x");
  for (int i = 0; i < 300 && !written; ++i) {
    std::this_thread::sleep_for(Millis{10});
    written = Append(*database, "x");
  }
  EXPECT_TRUE(written) << written.error().ToString();
  const auto late = *Connection::Open(url_, {});
  const auto used = late->Occupy(Connection::Use::kAlone);
  ASSERT_FALSE(used);
  EXPECT_EQ(used.error().code, ErrorCode::kConflict);
}

TEST_F(PostgresqlStore, NewerSchema_IsRefusedWithASentence) {
  Open();
  Sql("UPDATE schema_version SET version = 999");
  const auto refused = Refused(url_);
  EXPECT_EQ(refused.code, ErrorCode::kUnsupported);
  EXPECT_THAT(refused.message, HasSubstr("version 999"));
  EXPECT_EQ(Sql("SELECT version FROM schema_version"), "999");
}

TEST_F(PostgresqlStore, MigrationThatFails_LeavesNothing) {
  Sql("CREATE TABLE users (somebody TEXT)");
  const auto refused = Refused(url_);
  EXPECT_THAT(refused.ToString(), HasSubstr("migrating the database"));
  EXPECT_EQ(Sql("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"),
            "1");
}

TEST_F(PostgresqlStore, SeveralProcessesAtOnce_MigrateOnce) {
  std::vector<pid_t> children;
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  for (int i = 0; i < 5; ++i) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      close(ready[1]);
      char byte = 0;
      (void)!read(ready[0], &byte, 1);  // until all are there
      const auto opened = PostgresqlDatabase::Open({.url = url_, .readers = 1});
      if (!opened) std::fprintf(stderr, "%s\n", opened.error().ToString().c_str());
      _exit(opened ? 0 : 1);
    }
    children.push_back(child);
  }
  close(ready[0]);
  close(ready[1]);
  for (const auto child : children) {
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(Sql("SELECT version FROM schema_version"), std::to_string(MigrationSteps().size()));
  EXPECT_EQ(Sql("SELECT count(*) FROM audit_head"), "1");
}

}  // namespace
}  // namespace prov::store::postgresql
