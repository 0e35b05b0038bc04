// What every store promises, run over every implementation.
#include <latch>
#include <thread>

#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "store/audit_chain_test.hpp"
#include "store/memory/database.hpp"
#include "store/postgresql/database.hpp"
#include "store/sqlite/database.hpp"
#include "support/postgresql.hpp"
#include "support/requires.hpp"
#include "support/temporary_directory.hpp"
#include "support/vectors.hpp"

namespace prov::store {
namespace {

using job::Party;

struct Factory {
  std::string name;
  std::function<std::unique_ptr<Database>(const Path& directory)> open;
  std::string requirement;  // of tests/support/requirement; empty: none
};

std::unique_ptr<Database> OpenSqlite(const Path& directory) {
  sqlite::Options options;
  options.path = directory / "panel.db";
  return *sqlite::SqliteDatabase::Open(options);
}

std::unique_ptr<Database> OpenMemory(const Path&) {
  return std::make_unique<memory::MemoryDatabase>();
}

std::unique_ptr<Database> OpenPostgresql(const Path&) {
  return *postgresql::PostgresqlDatabase::Open(
      {.url = test::PostgresqlServer::Shared().NewDatabase()});
}

class Store : public testing::TestWithParam<Factory> {
 protected:
  void SetUp() override {
    if (!GetParam().requirement.empty()) {
      PROV_REQUIRES(GetParam().requirement);
    }
    db_ = GetParam().open(directory_.path());
  }
  Creation NewJob(const std::string& app = "nginx", const std::string& server = "agent-1") {
    clock_.Advance(Millis{1});
    Creation creation;
    creation.job.id = Uuid::MakeV7(clock_, random_);
    creation.job.app_id = app;
    creation.job.app_version = "1.0.0";
    creation.job.installer_digest = "sha256:00";
    creation.job.server_id = server;
    creation.job.inputs = {{"port", 8080}};
    creation.job.sealed_inputs = {"password"};
    creation.job.user_id = "ann";
    creation.job.created_at = clock_.Now();
    creation.envelope = "envelope";
    creation.sealed_ciphertext = "ciphertext";
    return creation;
  }
  Creation Inserted(const std::string& app = "nginx", const std::string& server = "agent-1") {
    auto creation = NewJob(app, server);
    EXPECT_TRUE(Insert(creation));
    return creation;
  }
  Status Insert(const Creation& creation) {
    return db_->Write([&](Transaction& t) { return t.jobs().Insert(creation); });
  }
  job::Record Get(const Uuid& id) {
    auto record = db_->Read([&](Transaction& t) { return t.jobs().Get(ann_, id); });
    EXPECT_TRUE(record) << record.error().ToString();
    return record ? *record : job::Record{};
  }
  Result<std::uint64_t> Apply(const Uuid& id, job::Status from, job::Status to, Party by,
                              const std::optional<LogChunk>& log = std::nullopt) {
    return db_->Write([&](Transaction& t) -> Result<std::uint64_t> {
      PROV_TRY(auto record, t.jobs().Get(ann_, id));
      record.status = to;
      return t.jobs().Apply({record.attempt, from}, by, record, clock_.Now(), log);
    });
  }
  std::vector<Uuid> Ids(const JobFilter& filter, std::optional<Uuid> before = std::nullopt,
                        std::size_t limit = 100) {
    auto rows =
        db_->Read([&](Transaction& t) { return t.jobs().List(ann_, filter, before, limit); });
    EXPECT_TRUE(rows);
    std::vector<Uuid> ids;
    for (const auto& row : *rows) ids.push_back(row.id);
    return ids;
  }

