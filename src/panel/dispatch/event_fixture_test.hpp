// An agent that reports: it numbers and signs its events as an executor does, and reads the
// panel's acknowledgement as one.
#pragma once

#include <set>

#include "base/encoding.hpp"
#include "job/command.hpp"
#include "job/event.hpp"
#include "job/log_chunk.hpp"
#include "job/log_lines.hpp"
#include "panel/dispatch/event_applier.hpp"
#include "panel/panel_fixture_test.hpp"
#include "signing/dsse.hpp"

namespace prov::panel {

class EventTest : public PanelTest {
 protected:
  using Status = job::Status;

  void SetUp() override {
    AddAgent();
    Restart();
  }
  // The panel's process is another one; the store is the same.
  void Restart() {
    applier_ =
        std::make_unique<EventApplier>(gate_, registry_, hub_, keys_, clock_, random_, log_,
                                       [this](const std::string& agent) { woken_.insert(agent); });
    applier_->OnFinished([this](const job::Record& record) { finished_.push_back(record); });
  }

  Uuid AddJobIn(job::Status status, std::uint32_t attempt = 0, const char* server = kAgent) {
    const auto id = AddJob(server);
    Put(id, job::Status::kDispatched);
    Put(id, status, attempt);
    return id;
  }

  job::Event NewEvent(job::EventType type) {
    job::Event event;
    event.agent = kAgent;
    event.epoch = epoch_;
    event.seq = ++seq_;
    event.oldest = 1;
    event.time = clock_.Now();
    event.type = type;
    return event;
  }
  job::Event State(const Uuid& job, job::Status status,
                   std::optional<std::uint32_t> attempt = std::nullopt) {
    auto event = NewEvent(job::EventType::kState);
    event.job = job;
    event.attempt = attempt;
    event.state.emplace();
    event.state->status = status;
    if (status == job::Status::kFailed) event.state->failure_kind = job::FailureKind::kUnknown;
    if (status == job::Status::kRetryWait) event.state->next_attempt_at = clock_.Now();
    return event;
  }
  job::Event Progress(const Uuid& job, std::uint32_t percent, std::uint32_t attempt = 1) {
    auto event = NewEvent(job::EventType::kProgress);
    event.job = job;
    event.attempt = attempt;
    event.progress = job::Progress{percent, "working"};
    return event;
  }
  job::Event Log(const Uuid& job, std::uint64_t first, const std::string& text,
                 std::uint32_t attempt = 1) {
    const std::vector<job::LogFrame> frames{{first, clock_.Now(), job::Stream::kOut, text}};
    std::string raw;
    for (const auto& frame : frames) job::AppendFrame(raw, frame);
    auto event = NewEvent(job::EventType::kLog);
    event.job = job;
    event.attempt = attempt;
    event.log = job::LogChunk{first, job::CountLines(frames), raw.size(),
                              Base64Encode(*job::PackFrames(raw))};
    return event;
  }
  job::Event Facts(std::optional<Uuid> previous = std::nullopt) {
    auto event = NewEvent(job::EventType::kFacts);
    event.facts.emplace();
    event.facts->os = {"debian", "12", "Debian GNU/Linux 12", "amd64"};
    event.facts->cpus = 2;
    event.facts->memory_mb = 1024;
    event.facts->agent_version = "0.1.0";
    event.facts->containment = "cgroup2";
    event.facts->epoch = {clock_.Now(), previous, "first start"};
    return event;
  }

  static std::string Sign(const std::string& payload, signing::Purpose purpose,
                          const std::string& agent, std::uint32_t generation = 1,
                          std::string_view secret = kSecret,
                          std::string_view type = job::kEventPayloadType) {
    const auto key = signing::DeriveAgentKey(secret, purpose, agent, generation);
    return signing::Sign(type, payload, signing::KeyId(purpose, agent, generation), key->view());
  }
  static std::string Signed(const job::Event& event) {
    const auto payload = job::SerializeEvent(event);
    EXPECT_TRUE(payload) << payload.error().ToString();
    return Sign(payload ? *payload : "", signing::Purpose::kEvent, kAgent);
  }
  static std::vector<std::string> Signed(const std::vector<job::Event>& events) {
    std::vector<std::string> bytes;
    for (const auto& event : events) bytes.push_back(Signed(event));
    return bytes;
  }

  Result<std::string> DeliverBytes(std::vector<std::string> bytes,
                                   const std::string& agent = kAgent) {
    return Await(applier_->Deliver(agent, std::move(bytes)));
  }
  // The sequence that was acknowledged, as the agent's executor reads it.
  Result<std::uint64_t> Deliver(const std::vector<job::Event>& events) {
    PROV_TRY(const auto ack, DeliverBytes(Signed(events)));
    const auto key = signing::DeriveAgentKey(kSecret, signing::Purpose::kJob, kAgent, 1);
    const auto keyid = signing::KeyId(signing::Purpose::kJob, kAgent, 1);
    const signing::VerificationKey keys[] = {{keyid, key->view()}};
    PROV_TRY(const auto payload,
             signing::Verify(ack, job::PayloadType(job::CommandType::kAck), keys));
    PROV_TRY(const auto command, job::ParseCommand(job::CommandType::kAck, payload));
    EXPECT_EQ(command.agent, kAgent);
    EXPECT_EQ(command.epoch, epoch_);
    return command.ack->seq;
  }
  std::uint64_t Position() {
    const auto epoch = Agent().epoch;
    return database_
        .Read([&](store::Transaction& t) { return t.agents().Position(kAgent, epoch); })
        ->sequence;
  }
  std::vector<store::LogChunk> StoredLog(const Uuid& id, std::uint32_t attempt = 1) {
    return *database_.Read(
        [&](store::Transaction& t) { return t.changes().Log(Admin(), id, attempt, 1, 1000); });
  }

  Registry registry_{InstallersDirectory(), clock_, log_};
  std::unique_ptr<EventApplier> applier_;
  std::vector<job::Record> finished_;
  std::set<std::string> woken_;
  std::uint64_t seq_ = 0;
};

}  // namespace prov::panel
