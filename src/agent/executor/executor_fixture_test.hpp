// An executor over a real journal and spool in a temporary directory, a clock that is ticked, a
// panel's key, and runners that do what the test says. Restart() is a kill -9: what was not
// committed is gone.
#pragma once

#include <fcntl.h>
#include <map>
#include <memory>
#include <string>
#include <sys/file.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/executor/executor.hpp"
#include "base/encoding.hpp"
#include "base/json.hpp"
#include "exec/spool.hpp"
#include "signing/dsse.hpp"
#include "signing/tree_digest.hpp"
#include "support/temporary_directory.hpp"

namespace prov::agent {

// Keeps what was logged: the names of the events, and all of their text.
class KeptLog final : public Logger {
 public:
  void Write(LogLevel, std::string_view event, const LogSubject& subject,
             boost::json::object metadata) override {
    events.emplace_back(event);
    text += std::string(event) + " " + subject.job_id + " " + json::Serialize(metadata) + "\n";
  }
  bool Has(std::string_view event) const {
    return std::ranges::find(events, event) != events.end();
  }

  std::vector<std::string> events;
  std::string text;
};

// What a test's runner was given; the attempt is over when End() was called.
struct FakeRunner {
  exec::AttemptSpec spec;
  UniqueFd alive;  // its other end is the "pidfd", readable once this one is closed
  UniqueFd lock;   // what a restarted executor knows it by
};

class ExecutorTest : public ::testing::Test {
 protected:
  static constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";
  static constexpr const char* kAgent = "agent-1";

  void SetUp() override {
    state_ = {directory_.path() / "state"};
    ASSERT_TRUE(MakeDirectories(state_.Jobs(), 0700));
    configuration_.agent_id = kAgent;
    configuration_.state_dir = state_.root;
    configuration_.installers_dir = directory_.path() / "installers";
    configuration_.log_dir = directory_.path() / "logs";
    configuration_.app_state_dir = directory_.path() / "apps";
    configuration_.library = "/nonexistent/provisioning.sh";
    configuration_.allow_unsafe_installers_dir = true;
    AddInstaller("demo");
    Start();
  }

  // An installer with `more` at the end of its manifest.
  void AddInstaller(const std::string& app, const std::string& more = "idempotent: true\n",
                    const std::string& script = "echo hello\n") {
    const auto path = configuration_.installers_dir / app;
    std::filesystem::create_directories(path);
    ASSERT_TRUE(WriteFileAtomically(path / "install.sh", script, 0644));
    ASSERT_TRUE(WriteFileAtomically(path / "manifest.yml",
                                    "id: " + app +
                                        "\nname: Demo\nversion: \"1.0\"\ndescription: For tests\n"
                                        "category: testing\nauthor: The provisioning project\n"
                                        "os_requirements:\n  family: [debian, ubuntu]\n"
                                        "  min_version: {debian: \"11\", ubuntu: \"20.04\"}\n"
                                        "timeout_seconds: 60\n" +
                                        more,
                                    0644));
  }

  Identity MakeIdentity() { return *DeriveIdentity(kAgent, kSecret, state_); }

  virtual ExecutorSetup MakeSetup() {
    ExecutorSetup setup;
    setup.configuration = configuration_;
    setup.identity = MakeIdentity();
    setup.state = state_;
    setup.cgroup = {exec::CgroupKind::kSubreaper, {}};
    setup.most_unacknowledged = most_unacknowledged_;
    setup.most_nonces = most_nonces_;
    setup.most_settled = most_settled_;
    setup.compact_above = compact_above_;
    return setup;
  }

  void Start() {
    auto opened =
        Executor::Open(MakeSetup(), clock_, random_, log_,
                       [this](const exec::AttemptSpec& spec, const Clock&) -> Result<exec::Runner> {
                         return StartFake(spec);
                       });
    ASSERT_TRUE(opened) << opened.error().ToString();
    executor_ = std::move(*opened);
  }
  // What the agent keeps of the installer, whatever becomes of the whitelist's directory.
  Path Kept(const std::string& app = "demo") const {
    const auto digest = *signing::DigestTree(configuration_.installers_dir / app);
    return InstallerStore(state_.Installers()).Original(digest);
  }

