// What the panel's tests share: a store that can be broken, a clock that is ticked, the panel's
// keys, an agent that is registered, and installers in a temporary directory.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "job/order.hpp"
#include "panel/dispatch/key_ring.hpp"
#include "panel/live/live_hub.hpp"
#include "panel/registry/registry.hpp"
#include "panel/store_gate.hpp"
#include "signing/dsse.hpp"
#include "signing/sealed.hpp"
#include "store/memory/database.hpp"
#include "store/sqlite/database.hpp"
#include "support/temporary_directory.hpp"

namespace prov::panel {

// Keeps what was logged: the names of the events, and all of their text.
class KeptLog final : public Logger {
 public:
  void Write(LogLevel, std::string_view event, const LogSubject& subject,
             boost::json::object metadata) override {
    events.emplace_back(event);
    text += std::string(event) + " " + subject.job_id + " " + subject.app_id + " " +
            json::Serialize(metadata) + "\n";
  }
  std::ptrdiff_t Count(std::string_view event) const { return std::ranges::count(events, event); }
  bool Has(std::string_view event) const { return Count(event) > 0; }

  std::vector<std::string> events;
  std::string text;
};

// A store whose process dies: after `writes_left` writes, none is made any more. With `lose_answer`
// the first of those is committed, and nobody learns of it.
class BreakableDatabase final : public store::Database {
 public:
  void Submit(store::Access access, store::Work work, store::Completion done) override {
    if (access == store::Access::kRead)
      return inner_->Submit(access, std::move(work), std::move(done));
    ++writes;
    if (before_write) std::exchange(before_write, {})();
    if (veto) work = Judged(std::move(work));
    if (twice) return SubmitTwice(std::move(work), std::move(done));
    if (!writes_left || *writes_left > 0) {
      if (writes_left) --*writes_left;
      return inner_->Submit(access, std::move(work), std::move(done));
    }
    if (!std::exchange(lose_answer, false)) return done(Away());
    inner_->Submit(access, std::move(work),
                   [done = std::move(done)](const Status&) { done(Away()); });
  }
  void Use(std::unique_ptr<store::Database> inner) { inner_ = std::move(inner); }
  void Repair() { writes_left.reset(), lose_answer = false; }

  std::size_t writes = 0;
  std::optional<std::size_t> writes_left;  // nothing: as many as are wanted
  bool lose_answer = false;
  // What another panel does after this one has read and before it writes; once.
  std::function<void()> before_write;
  bool twice = false;  // a group whose commit failed is tried again one by one
  // Sees what each write is about to commit: after an error of it nothing is.
  std::function<Status(store::Transaction&)> veto;

 private:
  store::Work Judged(store::Work work) const {
    return [work = std::move(work), veto = veto](store::Transaction& t) -> Status {
      PROV_CHECK(work(t));
      return veto(t);
    };
  }
  static Error Away() { return {ErrorCode::kUnavailable, "the store is away.", {}}; }
  void SubmitTwice(store::Work work, store::Completion done) {
    const auto first = [work](store::Transaction& t) -> Status {
      (void)work(t);
      return Away();
    };
    inner_->Submit(store::Access::kWrite, first,
                   [this, work = std::move(work), done = std::move(done)](const Status&) {
                     inner_->Submit(store::Access::kWrite, work, done);
                   });
  }

  std::unique_ptr<store::Database> inner_ = std::make_unique<store::memory::MemoryDatabase>();
};

class PanelTest : public ::testing::Test {
 protected:
  static constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";
  static constexpr const char* kAgent = "agent-1";
  // What the agent reads, verified as it does.
  static job::Command Opened(job::CommandType type, const std::string& bytes,
                             std::uint32_t generation = 1) {
    const auto payload = OpenedPayload(bytes, job::PayloadType(type), generation);
    const auto command = job::ParseCommand(type, payload);
    EXPECT_TRUE(command) << command.error().ToString();
    return command ? *command : job::Command{};
  }
  static job::Order OpenedOrder(const std::string& bytes, std::uint32_t generation = 1) {
    const auto order = job::ParseOrder(OpenedPayload(bytes, job::kOrderPayloadType, generation));
    EXPECT_TRUE(order) << order.error().ToString();
    return order ? *order : job::Order{};
  }
  static store::Actor Admin() { return {"panel", true}; }
  static store::Actor Ann() { return {"ann"}; }

