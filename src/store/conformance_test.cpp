// What every store promises, run over every implementation. PostgreSQL joins by a further factory.
#include <latch>
#include <thread>

#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "store/memory/database.hpp"
#include "store/sqlite/database.hpp"
#include "support/temporary_directory.hpp"
#include "support/vectors.hpp"

namespace prov::store {
namespace {

using job::Party;

struct Factory {
  std::string name;
  std::function<std::unique_ptr<Database>(const Path& directory)> open;
};

std::unique_ptr<Database> OpenSqlite(const Path& directory) {
  sqlite::Options options;
  options.path = directory / "panel.db";
  return *sqlite::SqliteDatabase::Open(options);
}

std::unique_ptr<Database> OpenMemory(const Path&) {
  return std::make_unique<memory::MemoryDatabase>();
}

class Store : public testing::TestWithParam<Factory> {
 protected:
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
  std::unique_ptr<Database> db_ = GetParam().open(directory_.path());
};

TEST_P(Store, Insert_ReadBack_EveryMemberIsThere) {
  auto creation = NewJob();
  creation.job.retry_of = Uuid::MakeV7(clock_, random_);
  creation.job.retry = {5, 7};
  creation.job.action = contract::Action::kUpgrade;
  ASSERT_TRUE(Insert(creation));
  const auto record = Get(creation.job.id);
  EXPECT_EQ(record.app_id, "nginx");
  EXPECT_EQ(record.inputs, creation.job.inputs);
  EXPECT_EQ(record.sealed_inputs, creation.job.sealed_inputs);
  EXPECT_EQ(record.retry_of, creation.job.retry_of);
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
  ASSERT_EQ(unacknowledged(clock_.Now() + Millis{1}).size(), 1u);
  EXPECT_EQ(unacknowledged(clock_.Now() + Millis{1})[0].envelope, "envelope");
  EXPECT_EQ(db_->Read([](Transaction& t) { return t.jobs().Unsettled("agent-1", 9); })->size(), 1u);
  ASSERT_TRUE(Apply(id, job::Status::kDispatched, job::Status::kAccepted, Party::kAgent));
  EXPECT_TRUE(unacknowledged(clock_.Now() + Millis{1}).empty());
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
  const auto verdict = *db_->Read([](Transaction& t) { return t.audit().Verify(); });
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
  EXPECT_TRUE(confirm());
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

INSTANTIATE_TEST_SUITE_P(Every, Store,
                         testing::Values(Factory{"Sqlite", OpenSqlite},
                                         Factory{"Memory", OpenMemory}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace prov::store