  // kill -9, and another start.
  void Restart() {
    executor_.reset();
    Start();
  }

  // One turn of the loop after `act`, whose steps are counted on; kill -9 after step `kill`.
  void Turn(int& step, int kill, const std::function<void()>& act) {
    if (act) act();
    if (step++ == kill) Restart();
    executor_->Tick();
    if (step++ == kill) Restart();
    ASSERT_TRUE(executor_->Commit());
    if (step++ == kill) Restart();
  }

  virtual Result<exec::Runner> StartFake(const exec::AttemptSpec& spec) {
    if (!refuse_.empty()) return Error{ErrorCode::kIo, refuse_, {}};
    ++starts_[{spec.id.job, spec.id.attempt}];
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoError("cannot make a pipe");
    UniqueFd lock(open(spec.paths.Runner().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return ErrnoError("cannot lock the attempt");
    runners_[spec.id.job] = {spec, UniqueFd(ends[1]), std::move(lock)};
    frames_[spec.id.job] = 0;
    return exec::Runner{{}, UniqueFd(ends[0])};
  }

  job::Order NewOrder(const std::string& app = "demo") {
    job::Order order;
    order.job = Uuid::MakeV7(clock_, random_);
    order.attempts = {3, 10};
    order.agent = kAgent;
    order.epoch = executor_->epoch();
    order.app_id = app;
    order.app_version = "1.0";
    order.installer_digest = *signing::DigestTree(configuration_.installers_dir / app);
    order.timeout_seconds = 60;
    order.issued_at = order.not_before = clock_.Now();
    order.expires_at = clock_.Now() + std::chrono::hours{24};
    order.nonce = Nonce();
    order.user_id = "admin";
    return order;
  }
  std::string Nonce() {
    std::string hex;
    for (const unsigned char c : random_.Bytes(16)) {
      hex += "0123456789abcdef"[c >> 4];
      hex += "0123456789abcdef"[c & 15];
    }
    return hex;
  }
  static std::string KeyId() { return signing::KeyId(signing::Purpose::kJob, kAgent, 1); }
  std::string Envelope(const job::Order& order) {
    const auto payload = job::SerializeOrder(order);
    EXPECT_TRUE(payload) << payload.error().ToString();
    return signing::Sign(job::kOrderPayloadType, *payload, KeyId(), MakeIdentity().job_key.view());
  }
  job::Command NewCommand() {
    job::Command command;
    command.agent = kAgent;
    command.epoch = executor_->epoch();
    command.nonce = Nonce();
    command.issued_at = clock_.Now();
    command.expires_at = clock_.Now() + std::chrono::hours{1};
    return command;
  }
  std::string Envelope(job::CommandType type, const job::Command& command) {
    return signing::Sign(job::PayloadType(type), *job::SerializeCommand(type, command), KeyId(),
                         MakeIdentity().job_key.view());
  }
  void SendCancel(const Uuid& job) {
    auto command = NewCommand();
    command.cancel = job::Cancel{job};
    executor_->TakeParcel(Envelope(job::CommandType::kCancel, command));
    Step();
  }
  void SendRetryNow(const Uuid& job, std::uint32_t attempt) {
    auto command = NewCommand();
    command.retry_now = job::RetryNow{job, attempt};
    executor_->TakeParcel(Envelope(job::CommandType::kRetryNow, command));
    Step();
  }
  void Acknowledge(std::uint64_t seq) {
    auto command = NewCommand();
    command.ack = job::Ack{seq};
    executor_->TakeParcel(Envelope(job::CommandType::kAck, command));
    Step();
  }
  void Ask(std::vector<Uuid> jobs, std::vector<Uuid> handed_over = {}) {
    auto command = NewCommand();
    command.query = job::Query{std::move(jobs), std::move(handed_over)};
    executor_->TakeParcel(Envelope(job::CommandType::kQuery, command));
    Step();
  }

  void SendDrain(bool on, Seconds ago = {}) {
    auto command = NewCommand();
    command.issued_at -= ago;
    command.drain = job::Drain{on};
    Deliver(Envelope(job::CommandType::kDrain, command));
  }

  // One turn of the event loop.
  void Step() {
    executor_->Tick();
    const auto committed = executor_->Commit();
    ASSERT_TRUE(committed) << committed.error().ToString();
  }
  void Deliver(const std::string& parcel) {
    executor_->TakeParcel(parcel);
    Step();
  }
  Uuid Run(const job::Order& order) {
    Deliver(Envelope(order));
    return order.job;
  }

  void WriteLog(const Uuid& job, std::string_view frames) {
    const auto path = runners_.at(job).spec.paths.Log();
    const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    ASSERT_TRUE(WriteAll(fd.get(), frames));
  }
  void Print(const Uuid& job, std::string text, job::Stream stream = job::Stream::kOut) {
    std::string frame;
    job::AppendFrame(frame, {++frames_[job], clock_.Now(), stream, std::move(text)});
    WriteLog(job, frame);
  }
  void End(const Uuid& job, exec::ExitRecord record) {
    auto& runner = runners_.at(job);
    record.job = job;
    record.attempt = runner.spec.id.attempt;
    record.continuation = runner.spec.id.continuation;
    ASSERT_TRUE(exec::WriteExit(runner.spec.paths, record));
    Crash(job);
  }
  void Exit(const Uuid& job, int code) {
    exec::ExitRecord record;
    record.ending = exec::Ending::kExited;
    record.exit_code = code;
    End(job, record);
  }
  void Crash(const Uuid& job) {
    runners_.at(job).alive.Reset();
    runners_.at(job).lock.Reset();
  }

  // Everything the panel could read, verified and parsed as the panel does it.
  std::vector<job::Event> Events() {
    std::vector<job::Event> events;
    std::uint64_t first = 0;
    const auto identity = MakeIdentity();
    const auto keyid = signing::KeyId(signing::Purpose::kEvent, kAgent, 1);
    const signing::VerificationKey keys[] = {{keyid, identity.event_key.view()}};
    for (const auto& bytes : executor_->outbox().Read(0, std::size_t{1} << 30, first)) {
      const auto payload = signing::Verify(bytes, job::kEventPayloadType, keys);
      EXPECT_TRUE(payload) << payload.error().ToString();
      if (!payload) continue;
      auto event = job::ParseEvent(*payload);
      EXPECT_TRUE(event) << event.error().ToString();
      if (!event) continue;
      EXPECT_EQ(event->seq, first + events.size());
      events.push_back(std::move(*event));
    }
    return events;
  }
  // The states reported of a job, in their order: "accepted running succeeded".
  std::string States(const Uuid& job) {
    std::string states;
    for (const auto& event : Events()) {
      if (event.job != job || !event.state) continue;
      states += (states.empty() ? "" : " ") + json::EnumName(event.state->status);
    }
    return states;
  }
  job::StateChange Last(const Uuid& job) {
    job::StateChange last;
    for (const auto& event : Events()) {
      if (event.job == job && event.state) last = *event.state;
    }
    return last;
  }
  int Starts(const Uuid& job) const {
    int starts = 0;
    for (const auto& [key, count] : starts_) starts += key.first == job ? count : 0;
    return starts;
  }

  FakeClock clock_{SystemClock().Now()};  // not far from the times of files
  FakeRandom random_;
  KeptLog log_;
  test::TemporaryDirectory directory_;
  exec::StatePaths state_;
  AgentConfiguration configuration_;
  std::size_t most_unacknowledged_ = std::size_t{16} << 20;
  std::size_t most_nonces_ = 100'000;
  std::size_t most_settled_ = 50'000;
  std::uint64_t compact_above_ = std::uint64_t{16} << 20;
  std::string refuse_;  // why no runner can be started
  std::map<Uuid, FakeRunner> runners_;
  std::map<std::pair<Uuid, std::uint32_t>, int> starts_;
  std::map<Uuid, std::uint64_t> frames_;
  std::unique_ptr<Executor> executor_;
};

}  // namespace prov::agent