  // Runs until `done`, at most 20 s.
  [[nodiscard]] bool RunUntil(const std::function<bool()>& done) {
    const auto until = std::chrono::steady_clock::now() + Seconds{20};
    io_.restart();
    while (!done() && std::chrono::steady_clock::now() < until) io_.run_one_for(Millis{100});
    return done();
  }
  void Run(boost::asio::awaitable<void> body) {
    bool ended = false;
    boost::asio::co_spawn(io_, std::move(body), [&](std::exception_ptr failure) {
      ended = true;
      if (failure) std::rethrow_exception(failure);
    });
    if (RunUntil([&] { return ended; })) return;
    // Its coroutines refer to this frame, so there is no going on.
    std::fputs("the test did not end\n", stderr);
    std::abort();
  }
  template <class T>
  T Await(boost::asio::awaitable<T> body) {
    std::optional<T> kept;
    Run(Keep(std::move(body), kept));
    return std::move(*kept);
  }

  // From here on the store is SQLite in the test's directory.
  void UseSqlite() {
    auto opened = store::sqlite::SqliteDatabase::Open({.path = DatabaseFile()});
    ASSERT_TRUE(opened) << opened.error().ToString();
    database_.Use(std::move(*opened));
  }
  Path DatabaseFile() const { return directory_.path() / "panel.db"; }

  void AddAgent(const std::string& id = kAgent) {
    store::Agent agent;
    agent.id = id;
    agent.registered_at = clock_.Now();
    agent.epoch = epoch_.ToString();
    agent.sealing_key = sealing_.public_key;
    const auto added =
        database_.Write([&](store::Transaction& t) { return t.agents().Insert(agent); });
    ASSERT_TRUE(added) << added.error().ToString();
  }
  store::Agent Agent(const std::string& id = kAgent) {
    return *database_.Read([&](store::Transaction& t) { return t.agents().Get(Admin(), id); });
  }

  // A job that waits to be handed over; its envelope is `envelope of <id>`.
  Uuid AddJob(const std::string& server = kAgent, const std::string& installer_digest = "",
              const std::string& app = "demo") {
    return Add(NewJob(server, installer_digest, app));
  }
  // As AddJob, with an order that is signed for the agent as it is now; `sealed` are its secrets.
  Uuid AddOrderedJob(const std::vector<std::string>& sealed = {}) {
    auto creation = NewJob(kAgent, "sha256:" + std::string(64, '0'), "demo");
    creation.job.sealed_inputs = sealed;
    const auto agent = Agent();
    job::Order order;
    order.job = creation.job.id;
    order.agent = kAgent;
    order.epoch = *Uuid::Parse(agent.epoch);
    order.app_id = creation.job.app_id;
    order.app_version = "1.0";
    order.installer_digest = creation.job.installer_digest;
    for (const auto& name : sealed) {
      order.sealed_inputs[name] =
          Base64Encode(*signing::Seal(agent.sealing_key, order.job, name, "correct horse"));
    }
    order.timeout_seconds = 60;
    order.issued_at = order.not_before = clock_.Now();
    order.expires_at = clock_.Now() + std::chrono::hours{24};
    order.nonce = HexEncode(random_.Bytes(16));
    order.user_id = "ann";
    creation.envelope = *keys_.SignOrder(*job::SerializeOrder(order), kAgent, agent.key_generation);
    return Add(creation);
  }
  store::Creation NewJob(const std::string& server, const std::string& installer_digest,
                         const std::string& app) {
    clock_.Advance(Millis{1});
    store::Creation creation;
    creation.job.id = Uuid::MakeV7(clock_, random_);
    creation.job.app_id = app;
    creation.job.installer_digest = installer_digest;
    creation.job.server_id = server;
    creation.job.user_id = "ann";
    creation.job.created_at = clock_.Now();
    creation.envelope = "envelope of " + creation.job.id.ToString();
    return creation;
  }
  Uuid Add(const store::Creation& creation) {
    const auto added =
        database_.Write([&](store::Transaction& t) { return t.jobs().Insert(creation); });
    EXPECT_TRUE(added) << added.error().ToString();
    return creation.job.id;
  }
  // Puts the job where a test begins; the party that may do so is found.
  void Put(const Uuid& id, job::Status status, std::uint32_t attempt = 0) {
    const auto put = database_.Write([&](store::Transaction& t) -> Status {
      PROV_TRY(auto next, t.jobs().Get(Admin(), id));
      if (next.status == status) return {};
      const store::Expected expected{next.attempt, next.status};
      const auto by = status == job::Status::kDispatched ? job::Party::kPanel : job::Party::kAnswer;
      next.status = status;
      next.attempt = attempt;
      if (status == job::Status::kDispatched) next.dispatched_at = clock_.Now();
      PROV_CHECK(t.jobs().Apply(expected, by, next, clock_.Now()));
      return {};
    });
    EXPECT_TRUE(put) << put.error().ToString();
  }
  job::Record Job(const Uuid& id) {
    auto record = database_.Read([&](store::Transaction& t) { return t.jobs().Get(Admin(), id); });
    EXPECT_TRUE(record) << record.error().ToString();
    return record ? *record : job::Record{};
  }
  std::vector<job::Record> Jobs() {
    return *database_.Read(
        [](store::Transaction& t) { return t.jobs().List(Admin(), {}, std::nullopt, 1000); });
  }
  std::string StoredEnvelope(const Uuid& id) {
    return (*database_.Read([&](store::Transaction& t) { return t.jobs().GetDelivery(id); }))
        ->envelope;
  }
  // Signed as the panel signs it for that agent now; `fill` sets what it says.
  store::Command AddSigned(job::CommandType type, const std::function<void(job::Command&)>& fill) {
    clock_.Advance(Millis{1});
    const auto agent = Agent();
    const auto id = Uuid::MakeV7(clock_, random_);
    auto command = CommandHeader(kAgent, *Uuid::Parse(agent.epoch), id, clock_.Now());
    fill(command);
    const auto bytes = keys_.SignCommand(type, command, agent.key_generation);
    EXPECT_TRUE(bytes) << bytes.error().ToString();
    const store::Command row{id,     kAgent,       json::EnumName(type), std::nullopt,
                             *bytes, clock_.Now(), command.expires_at};
    EXPECT_TRUE(database_.Write([&](store::Transaction& t) { return t.commands().Insert(row); }));
    return row;
  }
  std::vector<store::Command> PendingCommands() {
    return *database_.Read([](store::Transaction& t) { return t.commands().Pending(kAgent, 100); });
  }
  std::vector<std::string> KindsOfPending() {
    std::vector<std::string> kinds;
    for (const auto& command : PendingCommands()) kinds.push_back(command.kind);
    return kinds;
  }
  std::vector<store::Change> Changes(const Uuid& id) {
    return *database_.Read(
        [&](store::Transaction& t) { return t.changes().After(Admin(), id, 0, 1000); });
  }
  std::vector<store::AuditEvent> Audited(const std::string& action) {
    const auto entries =
        *database_.Read([](store::Transaction& t) { return t.audit().After(Admin(), 0, 1000); });
    std::vector<store::AuditEvent> found;
    for (const auto& entry : entries) {
      if (entry.event.action == action) found.push_back(entry.event);
    }
    return found;
  }