  test::TemporaryDirectory directory_;
  FakeClock clock_;
  FakeRandom random_;
  Actor ann_{"ann"};
  Actor root_{"root", true};
  std::unique_ptr<Database> db_;
};

TEST_P(Store, Insert_ReadBack_EveryMemberIsThere) {
  auto creation = NewJob();
  creation.job.retry_of = Uuid::MakeV7(clock_, random_);
  creation.job.origin = job::Origin::kExternal;
  creation.job.claimed_user_id = "mallory";
  creation.job.retry = {5, 7};
  creation.job.action = contract::Action::kUpgrade;
  ASSERT_TRUE(Insert(creation));
  const auto record = Get(creation.job.id);
  EXPECT_EQ(record.app_id, "nginx");
  EXPECT_EQ(record.inputs, creation.job.inputs);
  EXPECT_EQ(record.sealed_inputs, creation.job.sealed_inputs);
  EXPECT_EQ(record.retry_of, creation.job.retry_of);
  EXPECT_EQ(record.origin, job::Origin::kExternal);
  EXPECT_EQ(record.claimed_user_id, "mallory");
  EXPECT_EQ(record.retry.backoff_seconds, 7u);
  EXPECT_EQ(record.action, contract::Action::kUpgrade);
  EXPECT_EQ(record.created_at, creation.job.created_at);
  EXPECT_EQ(record.status, job::Status::kQueued);
  EXPECT_EQ(record.progress, std::nullopt);
}

TEST_P(Store, Apply_EveryMutableMember_IsReadBack) {
  const auto id = Inserted().job.id;
  auto next = Get(id);
  next.status = job::Status::kDispatched;
  next.status_reason = "why";
  next.exit_code = 2;
  next.signal = 9;
  next.failure_kind = job::FailureKind::kOom;
  next.needs_attention = true;
  next.progress = 40;
  next.message = "half";
  next.next_attempt_at = next.dispatched_at = next.started_at = clock_.Now();
  next.finished_at = next.cancel_requested_at = clock_.Now();
  next.outputs = {{"url", "URL", "http://x", false}};
  next.left_running = {{7, "nginx", "nginx.service"}};
  next.log = {3, 40, true, 1, "ab"};
  next.steps = {{"Install", 1, clock_.Now(), clock_.Now(), job::StepStatus::kFailed},
                {"Start", 3, clock_.Now(), std::nullopt, job::StepStatus::kRunning}};
  next.known_failure = job::FailureFound{"The disk is full", "Free some", 3, true};
  ASSERT_TRUE(db_->Write([&](Transaction& t) {
    return t.jobs().Apply({0, job::Status::kQueued}, Party::kPanel, next, clock_.Now());
  }));
  const auto read = Get(id);
  EXPECT_EQ(read.status, job::Status::kDispatched);
  EXPECT_EQ(read.status_reason, "why");
  EXPECT_EQ(read.exit_code, 2);
  EXPECT_EQ(read.signal, 9);
  EXPECT_EQ(read.failure_kind, job::FailureKind::kOom);
  EXPECT_TRUE(read.needs_attention);
  EXPECT_EQ(read.progress, 40u);
  EXPECT_EQ(read.message, "half");
  EXPECT_EQ(read.next_attempt_at, clock_.Now());
  EXPECT_EQ(read.cancel_requested_at, clock_.Now());
  EXPECT_EQ(read.outputs, next.outputs);
  EXPECT_EQ(read.left_running, next.left_running);
  EXPECT_EQ(read.log, next.log);
  EXPECT_EQ(read.steps, next.steps);
  EXPECT_EQ(read.known_failure, next.known_failure);
  auto last = read;
  last.known_failure.reset();
  ASSERT_TRUE(db_->Write([&](Transaction& t) {
    return t.jobs().Apply({0, job::Status::kDispatched}, Party::kPanel, last, clock_.Now());
  }));
  EXPECT_EQ(Get(id).known_failure, std::nullopt);
}

TEST_P(Store, FailingClosure_RollsBackAllItWrote) {
  const auto creation = NewJob();
  const auto outcome = db_->Write([&](Transaction& t) -> Status {
    PROV_CHECK(t.jobs().Insert(creation));
    PROV_CHECK(t.audit().Append({clock_.Now(), "ann", "job.created", "x", {}}));
    return Error{ErrorCode::kTooLarge, "no."};
  });
  ASSERT_TRUE(outcome.has_error());
  EXPECT_EQ(outcome.error().code, ErrorCode::kTooLarge);
  EXPECT_TRUE(Ids({}).empty());
  EXPECT_EQ(db_->Read([](Transaction& t) { return t.audit().Head(); })->sequence, 0u);
}

TEST_P(Store, ThrowingClosure_RollsBackAndSaysInternal) {
  const auto creation = NewJob();
  const auto outcome = db_->Write([&](Transaction& t) -> Status {
    PROV_CHECK(t.jobs().Insert(creation));
    throw std::runtime_error("boom");
  });
  EXPECT_EQ(outcome.error().code, ErrorCode::kInternal);
  EXPECT_TRUE(Ids({}).empty());
}

TEST_P(Store, ReadTransaction_RefusesToWrite) {
  const auto creation = NewJob();
  EXPECT_TRUE(db_->Read([&](Transaction& t) { return t.jobs().Insert(creation); }).has_error());
  EXPECT_TRUE(Ids({}).empty());
}

TEST_P(Store, SameId_IsAConflict) {
  const auto creation = Inserted();
  EXPECT_EQ(Insert(creation).error().code, ErrorCode::kConflict);
}

TEST_P(Store, FiftyPostsWithOneIdempotencyKey_MakeOneJob) {
  std::vector<Creation> creations;
  for (int i = 0; i < 50; ++i) creations.push_back(NewJob());
  std::latch start(50);
  std::atomic<int> made{0};
  std::atomic<int> replayed{0};
  std::vector<std::thread> threads;
  for (const auto& creation : creations) {
    threads.emplace_back([&] {
      start.arrive_and_wait();
      const auto fresh = db_->Write([&](Transaction& t) -> Result<bool> {
        PROV_TRY(const auto replay, t.replays().Find(ann_, "key", clock_.Now()));
        if (replay) return false;
        PROV_CHECK(t.jobs().Insert(creation));
        PROV_CHECK(t.replays().Keep(ann_, "key", {"mac", {202, "", ""}}, clock_.Now()));
        return true;
      });
      if (fresh) ++(*fresh ? made : replayed);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(made, 1);
  EXPECT_EQ(replayed, 49);
  EXPECT_EQ(Ids({}).size(), 1u);
}

TEST_P(Store, IdempotencyKey_IsScopedToUserAndEndsAfterADay) {
  const std::string body("{\"text\": \"\0 \xc3\xa4\"}\n", 18);
  const Replay kept{"mac", {202, "/api/jobs/1", body}};
  const auto find = [&](const Actor& actor) {
    return *db_->Read([&](Transaction& t) { return t.replays().Find(actor, "key", clock_.Now()); });
  };
  const auto keep = [&](const Actor& actor, const Replay& replay) {
    return db_->Write(
        [&](Transaction& t) { return t.replays().Keep(actor, "key", replay, clock_.Now()); });
  };
  ASSERT_TRUE(keep(ann_, kept));
  EXPECT_EQ(find(ann_), kept) << "byte for byte";
  EXPECT_EQ(find(Actor{"bob"}), std::nullopt);
  EXPECT_TRUE(keep(Actor{"bob"}, {"other", {200, "", ""}}));
  EXPECT_EQ(keep(ann_, {"other", {200, "", ""}}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(find(ann_), kept);
  clock_.Advance(kReplayKept - Millis{1});
  EXPECT_EQ(find(ann_), kept);
  clock_.Advance(Millis{1});
  EXPECT_EQ(find(ann_), std::nullopt);
  EXPECT_TRUE(keep(ann_, {"later", {200, "", ""}}));
  EXPECT_EQ(find(ann_)->body_mac, "later");
}

TEST_P(Store, ReplayOfATransactionThatFailed_IsNotKept) {
  EXPECT_FALSE(db_->Write([&](Transaction& t) -> Status {
    PROV_CHECK(t.replays().Keep(ann_, "key", {"mac", {202, "", ""}}, clock_.Now()));
    return Error{ErrorCode::kConflict, "it did not work", {}};
  }));
  EXPECT_EQ(*db_->Read([&](Transaction& t) { return t.replays().Find(ann_, "key", clock_.Now()); }),
            std::nullopt);
}

TEST_P(Store, Apply_WrongExpectation_IsAConflictAndChangesNothing) {
  const auto id = Inserted().job.id;
  const auto wrong = Apply(id, job::Status::kRunning, job::Status::kSucceeded, Party::kAgent);
  EXPECT_EQ(wrong.error().code, ErrorCode::kConflict);
  EXPECT_EQ(Get(id).status, job::Status::kQueued);
}

// Where the transition is legal, only the comparison keeps the slower of two from writing.
TEST_P(Store, Apply_LegalTransitionFromWrongExpectation_IsAConflictAndChangesNothing) {
  const auto id = Inserted().job.id;
  auto next = Get(id);
  next.status = job::Status::kCanceled;
  for (const auto& wrong :
       {Expected{0, job::Status::kDispatched}, Expected{1, job::Status::kQueued}}) {
    const auto outcome = db_->Write(
        [&](Transaction& t) { return t.jobs().Apply(wrong, Party::kPanel, next, clock_.Now()); });
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::kConflict);
    EXPECT_EQ(Get(id).status, job::Status::kQueued);
  }
  const auto right = Apply(id, job::Status::kQueued, job::Status::kCanceled, Party::kPanel);
  ASSERT_TRUE(right) << "it is legal: " << right.error().ToString();
  EXPECT_EQ(*right, 2U) << "no change was appended before";
}

TEST_P(Store, Apply_IllegalTransition_IsAConflict) {
  const auto id = Inserted().job.id;
  EXPECT_EQ(Apply(id, job::Status::kQueued, job::Status::kSucceeded, Party::kPanel).error().code,
            ErrorCode::kConflict);
  ASSERT_TRUE(Apply(id, job::Status::kQueued, job::Status::kCanceled, Party::kPanel));
  EXPECT_EQ(Apply(id, job::Status::kCanceled, job::Status::kCanceled, Party::kPanel).error().code,
            ErrorCode::kConflict);
}

TEST_P(Store, Apply_UnknownJob_IsNotFound) {
  job::Record record;
  record.id = Uuid::MakeV7(clock_, random_);
  const auto outcome = db_->Write(
      [&](Transaction& t) { return t.jobs().Apply({}, Party::kPanel, record, clock_.Now()); });
  EXPECT_EQ(outcome.error().code, ErrorCode::kNotFound);
}

TEST_P(Store, RacingTransitions_ExactlyOneWins) {
  const auto id = Inserted().job.id;
  std::atomic<int> wins{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const auto to = i % 2 == 0 ? job::Status::kCanceled : job::Status::kDispatched;
      const auto outcome = Apply(id, job::Status::kQueued, to, Party::kPanel);
      if (outcome) ++wins;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wins, 1);
}

TEST_P(Store, TerminalStatus_ForgetsCiphertextAndEnvelopeAndMark) {
  const auto id = Inserted().job.id;
  auto delivery = [&] {
    return **db_->Read([&](Transaction& t) { return t.jobs().GetDelivery(id); });
  };
  EXPECT_EQ(delivery().envelope, "envelope");
  EXPECT_EQ(delivery().sealed_ciphertext, "ciphertext");
  ASSERT_TRUE(Apply(id, job::Status::kQueued, job::Status::kCanceled, Party::kPanel));
  EXPECT_EQ(delivery().envelope, "");
  EXPECT_EQ(delivery().sealed_ciphertext, "");
  EXPECT_TRUE(
      db_->Read([](Transaction& t) { return t.jobs().Undelivered("agent-1", 10); })->empty());
}

TEST_P(Store, Envelope_IsReplacedUntilItIsHandedOver) {
  const auto id = Inserted().job.id;
  const auto replace = [&](const Uuid& job, const std::string& bytes) {
    return db_->Write([&](Transaction& t) { return t.jobs().ReplaceEnvelope(job, bytes); });
  };
  const auto envelope = [&] {
    return (*db_->Read([&](Transaction& t) { return t.jobs().GetDelivery(id); }))->envelope;
  };
  ASSERT_TRUE(replace(id, "second"));
  EXPECT_EQ(envelope(), "second");
  ASSERT_TRUE(Apply(id, job::Status::kQueued, job::Status::kDispatched, Party::kPanel));
  EXPECT_EQ(replace(id, "third").error().code, ErrorCode::kConflict);
  EXPECT_EQ(envelope(), "second");
  EXPECT_EQ(replace(NewJob().job.id, "third").error().code, ErrorCode::kNotFound);
}

TEST_P(Store, Envelope_IsMadeOnce) {
  auto creation = NewJob();
  creation.envelope = "";
  ASSERT_TRUE(Insert(creation));
  auto set = [&](const std::string& bytes) {
    return db_->Write([&](Transaction& t) { return t.jobs().SetEnvelope(creation.job.id, bytes); });
  };
  EXPECT_TRUE(set("first"));
  EXPECT_EQ(set("second").error().code, ErrorCode::kConflict);
  EXPECT_EQ(
      (*db_->Read([&](Transaction& t) { return t.jobs().GetDelivery(creation.job.id); }))->envelope,
      "first");
}

TEST_P(Store, UndeliveredAndUnacknowledged_FollowTheRelay) {
  const auto id = Inserted().job.id;
  const auto other = Inserted().job.id;
  auto undelivered = [&] {
    return *db_->Read([](Transaction& t) { return t.jobs().Undelivered("agent-1", 10); });
  };
  auto unacknowledged = [&](WallTime before) {
    return *db_->Read(
        [&](Transaction& t) { return t.jobs().Unacknowledged("agent-1", before, 10); });
  };
  ASSERT_EQ(undelivered().size(), 2u);
  EXPECT_EQ(undelivered()[0].job_id, id);
  EXPECT_EQ(undelivered()[1].job_id, other);
  ASSERT_TRUE(db_->Write([&](Transaction& t) -> Status {
    PROV_TRY(auto record, t.jobs().Get(ann_, id));
    record.status = job::Status::kDispatched;
    record.dispatched_at = clock_.Now();
    PROV_CHECK(t.jobs().Apply({0, job::Status::kQueued}, Party::kPanel, record, clock_.Now()));
    return t.jobs().SetUndelivered(id, false);
  }));
  ASSERT_EQ(undelivered().size(), 1u);
  EXPECT_TRUE(unacknowledged(clock_.Now()).empty());
  const auto whose = [&](WallTime before) {
    return *db_->Read([&](Transaction& t) { return t.jobs().ServersWithUnacknowledged(before); });
  };
  EXPECT_TRUE(whose(clock_.Now()).empty());
  EXPECT_EQ(whose(clock_.Now() + Millis{1}), std::vector<std::string>{"agent-1"});
  ASSERT_EQ(unacknowledged(clock_.Now() + Millis{1}).size(), 1u);
  EXPECT_EQ(unacknowledged(clock_.Now() + Millis{1})[0].envelope, "envelope");
  EXPECT_EQ(db_->Read([](Transaction& t) { return t.jobs().Unsettled("agent-1", 9); })->size(), 1u);
  ASSERT_TRUE(Apply(id, job::Status::kDispatched, job::Status::kAccepted, Party::kAgent));
  EXPECT_TRUE(unacknowledged(clock_.Now() + Millis{1}).empty());
  EXPECT_TRUE(whose(clock_.Now() + Millis{1}).empty());
}

TEST_P(Store, Undelivered_IsAskedByServer) {
  auto servers = [&] {
    return *db_->Read([](Transaction& t) { return t.jobs().ServersWithUndelivered(); });
  };
  auto oldest = [&] {
    return *db_->Read([](Transaction& t) { return t.jobs().OldestUndelivered(); });
  };
  EXPECT_TRUE(servers().empty());
  EXPECT_EQ(oldest(), std::nullopt);
  const auto first = Inserted("nginx", "agent-2");
  clock_.Advance(Seconds{1});
  const auto second = Inserted("nginx", "agent-1");
  Inserted("nginx", "agent-1");
  EXPECT_EQ(servers(), (std::vector<std::string>{"agent-1", "agent-2"}));
  EXPECT_EQ(oldest(), first.job.created_at);
  const auto one = *db_->Read([](Transaction& t) { return t.jobs().Undelivered("agent-1", 1); });
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0].job_id, second.job.id);
  ASSERT_TRUE(
      db_->Write([&](Transaction& t) { return t.jobs().SetUndelivered(first.job.id, false); }));
  EXPECT_EQ(servers(), std::vector<std::string>{"agent-1"});
  EXPECT_EQ(oldest(), second.job.created_at);
}

TEST_P(Store, List_PagesNewestFirstAndStaysStableWhileRowsAreAdded) {
  std::vector<Uuid> ids;
  for (int i = 0; i < 5; ++i) ids.insert(ids.begin(), Inserted().job.id);
  const auto first = Ids({}, std::nullopt, 2);
  EXPECT_EQ(first, (std::vector{ids[0], ids[1]}));
  Inserted();
  EXPECT_EQ(Ids({}, first.back(), 2), (std::vector{ids[2], ids[3]}));
  EXPECT_EQ(Ids({}, ids[3], 2), (std::vector{ids[4]}));
}

TEST_P(Store, List_EachFilterSelects) {
  const auto a = Inserted("nginx", "agent-1");
  const auto b = Inserted("redis", "agent-2");
  const auto c = Inserted("nginx", "agent-2");
  ASSERT_TRUE(Apply(a.job.id, job::Status::kQueued, job::Status::kCanceled, Party::kPanel));
  ASSERT_TRUE(Apply(b.job.id, job::Status::kQueued, job::Status::kDispatched, Party::kPanel));
  const auto ia = a.job.id;
  const auto ib = b.job.id;
  const auto ic = c.job.id;
  using Ids3 = std::vector<Uuid>;
  EXPECT_EQ(Ids({.app_id = "nginx"}), (Ids3{ic, ia}));
  EXPECT_EQ(Ids({.server_id = "agent-2"}), (Ids3{ic, ib}));
  EXPECT_EQ(Ids({.statuses = {job::Status::kDispatched, job::Status::kCanceled}}), (Ids3{ib, ia}));
  EXPECT_EQ(Ids({.app_id = "nginx", .statuses = {job::Status::kQueued}}), (Ids3{ic}));
  EXPECT_EQ(Ids({.user_id = "bob"}), Ids3{});
  EXPECT_EQ(Ids({.action = contract::Action::kCheck}), Ids3{});
  EXPECT_EQ(Ids({.since = b.job.created_at}), (Ids3{ic, ib}));
  EXPECT_EQ(Ids({.until = b.job.created_at}), (Ids3{ia}));
  const auto counts = *db_->Read([](Transaction& t) { return t.jobs().CountByAppAndStatus(); });
  EXPECT_EQ(counts.size(), 3u);
  const auto depth = *db_->Read([](Transaction& t) { return t.jobs().QueueDepth(); });
  ASSERT_EQ(depth.size(), 1u);
  EXPECT_EQ(depth[0].server_id, "agent-2");
  EXPECT_EQ(depth[0].jobs, 2u);
}

TEST_P(Store, Changes_AreGaplessAndCarryTheLog) {
  const auto id = Inserted().job.id;
  using S = job::Status;
  ASSERT_EQ(*Apply(id, S::kQueued, S::kDispatched, Party::kPanel), 2u);
  EXPECT_TRUE(Apply(id, S::kQueued, S::kDispatched, Party::kPanel).has_error());
  ASSERT_EQ(*Apply(id, S::kDispatched, S::kDispatched, Party::kAgent, LogChunk{1, 3, "abc"}), 3u);
  ASSERT_EQ(*Apply(id, S::kDispatched, S::kDispatched, Party::kAgent, LogChunk{4, 2, "de"}), 4u);
  auto after = [&](std::uint64_t seq) {
    return *db_->Read([&](Transaction& t) { return t.changes().After(ann_, id, seq, 100); });
  };
  ASSERT_EQ(after(0).size(), 4u);
  for (std::uint64_t i = 0; i < 4; ++i) EXPECT_EQ(after(0)[i].seq, i + 1);
  EXPECT_EQ(after(0)[0].status, S::kQueued);
  ASSERT_EQ(after(3).size(), 1u);
  EXPECT_EQ(after(3)[0].log, (LogChunk{4, 2, "de"}));
  const auto newest = [&](const Uuid& of) {
    return *db_->Read([&](Transaction& t) { return t.changes().Newest(ann_, of); });
  };
  EXPECT_EQ(newest(id), 4u);
  EXPECT_EQ(newest(Inserted().job.id), 1u);
  EXPECT_EQ(newest(Uuid::MakeV7(clock_, random_)), 0u);
  auto log = [&](std::uint64_t from) {
    return *db_->Read([&](Transaction& t) { return t.changes().Log(ann_, id, 0, from, 100); });
  };
  EXPECT_EQ(log(1).size(), 2u);
  EXPECT_EQ(log(3).size(), 2u);
  ASSERT_EQ(log(4).size(), 1u);
  EXPECT_EQ(log(4)[0].bytes, "de");
  EXPECT_TRUE(log(6).empty());
}

TEST_P(Store, Audit_ChainVerifiesAndOnlyAdministratorsRead) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(db_->Write([&](Transaction& t) {
      return t.audit().Append({clock_.Now(), "ann", "job.created", "x", {{"n", i}}});
    }));
  }
  const auto verdict = VerdictOf(*db_);
  EXPECT_EQ(verdict.entries, 3u);
  EXPECT_FALSE(verdict.first_bad) << verdict.reason;
  auto read = [&](const Actor& actor) {
    return db_->Read([&](Transaction& t) { return t.audit().After(actor, 1, 10); });
  };
  EXPECT_EQ(read(root_)->size(), 2u);
  EXPECT_EQ(read(ann_).error().code, ErrorCode::kPermissionDenied);
}

TEST_P(Store, Audit_ChainIsTheVectorsByteForByte) {
  const auto chains = test::Vectors("store/audit.json").at("chains").as_array();
  const auto whole = std::ranges::find_if(
      chains, [](const auto& each) { return each.at("name") == "four entries"; });
  ASSERT_NE(whole, chains.end());
  for (const auto& each : whole->at("entries").as_array()) {
    const AuditEvent event{WallTime{Millis{each.at("at").to_number<std::int64_t>()}},
                           test::TextAt(each, "user"), test::TextAt(each, "action"),
                           test::TextAt(each, "subject"),
                           json::ParseText(test::TextAt(each, "detail"))->as_object()};
    ASSERT_TRUE(db_->Write([&](Transaction& t) { return t.audit().Append(event); }));
  }
  const auto head = *db_->Read([](Transaction& t) { return t.audit().Head(); });
  EXPECT_EQ(head.sequence, whole->at("head").at("sequence").to_number<std::uint64_t>());
  EXPECT_EQ(HexEncode(head.hash), whole->at("head").at("hash").as_string());
}

TEST_P(Store, Agents_AreCompareAndSetByKeyGeneration) {
  Agent agent{"agent-1", clock_.Now(), 1, "epoch", "key", "{}", std::nullopt, false, {"w"}};
  auto update = [&](const Agent& a, std::uint32_t generation) {
    return db_->Write([&](Transaction& t) { return t.agents().Update(a, generation); });
  };
  EXPECT_EQ(update(agent, 1).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(db_->Write([&](Transaction& t) { return t.agents().Insert(agent); }));
  EXPECT_EQ(db_->Write([&](Transaction& t) { return t.agents().Insert(agent); }).error().code,
            ErrorCode::kConflict);
  agent.key_generation = 2;
  agent.previous_generation = 1;
  agent.offered_generation = 3;
  agent.cloned = CloneMark{clock_.Now(), "two epochs alive"};
  agent.refused = "signed by nobody";
  agent.drained = true;
  ASSERT_TRUE(update(agent, 1));
  EXPECT_EQ(update(agent, 1).error().code, ErrorCode::kConflict);
  const auto now = clock_.Now();
  ASSERT_TRUE(db_->Write([&](Transaction& t) { return t.agents().Seen("agent-1", now); }));
  ASSERT_TRUE(
      db_->Write([&](Transaction& t) { return t.agents().Seen("agent-1", now - Seconds{9}); }));
  agent.last_seen_at = now;
  EXPECT_EQ(*db_->Read([&](Transaction& t) { return t.agents().Get(ann_, "agent-1"); }), agent);
  EXPECT_EQ(db_->Read([&](Transaction& t) { return t.agents().List(ann_); })->size(), 1u);
  agent.last_seen_at = now - Seconds{61};
  ASSERT_TRUE(
      db_->Write([&](Transaction& t) { return t.agents().Seen("agent-1", *agent.last_seen_at); }));
  EXPECT_EQ(*db_->Read([&](Transaction& t) { return t.agents().Get(ann_, "agent-1"); }), agent)
      << "what was written by a clock that is ahead stays for ever";
}

TEST_P(Store, EventPosition_AdvancesOnlyFromWhereItIs) {
  auto advance = [&](const std::string& epoch, std::uint64_t from, std::uint64_t to) {
    return db_->Write(
        [&](Transaction& t) { return t.agents().Advance("agent-1", epoch, from, {to, "hash"}); });
  };
  EXPECT_TRUE(advance("e1", 0, 5));
  EXPECT_EQ(advance("e1", 0, 6).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(advance("e1", 5, 6));
  EXPECT_TRUE(advance("e2", 0, 1));
  EXPECT_EQ(*db_->Read([](Transaction& t) { return t.agents().Position("agent-1", "e1"); }),
            (EventPosition{6, "hash"}));
}

TEST_P(Store, EventHashes_OfTheNewestEventsOfAnEpochAreKept) {
  auto keep = [&](const std::string& epoch, std::vector<EventPosition> applied) {
    return db_->Write(
        [&](Transaction& t) { return t.agents().KeepHashes("agent-1", epoch, applied); });
  };
  auto hashes = [&](const std::string& epoch, std::uint64_t first, std::uint64_t last) {
    return *db_->Read(
        [&](Transaction& t) { return t.agents().EventHashes("agent-1", epoch, first, last); });
  };
  EXPECT_TRUE(hashes("e1", 1, 9).empty());
  ASSERT_TRUE(keep("e1", {{1, "a"}, {2, "b"}, {4, "d"}}));
  ASSERT_TRUE(keep("e2", {{1, "other"}}));
  EXPECT_EQ(hashes("e1", 2, 9), (std::map<std::uint64_t, std::string>{{2, "b"}, {4, "d"}}));
  EXPECT_TRUE(hashes("e1", 5, 2).empty());
  ASSERT_TRUE(keep("e1", {{kEventHashesKept + 2, "z"}}));
  EXPECT_EQ(hashes("e1", 1, 9), (std::map<std::uint64_t, std::string>{{4, "d"}}));
  EXPECT_EQ(hashes("e2", 1, 9).size(), 1u);
}

TEST_P(Store, Commands_StayUntilConfirmed) {
  const Command command{
      Uuid::MakeV7(clock_, random_), "agent-1", "cancel", std::nullopt, "bytes", clock_.Now(),
      clock_.Now() + Seconds{60}};
  auto pending = [&] {
    return *db_->Read([](Transaction& t) { return t.commands().Pending("agent-1", 10); });
  };
  auto confirm = [&] {
    return db_->Write([&](Transaction& t) { return t.commands().Confirm(command.id); });
  };
  auto insert = [&] {
    return db_->Write([&](Transaction& t) { return t.commands().Insert(command); });
  };
  ASSERT_TRUE(insert());
  EXPECT_EQ(insert().error().code, ErrorCode::kConflict);
  EXPECT_EQ(pending(), std::vector{command});
  auto whose = [&] {
    return *db_->Read([](Transaction& t) { return t.commands().AgentsWithPending(); });
  };
  EXPECT_EQ(whose(), std::vector<std::string>{"agent-1"});
  EXPECT_TRUE(confirm());
  EXPECT_TRUE(whose().empty());
  EXPECT_EQ(confirm().error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(insert());
  EXPECT_EQ(
      *db_->Write([&](Transaction& t) { return t.commands().RemoveExpired(command.expires_at); }),
      1u);
  EXPECT_TRUE(pending().empty());
}

TEST_P(Store, ApiTokens_AreTheirOwnersOnly) {
  const ApiToken token{Uuid::MakeV7(clock_, random_), "hash", "ci", "ann", {"jobs"}, clock_.Now()};
  ASSERT_TRUE(db_->Write([&](Transaction& t) { return t.tokens().Insert(token); }));
  EXPECT_EQ(*db_->Read([](Transaction& t) { return t.tokens().FindByHash("hash"); }), token);
  auto list = [&](const Actor& actor) {
    return db_->Read([&](Transaction& t) { return t.tokens().List(actor); })->size();
  };
  EXPECT_EQ(list(ann_), 1u);
  EXPECT_EQ(list(Actor{"bob"}), 0u);
  EXPECT_EQ(list(root_), 1u);
  auto revoke = [&](const Actor& actor) {
    return db_->Write(
        [&](Transaction& t) { return t.tokens().Revoke(actor, token.id, clock_.Now()); });
  };
  EXPECT_EQ(revoke(Actor{"bob"}).error().code, ErrorCode::kNotFound);
  const auto revoked_at = clock_.Now();
  ASSERT_TRUE(revoke(ann_));
  clock_.Advance(Seconds{1});
  ASSERT_TRUE(revoke(root_));
  ASSERT_TRUE(db_->Write([&](Transaction& t) { return t.tokens().Used(token.id, clock_.Now()); }));
  const auto read = *db_->Read([](Transaction& t) { return t.tokens().FindByHash("hash"); });
  EXPECT_EQ(read.revoked_at, revoked_at);
  EXPECT_EQ(read.last_used_at, clock_.Now());
}

TEST_P(Store, EnrolmentToken_WorksOnceForItsAgentBeforeItsExpiry) {
  const EnrolmentToken token{Uuid::MakeV7(clock_, random_), "hash", "agent-1",
                             EnrolmentPurpose::kReEnrol,    "root", clock_.Now(),
                             clock_.Now() + Seconds{60}};
  ASSERT_TRUE(db_->Write([&](Transaction& t) { return t.tokens().InsertEnrolment(token); }));
  auto use = [&](const std::string& hash, const std::string& agent, WallTime now) {
    return db_->Write([&](Transaction& t) { return t.tokens().UseEnrolment(hash, agent, now); });
  };
  const auto now = clock_.Now();
  EXPECT_EQ(use("other", "agent-1", now).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(use("hash", "agent-2", now).error().code, ErrorCode::kConflict);
  EXPECT_EQ(use("hash", "agent-1", token.expires_at).error().code, ErrorCode::kConflict);
  const auto used = use("hash", "agent-1", now);
  ASSERT_TRUE(used);
  EXPECT_EQ(used->purpose, EnrolmentPurpose::kReEnrol);
  EXPECT_EQ(use("hash", "agent-1", now).error().code, ErrorCode::kConflict);
}

TEST_P(Store, Users_AreUniqueByNameAndWhollyWritten) {
  User user{Uuid::MakeV7(clock_, random_),
            "ann",
            "$argon2id$1",
            Role::kUser,
            false,
            clock_.Now(),
            std::nullopt,
            "{}"};
  const auto write = [&](auto change) {
    return db_->Write([&](Transaction& t) -> Status { return change(t.users()); });
  };
  const auto get = [&] {
    return *db_->Read([&](Transaction& t) { return t.users().Get(user.id); });
  };
  EXPECT_EQ(write([&](Users& u) { return u.Update(user); }).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(write([&](Users& u) { return u.Insert(user); }));
  auto other = user;
  other.id = Uuid::MakeV7(clock_, random_);
  EXPECT_EQ(write([&](Users& u) { return u.Insert(other); }).error().code, ErrorCode::kConflict);
  other.name = "Ann";
  EXPECT_TRUE(write([&](Users& u) { return u.Insert(other); })) << "names are compared bytewise";
  EXPECT_EQ(get(), user);
  user.password_hash = "$argon2id$2";
  user.role = Role::kAdministrator;
  user.disabled = true;
  user.preferences = R"({"theme":"dark"})";
  ASSERT_TRUE(write([&](Users& u) { return u.Update(user); }));
  user.last_seen_at = clock_.Now();
  ASSERT_TRUE(write([&](Users& u) { return u.Seen(user.id, clock_.Now()); }));
  EXPECT_EQ(get(), user);
  EXPECT_EQ(*db_->Read([](Transaction& t) { return t.users().FindByName("ann"); }), user);
  EXPECT_EQ(*db_->Read([](Transaction& t) { return t.users().List(); }),
            (std::vector{other, user}));
  EXPECT_EQ(db_->Read([](Transaction& t) { return t.users().FindByName("eve"); }).error().code,
            ErrorCode::kNotFound);
  ASSERT_TRUE(write([&](Users& u) { return u.Remove(user.id); }));
  EXPECT_EQ(write([&](Users& u) { return u.Remove(user.id); }).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(write([&](Users& u) { return u.Seen(user.id, clock_.Now()); }).error().code,
            ErrorCode::kNotFound);
}

TEST_P(Store, Sessions_EndOneByOneByUserAndByTime) {
  const auto now = clock_.Now();
  std::vector<User> users;
  for (const auto* name : {"ann", "bob"}) {
    users.push_back({Uuid::MakeV7(clock_, random_), name, "h", Role::kUser, false, now, {}, "{}"});
    ASSERT_TRUE(db_->Write([&](Transaction& t) { return t.users().Insert(users.back()); }));
  }
  const auto there = [&] {
    std::string all;
    for (const auto* hash : {"a1", "a2", "a3", "b1"}) {
      const auto found = db_->Read([&](Transaction& t) { return t.sessions().Find(hash); });
      if (found) all += std::string(hash) + " ";
    }
    return all;
  };
  const auto write = [&](auto change) {
    return db_->Write([&](Transaction& t) { return change(t.sessions()); });
  };
  const auto add = [&](const std::string& hash, int user) {
    const Session session{hash, users[static_cast<std::size_t>(user)].id, now, now,
                          now + Seconds{100}};
    return write([&](Sessions& s) { return s.Insert(session); });
  };
  ASSERT_TRUE(add("a1", 0) && add("a2", 0) && add("a3", 0) && add("b1", 1));
  EXPECT_EQ(add("a1", 1).error().code, ErrorCode::kConflict);
  ASSERT_TRUE(write([&](Sessions& s) { return s.Seen("b1", now + Seconds{9}); }));
  ASSERT_TRUE(write([&](Sessions& s) { return s.Seen("gone", now); }));
  const auto b1 = *db_->Read([](Transaction& t) { return t.sessions().Find("b1"); });
  EXPECT_EQ(b1, (Session{"b1", users[1].id, now, now + Seconds{9}, now + Seconds{100}}));
  ASSERT_TRUE(write([](Sessions& s) { return s.Remove("a1"); }));
  ASSERT_TRUE(write([](Sessions& s) { return s.Remove("a1"); }));
  EXPECT_EQ(there(), "a2 a3 b1 ");
  EXPECT_EQ(*write([&](Sessions& s) { return s.RemoveOf(users[0].id, "a3"); }), 1U);
  EXPECT_EQ(there(), "a3 b1 ");
  EXPECT_EQ(*write([&](Sessions& s) { return s.RemoveExpired(now, now - Millis{1}); }), 0U);
  EXPECT_EQ(*write([&](Sessions& s) { return s.RemoveExpired(now, now); }), 1U);
  EXPECT_EQ(there(), "b1 ");
  ASSERT_TRUE(add("a2", 0));
  ASSERT_TRUE(db_->Write([&](Transaction& t) { return t.users().Remove(users[0].id); }));
  EXPECT_EQ(there(), "b1 ") << "a user who is gone has no session";
  EXPECT_EQ(*write([&](Sessions& s) { return s.RemoveExpired(now + Seconds{100}, now); }), 1U);
  EXPECT_EQ(there(), "");
}

TEST_P(Store, Load_IsWhatRunsAndWhatWaits) {
  if (db_->load().connections == 0) return;  // in memory nothing waits for a connection
  std::promise<void> begun;
  std::promise<void> go;
  std::vector<std::future<void>> ended;
  const auto submit = [&](Work work) {
    const auto done = std::make_shared<std::promise<void>>();
    ended.push_back(done->get_future());
    db_->Submit(Access::kWrite, std::move(work), [done](const Status& status) {
      EXPECT_TRUE(status);
      done->set_value();
    });
  };
  submit([&, first = std::make_shared<std::once_flag>()](Transaction&) {
    std::call_once(*first, [&] { begun.set_value(), go.get_future().wait(); });
    return Status();
  });
  begun.get_future().wait();
  for (int i = 0; i < 2; ++i) submit([](Transaction&) { return Status(); });
  const auto load = db_->load();
  EXPECT_EQ(load.busy_connections, 1U);
  EXPECT_EQ(load.waiting_writes, 2U);
  EXPECT_EQ(load.waiting_reads, 0U);
  go.set_value();
  for (auto& each : ended) each.wait();
  EXPECT_EQ(db_->load().waiting_writes, 0U);
}

TEST_P(Store, Attempts_AreReplacedRemovedAndForgottenByTime) {
  const auto now = clock_.Now();
  const auto write = [&](auto change) {
    return db_->Write([&](Transaction& t) { return change(t.attempts()); });
  };
  const auto find = [&](const std::string& hash) {
    return *db_->Read([&](Transaction& t) { return t.attempts().Find(hash); });
  };
  EXPECT_EQ(find("ann"), std::nullopt);
  const std::string binary("\0\xff", 2);
  ASSERT_TRUE(write([&](Attempts& a) { return a.Keep("ann", {1, now}); }));
  ASSERT_TRUE(write([&](Attempts& a) { return a.Keep(binary, {2, now + Seconds{1}}); }));
  ASSERT_TRUE(write([&](Attempts& a) { return a.Keep("ann", {7, now + Seconds{2}}); }));
  EXPECT_EQ(find("ann"), (AttemptCount{7, now + Seconds{2}}));
  EXPECT_EQ(find(binary), (AttemptCount{2, now + Seconds{1}}));
  EXPECT_EQ(*write([&](Attempts& a) { return a.RemoveOld(now); }), 0U);
  EXPECT_EQ(*write([&](Attempts& a) { return a.RemoveOld(now + Seconds{1}); }), 1U);
  EXPECT_EQ(find(binary), std::nullopt);
  ASSERT_TRUE(write([](Attempts& a) { return a.Remove("ann"); }));
  ASSERT_TRUE(write([](Attempts& a) { return a.Remove("ann"); }));
  EXPECT_EQ(find("ann"), std::nullopt);
}

TEST_P(Store, Statistics_AreKeptAsJobsAreMadeAndEnd) {
  using S = job::Status;
  const auto end = [&](const Uuid& id, S to, std::optional<Seconds> took) {
    return db_->Write([&](Transaction& t) -> Status {
      PROV_TRY(auto next, t.jobs().Get(ann_, id));
      const Expected expected{next.attempt, next.status};
      next.status = to;
      if (took) {
        next.started_at = clock_.Now();
        next.finished_at = clock_.Now() + *took;
      }
      PROV_CHECK(t.jobs().Apply(expected, Party::kAnswer, next, clock_.Now()));
      return {};
    });
  };
  const auto made = [&](S to, std::optional<Seconds> took = std::nullopt) {
    const auto id = Inserted().job.id;
    ASSERT_TRUE(Apply(id, S::kQueued, S::kDispatched, Party::kPanel));
    ASSERT_TRUE(end(id, to, took));
  };
  const auto of = [&](const std::string& app) {
    return *db_->Read([&](Transaction& t) { return t.jobs().Statistics({app}); });
  };
  EXPECT_TRUE(of("nginx").empty());
  made(S::kSucceeded, Seconds{9});
  made(S::kSucceeded, Seconds{3});
  made(S::kSucceeded, Seconds{4});
  made(S::kFailed, Seconds{1});
  made(S::kTimedOut);
  made(S::kCanceled);
  const auto newest = Inserted();
  Inserted("redis");
  const AppStatistics nginx{"nginx", 7, 3, 2, newest.job.created_at, Seconds{4}};
  EXPECT_EQ(of("nginx"), std::vector{nginx});
  const auto both =
      *db_->Read([](Transaction& t) { return t.jobs().Statistics({"redis", "gone", "nginx"}); });
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0], nginx);
  EXPECT_EQ(both[1].usual, std::nullopt);
  EXPECT_TRUE(of("gone").empty());
  for (std::size_t i = 0; i < kUsualOf; ++i) made(S::kSucceeded, Seconds{20});
  EXPECT_EQ(of("nginx")[0].usual, Seconds{20}) << "the newest only";
}

TEST_P(Store, Statistics_OfAnAppNobodyKnows_AreBegunByNoJobOfIt) {
  using S = job::Status;
  const auto jobs_of = [&](const std::string& app) {
    const auto rows = *db_->Read([&](Transaction& t) { return t.jobs().Statistics({app}); });
    return rows.empty() ? 0 : rows[0].jobs;
  };
  const auto of_nobodys_app = [&] {
    auto creation = NewJob("invented");
    creation.known_app = false;
    EXPECT_TRUE(Insert(creation));
    return creation.job.id;
  };
  const auto before = of_nobodys_app();
  EXPECT_EQ(jobs_of("invented"), 0U);
  Inserted("invented");
  EXPECT_EQ(jobs_of("invented"), 1U);
  // An installer that was removed from the catalogue since.
  const auto after = of_nobodys_app();
  EXPECT_EQ(jobs_of("invented"), 2U);
  const auto succeed = [&](const Uuid& id) {
    EXPECT_TRUE(Apply(id, S::kQueued, S::kDispatched, Party::kPanel));
    EXPECT_TRUE(Apply(id, S::kDispatched, S::kSucceeded, Party::kAnswer));
  };
  succeed(after);
  EXPECT_EQ(
      (*db_->Read([](Transaction& t) { return t.jobs().Statistics({"invented"}); }))[0].succeeded,
      1U);
  EXPECT_TRUE(Apply(before, S::kQueued, S::kCanceled, Party::kPanel));
  EXPECT_EQ(jobs_of("invented"), 2U);
}

TEST_P(Store, Counts_AreByStatusWhateverStatusIsAskedFor) {
  Inserted("nginx", "agent-1");
  Inserted("nginx", "agent-2");
  const auto ended = Inserted("redis", "agent-1").job;
  ASSERT_TRUE(Apply(ended.id, job::Status::kQueued, job::Status::kCanceled, Party::kPanel));
  const auto counts = [&](const JobFilter& filter) {
    return *db_->Read([&](Transaction& t) { return t.jobs().Counts(ann_, filter); });
  };
  using Counted = std::map<job::Status, std::uint64_t>;
  EXPECT_EQ(counts({}), (Counted{{job::Status::kQueued, 2}, {job::Status::kCanceled, 1}}));
  EXPECT_EQ(counts({.app_id = "nginx", .statuses = {job::Status::kCanceled}}),
            (Counted{{job::Status::kQueued, 2}}));
  EXPECT_EQ(counts({.server_id = "agent-1", .since = ended.created_at}),
            (Counted{{job::Status::kCanceled, 1}}));
  EXPECT_EQ(counts({.user_id = "eve"}), Counted{});
}

TEST_P(Store, Installed_IsWhatSucceededLastUnlessItWasUndone) {
  using S = job::Status;
  const auto run = [&](const std::string& app, contract::Action action, S to,
                       const std::string& server = "agent-1") {
    auto creation = NewJob(app, server);
    creation.job.action = action;
    EXPECT_TRUE(Insert(creation));
    const auto id = creation.job.id;
    EXPECT_TRUE(Apply(id, S::kQueued, S::kDispatched, Party::kPanel));
    EXPECT_TRUE(Apply(id, S::kDispatched, to, Party::kAnswer));
    return id;
  };
  using A = contract::Action;
  const auto installed = [&](const std::string& app = "") {
    std::vector<Uuid> ids;
    for (const auto& record :
         *db_->Read([&](Transaction& t) { return t.jobs().Installed(ann_, "agent-1", app); }))
      ids.push_back(record.id);
    return ids;
  };
  run("redis", A::kInstall, S::kSucceeded);
  const auto redis = run("redis", A::kUpgrade, S::kSucceeded);
  run("redis", A::kCheck, S::kSucceeded);
  run("redis", A::kUninstall, S::kFailed);
  const auto nginx = run("nginx", A::kInstall, S::kSucceeded);
  run("nginx", A::kInstall, S::kSucceeded, "agent-2");
  EXPECT_EQ(installed(), (std::vector{nginx, redis}));
  EXPECT_EQ(installed("redis"), std::vector{redis});
  EXPECT_TRUE(installed("hello").empty());
  run("nginx", A::kUninstall, S::kSucceeded);
  EXPECT_EQ(installed(), std::vector{redis});
  EXPECT_TRUE(installed("nginx").empty());
}

TEST_P(Store, Waiting_IsWhatAServerHasNotBegun_OldestFirst) {
  std::vector<Uuid> ids;
  for (const char* server : {"a", "b", "a", "a", "a"}) {
    auto creation = NewJob();
    creation.job.server_id = server;
    ASSERT_TRUE(Insert(creation));
    ids.push_back(creation.job.id);
  }
  using enum job::Status;
  ASSERT_TRUE(Apply(ids[0], kQueued, kDispatched, Party::kPanel));
  ASSERT_TRUE(Apply(ids[2], kQueued, kDispatched, Party::kPanel));
  ASSERT_TRUE(Apply(ids[2], kDispatched, kAccepted, Party::kAgent));
  ASSERT_TRUE(Apply(ids[2], kAccepted, kRunning, Party::kAgent));
  ASSERT_TRUE(Apply(ids[3], kQueued, kDispatched, Party::kPanel));
  ASSERT_TRUE(Apply(ids[3], kDispatched, kAccepted, Party::kAgent));
  const auto waiting = [&](const std::string& server, std::size_t limit = 10) {
    return *db_->Read([&](Transaction& t) { return t.jobs().Waiting(server, limit); });
  };
  EXPECT_EQ(waiting("a"), (std::vector<Uuid>{ids[0], ids[3], ids[4]}));
  EXPECT_EQ(waiting("a", 2), (std::vector<Uuid>{ids[0], ids[3]}));
  EXPECT_EQ(waiting("b"), (std::vector<Uuid>{ids[1]}));
  EXPECT_TRUE(waiting("c").empty());
}

TEST_P(Store, Outlines_AreNewestFirstSinceATime) {
  const auto first = Inserted().job;
  const auto second = Inserted().job;
  ASSERT_TRUE(Apply(second.id, job::Status::kQueued, job::Status::kCanceled, Party::kPanel));
  const auto outlines = [&](WallTime since, std::size_t limit) {
    return *db_->Read([&](Transaction& t) { return t.jobs().Outlines(ann_, since, limit); });
  };
  ASSERT_EQ(outlines(first.created_at, 9).size(), 2U);
  EXPECT_EQ(outlines(first.created_at, 9)[1].id, first.id);
  EXPECT_EQ(outlines(first.created_at, 1)[0].id, second.id);
  const auto since_second = outlines(second.created_at, 9);
  ASSERT_EQ(since_second.size(), 1U);
  EXPECT_EQ(since_second[0].created_at, second.created_at);
  EXPECT_EQ(since_second[0].status, job::Status::kCanceled);
  EXPECT_EQ(since_second[0].started_at, std::nullopt);
}

TEST_P(Store, AuditList_IsNewestFirstByFilterAndPage) {
  const auto start = clock_.Now();
  const auto append = [&](const char* user, const char* action, const char* subject) {
    ASSERT_TRUE(db_->Write([&](Transaction& t) {
      return t.audit().Append({clock_.Now(), user, action, subject, {}});
    }));
    clock_.Advance(Seconds{1});
  };
  append("ann", "job.created", "a");
  append("bob", "job.created", "b");
  append("ann", "job.cancel_requested", "a");
  append("ann", "job.created", "c");
  const auto list = [&](const AuditFilter& filter,
                        std::optional<std::uint64_t> before = std::nullopt, std::size_t limit = 9) {
    std::vector<std::uint64_t> sequences;
    for (const auto& entry :
         *db_->Read([&](Transaction& t) { return t.audit().List(root_, filter, before, limit); }))
      sequences.push_back(entry.sequence);
    return sequences;
  };
  using Sequences = std::vector<std::uint64_t>;
  EXPECT_EQ(list({}), (Sequences{4, 3, 2, 1}));
  EXPECT_EQ(list({}, 4, 2), (Sequences{3, 2}));
  EXPECT_EQ(list({.user_id = "ann", .action = "job.created"}), (Sequences{4, 1}));
  EXPECT_EQ(list({.subject = "a"}), (Sequences{3, 1}));
  EXPECT_EQ(list({.since = start + Seconds{1}, .until = start + Seconds{3}}), (Sequences{3, 2}));
  EXPECT_EQ(db_->Read([&](Transaction& t) { return t.audit().List(ann_, {}, {}, 9); }).error().code,
            ErrorCode::kPermissionDenied);
}

TEST_P(Store, RevokeOf_EndsEveryTokenOfThatUserOnce) {
  for (const auto* user : {"ann", "ann", "bob"}) {
    const ApiToken token{Uuid::MakeV7(clock_, random_),
                         Uuid::MakeV7(clock_, random_).ToString(),
                         "t",
                         user,
                         {"read"},
                         clock_.Now()};
    ASSERT_TRUE(db_->Write([&](Transaction& t) { return t.tokens().Insert(token); }));
  }
  const auto revoke = [&] {
    return *db_->Write([&](Transaction& t) { return t.tokens().RevokeOf("ann", clock_.Now()); });
  };
  EXPECT_EQ(revoke(), 2U);
  EXPECT_EQ(revoke(), 0U);
  const auto rows = *db_->Read([&](Transaction& t) { return t.tokens().List(root_); });
  EXPECT_EQ(std::ranges::count_if(rows, [](const auto& row) { return row.revoked_at.has_value(); }),
            2);
}

TEST_P(Store, RemoveEnded_WhatEndedBefore_GoesWithItsChangesAndStillCounts) {
  const auto ended = Inserted();
  const auto waits = Inserted();
  ASSERT_TRUE(Apply(ended.job.id, job::Status::kQueued, job::Status::kCanceled, Party::kPanel,
                    LogChunk{1, 1, "log"}));
  const auto statistics = [&] {
    return *db_->Read([](Transaction& t) { return t.jobs().Statistics({"nginx"}); });
  };
  const auto before = statistics();
  const auto remove = [&](WallTime at, std::optional<Uuid> after = std::nullopt,
                          std::size_t limit = 100) {
    return *db_->Write(
        [&](Transaction& t) { return t.jobs().RemoveEnded(after, at, clock_.Now(), limit); });
  };
  EXPECT_EQ(remove(clock_.Now()).removed, 0U) << "it ended at that time, not before";
  const auto removal = remove(clock_.Now() + Millis{1});
  EXPECT_EQ(removal.removed, 1U);
  EXPECT_EQ(removal.last, waits.job.id);
  EXPECT_EQ(Ids({}), std::vector{waits.job.id});
  const auto left =
      *db_->Read([&](Transaction& t) { return t.changes().After(ann_, ended.job.id, 0, 100); });
  EXPECT_TRUE(left.empty());
  EXPECT_EQ(statistics(), before);
  EXPECT_EQ(remove(clock_.Now() + Millis{1}, removal.last).last, std::nullopt);
}

TEST_P(Store, RemoveEnded_RemovesALimitedNumberFromWhereItIsTold) {
  std::vector<Uuid> ids;
  for (int i = 0; i < 5; ++i) {
    ids.push_back(Inserted().job.id);
    ASSERT_TRUE(Apply(ids.back(), job::Status::kQueued, job::Status::kCanceled, Party::kPanel));
  }
  const auto made_before = ids[4].Time();
  const auto remove = [&](std::optional<Uuid> after, std::size_t limit) {
    return *db_->Write([&](Transaction& t) {
      return t.jobs().RemoveEnded(after, made_before, clock_.Now(), limit);
    });
  };
  const auto removal = remove(ids[0], 4);
  EXPECT_EQ(removal.removed, 2U) << "each has two changes";
  EXPECT_EQ(removal.last, ids[2]);
  const auto rest = remove(removal.last, 100);
  EXPECT_EQ(rest.last, ids[3]) << "the last one was made then";
  EXPECT_EQ(Ids({}), (std::vector{ids[4], ids[0]}));
}

TEST_P(Store, RemoveEnded_NewestSuccessOfEachServerAndApp_Stays) {
  const auto succeed = [&](const Creation& creation) {
    const auto& id = creation.job.id;
    EXPECT_TRUE(Apply(id, job::Status::kQueued, job::Status::kDispatched, Party::kPanel));
    EXPECT_TRUE(Apply(id, job::Status::kDispatched, job::Status::kSucceeded, Party::kAnswer));
    return id;
  };
  auto check = NewJob();
  check.job.action = contract::Action::kCheck;
  const auto replaced = succeed(Inserted());
  const auto newest = succeed(Inserted());
  const auto elsewhere = succeed(Inserted("nginx", "agent-2"));
  ASSERT_TRUE(Insert(check));
  succeed(check);
  const auto installed = [&] {
    return db_->Read([&](Transaction& t) { return t.jobs().Installed(ann_, "agent-1"); })->size();
  };
  EXPECT_EQ(installed(), 1U);
  const auto removal = *db_->Write([&](Transaction& t) {
    return t.jobs().RemoveEnded(std::nullopt, clock_.Now() + Seconds{1}, clock_.Now(), 100);
  });
  EXPECT_EQ(removal.removed, 2U) << "the check, and " << replaced.ToString();
  EXPECT_EQ(Ids({}), (std::vector{elsewhere, newest}));
  EXPECT_EQ(installed(), 1U);
}

// What one transaction removes is bounded by what is removed, not by how many jobs that is.
TEST_P(Store, RemoveEnded_StopsWithinALongJob_AndGoesOnThere) {
  const auto before_it = Inserted().job.id;
  const auto id = Inserted().job.id;
  const auto behind_it = Inserted().job.id;
  ASSERT_TRUE(Apply(id, job::Status::kQueued, job::Status::kDispatched, Party::kPanel,
                    LogChunk{1, 1, "1"}));
  for (std::uint64_t line = 2; line <= 6; ++line)
    ASSERT_TRUE(Apply(id, job::Status::kDispatched, job::Status::kDispatched, Party::kPanel,
                      LogChunk{line, 1, std::to_string(line)}));
  ASSERT_TRUE(Apply(id, job::Status::kDispatched, job::Status::kFailed, Party::kAnswer));
  ASSERT_TRUE(Apply(behind_it, job::Status::kQueued, job::Status::kCanceled, Party::kPanel));
  const auto before = clock_.Now() + Millis{1};
  std::optional<Uuid> after;
  const auto step = [&] {
    const auto removal = *db_->Write(
        [&](Transaction& t) { return t.jobs().RemoveEnded(after, before, clock_.Now(), 4); });
    after = removal.last;
    return removal.removed;
  };
  const auto changes = [&] {
    return *db_->Read([&](Transaction& t) { return t.changes().After(ann_, id, 0, 100); });
  };
  ASSERT_EQ(changes().size(), 8U);
  clock_.Advance(Seconds{9});
  EXPECT_EQ(step(), 0U);
  EXPECT_EQ(after, before_it) << "which stays, and was looked at";
  const auto left = changes();
  ASSERT_EQ(left.size(), 5U);
  EXPECT_EQ(left.front().seq, 4U) << "the oldest go first";
  EXPECT_EQ(left.front().log_removed_at, clock_.Now()) << "its log is no longer whole";
  EXPECT_EQ(*db_->Read([&](Transaction& t) { return t.changes().Newest(ann_, id); }), 8U);
  EXPECT_EQ(step(), 0U);
  EXPECT_EQ(changes().size(), 1U);
  EXPECT_EQ(after, before_it);
  EXPECT_EQ(step(), 2U) << "the rest of it, and the next one";
  EXPECT_EQ(Ids({}), std::vector{before_it});
}

TEST_P(Store, RemoveEnded_StopsWithinASilentJob_WhichHasNoLogThatIsGone) {
  const auto id = Inserted().job.id;
  ASSERT_TRUE(Apply(id, job::Status::kQueued, job::Status::kDispatched, Party::kPanel));
  ASSERT_TRUE(Apply(id, job::Status::kDispatched, job::Status::kFailed, Party::kAnswer));
  const auto removal = *db_->Write([&](Transaction& t) {
    return t.jobs().RemoveEnded(std::nullopt, clock_.Now() + Millis{1}, clock_.Now(), 1);
  });
  EXPECT_EQ(removal.removed, 0U);
  EXPECT_EQ(removal.last, Uuid{});
  const auto job = *db_->Read([&](Transaction& t) { return t.jobs().Get(ann_, id); });
  EXPECT_EQ(job.log_removed_at, std::nullopt);
}

TEST_P(Store, FirstOf_IsTheJobThatARemovalBeginsWith) {
  const auto silent = Inserted().job.id;
  const auto talks = Inserted().job.id;
  ASSERT_TRUE(Apply(talks, job::Status::kQueued, job::Status::kDispatched, Party::kPanel,
                    LogChunk{1, 1, "log"}));
  const auto first = [&](Among among, std::optional<Uuid> after, WallTime before) {
    return *db_->Read([&](Transaction& t) { return t.jobs().FirstOf(among, after, before); });
  };
  const auto later = clock_.Now() + Millis{1};
  EXPECT_EQ(first(Among::kJobs, std::nullopt, later), silent);
  EXPECT_EQ(first(Among::kJobs, silent, later), talks);
  EXPECT_EQ(first(Among::kJobs, talks, later), std::nullopt);
  EXPECT_EQ(first(Among::kJobs, silent, talks.Time()), std::nullopt) << "it was made then";
  EXPECT_EQ(first(Among::kLogs, std::nullopt, later), talks);
  EXPECT_EQ(first(Among::kLogs, talks, later), std::nullopt);
}

TEST_P(Store, RemoveLogs_TakesTheLinesOfWhatEndedBefore_AndNothingElse) {
  const auto logged = [&](job::Status end) {
    const auto id = Inserted().job.id;
    EXPECT_TRUE(Apply(id, job::Status::kQueued, end, Party::kPanel, LogChunk{1, 2, "log"}));
    return id;
  };
  const auto runs = logged(job::Status::kDispatched);
  const auto silent = Inserted().job.id;
  ASSERT_TRUE(Apply(silent, job::Status::kQueued, job::Status::kCanceled, Party::kPanel));
  const auto ended = logged(job::Status::kCanceled);
  const auto job = [&](const Uuid& id) {
    return *db_->Read([&](Transaction& t) { return t.jobs().Get(ann_, id); });
  };
  const auto changes = [&](const Uuid& id) {
    return *db_->Read([&](Transaction& t) { return t.changes().After(ann_, id, 0, 100); });
  };
  const auto log = [&](const Uuid& id) {
    return *db_->Read([&](Transaction& t) { return t.changes().Log(ann_, id, 0, 1, 100); });
  };
  const auto end = clock_.Now();
  const auto remove = [&](WallTime before) {
    return *db_->Write([&](Transaction& t) {
      return t.jobs().RemoveLogs(std::nullopt, before, clock_.Now(), 100);
    });
  };
  EXPECT_EQ(remove(end).removed, 0U) << "it ended at that time, not before";
  EXPECT_EQ(log(ended).size(), 1U);
  EXPECT_EQ(job(ended).log_removed_at, std::nullopt);

  clock_.Advance(Seconds{9});
  const auto removal = remove(end + Millis{1});
  EXPECT_EQ(removal.removed, 1U);
  EXPECT_EQ(removal.newest, ended);
  EXPECT_EQ(removal.last, std::nullopt);
  EXPECT_TRUE(log(ended).empty());
  EXPECT_EQ(job(ended).log_removed_at, clock_.Now());
  EXPECT_EQ(job(ended).status, job::Status::kCanceled);
  const auto told = changes(ended);
  ASSERT_EQ(told.size(), 2U) << "what happened to it is still told";
  EXPECT_EQ(told[1].status, job::Status::kCanceled);
  EXPECT_EQ(told[1].log, std::nullopt);
  EXPECT_EQ(told[1].log_removed_at, clock_.Now());
  EXPECT_EQ(log(runs).size(), 1U);
  EXPECT_EQ(changes(runs)[1].log_removed_at, std::nullopt);
  EXPECT_EQ(job(silent).log_removed_at, std::nullopt) << "there was nothing to remove";

  const auto removed_at = clock_.Now();
  clock_.Advance(Seconds{9});
  EXPECT_EQ(remove(end + Millis{1}).removed, 0U);
  EXPECT_EQ(job(ended).log_removed_at, removed_at) << "once";
}

TEST_P(Store, RemoveLogs_StopsWithinALongLog_AndGoesOnThere) {
  std::vector<Uuid> ids;
  for (int i = 0; i < 2; ++i) {
    const auto id = Inserted().job.id;
    ids.push_back(id);
    ASSERT_TRUE(Apply(id, job::Status::kQueued, job::Status::kDispatched, Party::kPanel,
                      LogChunk{1, 1, "1"}));
    for (std::uint64_t line = 2; line <= 4; ++line)
      ASSERT_TRUE(Apply(id, job::Status::kDispatched, job::Status::kDispatched, Party::kPanel,
                        LogChunk{line, 1, std::to_string(line)}));
    ASSERT_TRUE(Apply(id, job::Status::kDispatched, job::Status::kSucceeded, Party::kAnswer));
  }
  const auto before = clock_.Now() + Millis{1};
  std::optional<Uuid> after;
  const auto step = [&] {
    const auto removal = *db_->Write(
        [&](Transaction& t) { return t.jobs().RemoveLogs(after, before, clock_.Now(), 3); });
    after = removal.last;
    return removal.removed;
  };
  const auto lines = [&](const Uuid& id) {
    return db_->Read([&](Transaction& t) { return t.changes().Log(ann_, id, 0, 1, 100); })->size();
  };
  EXPECT_EQ(step(), 1U);
  EXPECT_EQ(lines(ids[0]), 1U);
  EXPECT_TRUE(after);
  EXPECT_EQ(step(), 1U) << "the rest of the first, which was counted, and a part of the second";
  EXPECT_EQ(lines(ids[0]), 0U);
  EXPECT_EQ(lines(ids[1]), 2U);
  EXPECT_EQ(step(), 0U);
  EXPECT_EQ(lines(ids[1]), 0U);
  EXPECT_EQ(after, std::nullopt);
}

TEST_P(Store, RemoveLogs_JobsThatStay_CountAgainstTheLimitAndAreNotInTheWay) {
  std::vector<Uuid> ids;
  for (int i = 0; i < 3; ++i) {
    ids.push_back(Inserted().job.id);
    ASSERT_TRUE(Apply(ids.back(), job::Status::kQueued,
                      i < 2 ? job::Status::kDispatched : job::Status::kCanceled, Party::kPanel,
                      LogChunk{1, 1, "log"}));
  }
  const auto remove = [&](std::optional<Uuid> after) {
    return *db_->Write([&](Transaction& t) {
      return t.jobs().RemoveLogs(after, clock_.Now() + Millis{1}, clock_.Now(), 2);
    });
  };
  const auto first = remove(std::nullopt);
  EXPECT_EQ(first.removed, 0U);
  EXPECT_EQ(first.last, ids[1]);
  EXPECT_EQ(remove(first.last).newest, ids[2]);
}

INSTANTIATE_TEST_SUITE_P(Every, Store,
                         testing::Values(Factory{"Sqlite", OpenSqlite, ""},
                                         Factory{"Memory", OpenMemory, ""},
                                         Factory{"Postgresql", OpenPostgresql, "postgresql"}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace prov::store