  Path InstallersDirectory() const { return directory_.path() / "installers"; }
  // An installer with `more` at the end of its manifest.
  void AddInstaller(const std::string& app, const std::string& more = "") {
    const auto path = InstallersDirectory() / app;
    std::filesystem::create_directories(path);
    ASSERT_TRUE(WriteFileAtomically(path / "install.sh", "echo hello\n", 0644));
    ASSERT_TRUE(WriteFileAtomically(path / "manifest.yml", Manifest(app, more), 0644));
  }
  static std::string Manifest(const std::string& app, const std::string& more = "") {
    return "id: " + app +
           "\nname: Demo\nversion: \"1.0\"\ndescription: For tests\ncategory: testing\n"
           "author: The provisioning project\nos_requirements:\n  family: [debian, ubuntu]\n"
           "  min_version: {debian: \"11\", ubuntu: \"20.04\"}\ntimeout_seconds: 60\n"
           "idempotent: true\n" +
           more;
  }

  test::TemporaryDirectory directory_;
  boost::asio::io_context io_{1};
  FakeClock clock_;
  FakeRandom random_;
  KeptLog log_;
  BreakableDatabase database_;
  StoreGate gate_{database_};
  LiveHub hub_;
  KeyRing keys_ = *KeyRing::Create(kSecret);
  signing::SealingKeys sealing_ = signing::MakeSealingKeys();
  Uuid epoch_ = Uuid::MakeV7(clock_, random_);

 private:
  static std::string OpenedPayload(const std::string& bytes, std::string_view type,
                                   std::uint32_t generation) {
    const auto key = signing::DeriveAgentKey(kSecret, signing::Purpose::kJob, kAgent, generation);
    const auto keyid = signing::KeyId(signing::Purpose::kJob, kAgent, generation);
    const signing::VerificationKey keys[] = {{keyid, key->view()}};
    const auto payload = signing::Verify(bytes, type, keys);
    EXPECT_TRUE(payload) << payload.error().ToString();
    return payload ? *payload : "";
  }
  template <class T>
  static boost::asio::awaitable<void> Keep(boost::asio::awaitable<T> body, std::optional<T>& kept) {
    kept.emplace(co_await std::move(body));
  }
};

}  // namespace prov::panel
