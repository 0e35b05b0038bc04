// The power goes, and of the disk only what was fsynced is left (docs/decisions/0014).
#include "support/power_cut.hpp"

#include "agent/executor/executor_fixture_test.hpp"
#include "signing/sealed.hpp"

namespace prov::agent {
namespace {

class PowerCuts : public ExecutorTest {
 protected:
  void SetUp() override {
    ExecutorTest::SetUp();
    AddInstaller("once", "idempotent: false\n");
    AddInstaller("form",
                 "idempotent: true\ninputs:\n  - {name: domain, type: string, label: Domain}\n"
                 "  - {name: token, type: password, label: Token}\n");
    ASSERT_TRUE(
        WriteFileAtomically(configuration_.installers_dir / "form/check.sh", "true\n", 0644));
    disk_.emplace(state_.root);
  }
  void Cut() {
    executor_.reset();
    runners_.clear();
    boot_ = "another";
    disk_->Strike();
    Start();
    Step();
  }
  ExecutorSetup MakeSetup() override {
    auto setup = ExecutorTest::MakeSetup();
    setup.machine.boot_id = [this]() -> Result<std::string> { return boot_; };
    return setup;
  }
  job::Order Form(const std::string& domain, contract::Action action = contract::Action::kInstall) {
    auto order = NewOrder("form");
    order.action = action;
    if (!domain.empty()) order.inputs["domain"] = domain;
    return order;
  }
  std::string Domain(const Uuid& job) {
    if (!runners_.contains(job)) return States(job) + ": " + Last(job).reason.value_or("");
    const auto inputs = runners_.at(job).spec.prepare("/nonexistent");
    return inputs ? inputs->environment.variables.at("DOMAIN") : inputs.error().ToString();
  }

  std::string domain_;
  std::string boot_ = "this";
  std::optional<test::PowerCut> disk_;
};

TEST_F(PowerCuts, AtEveryMomentOfAJob_NothingRunsTwiceAndWhatWasSaidHolds) {
  const std::vector<std::pair<const char*, const char*>> moments = {
      {"taken", ""},
      {"about to start", ""},
      {"running", "accepted running interrupted"},
      {"printed", "accepted running interrupted"},
      {"exited", "accepted running interrupted"},
      {"reported", "accepted running succeeded"},
  };
  for (const auto& [moment, states] : moments) {
    SCOPED_TRACE(moment);
    const std::string at = moment;
    const auto order = NewOrder("once");
    const auto id = order.job;
    executor_->TakeParcel(Envelope(order));
    std::string said;
    const bool told = at != "taken" && at != "about to start";
    if (at == "about to start") executor_->Tick();
    if (told) {
      Step();
      said = States(id);
      EXPECT_EQ(said, "accepted running");
      if (at != "running") Print(id, "hello\n");
      if (at == "exited" || at == "reported") Exit(id, 0);
      if (at == "reported") {
        Step();
        said = States(id);
      }
    }
    const auto starts = Starts(id);
    Cut();
    EXPECT_EQ(States(id), states);
    EXPECT_TRUE(States(id).starts_with(said));
    Deliver(Envelope(order));
    EXPECT_EQ(Starts(id), told ? starts : 1);
    EXPECT_EQ(executor_->running(), told ? 0u : 1u);
    if (!told) {
      Exit(id, 0);
      Step();
    }
  }
}

TEST_F(PowerCuts, JobsThatWait_RunAfterwards_FromTheJournalOrTheirSealedEnvelope) {
  for (const bool compacted : {false, true}) {
    SCOPED_TRACE(compacted);
    clock_.Advance(Seconds{1});
    const auto busy = Run(NewOrder("once"));
    clock_.Advance(Seconds{1});
    const auto plain = Run(Form("example.test"));
    clock_.Advance(Seconds{1});
    auto sealing = Form("example.test");
    const auto key = ReadSealing(state_)->present.public_key;
    const auto box = Base64Encode(*signing::Seal(key, sealing.job, "token", "canary-canary"));
    sealing.sealed_inputs["token"] = box;
    const auto sealed = Run(sealing);
    ASSERT_EQ(Starts(plain) + Starts(sealed), 0);
    if (compacted) executor_->CompactNow();
    Cut();
    EXPECT_EQ(States(busy), "accepted running interrupted");
    EXPECT_EQ(Domain(plain), "example.test");
    Exit(plain, 0);
    Step();
    EXPECT_EQ(Domain(sealed), "example.test");
    EXPECT_EQ(ReadFile(state_.Journal(), 1 << 24)->find(box), std::string::npos)
        << "ciphertext outlives its job in the journal";
    Exit(sealed, 0);
    Step();
  }
}

TEST_F(PowerCuts, WhatIsRememberedOfAnApplication_IsTheLastSuccess) {
  const auto check = [this] {
    const auto id = Run(Form("", contract::Action::kCheck));
    ASSERT_EQ(Starts(id), 1) << Last(id).reason.value_or("");
    EXPECT_EQ(Domain(id), domain_);
    Exit(id, 0);
    Step();
  };
  for (const bool compacted : {false, true}) {
    SCOPED_TRACE(compacted);
    domain_ = compacted ? "second.test" : "first.test";
    const auto id = Run(Form(domain_));
    const auto next = Run(Form("", contract::Action::kCheck));
    Exit(id, 0);
    Step();
    // Started in the moment in which the other ended.
    EXPECT_EQ(Domain(next), domain_);
    Exit(next, 0);
    Step();
    if (compacted) executor_->CompactNow();
    Cut();
    check();
    // No more of it in the journal, and none of it lost.
    if (!compacted) continue;
    Cut();
    check();
  }
}

TEST_F(PowerCuts, AnEndThatCannotBeJournalledYet_IsKeptWhereItIs) {
  most_unacknowledged_ = 0;
  Restart();
  const auto id = Run(NewOrder("once"));
  Print(id, "hello\n");
  Exit(id, 0);
  Step();
  EXPECT_EQ(States(id), "accepted running");
  most_unacknowledged_ = std::size_t{16} << 20;
  Cut();
  Step();
  EXPECT_EQ(States(id), "accepted running succeeded");
  bool logged = false;
  for (const auto& event : Events()) logged |= event.job == id && event.log.has_value();
  EXPECT_TRUE(logged);
}

TEST_F(PowerCuts, BeforeTheRebootThatWasAskedFor_TheLogIsKept) {
  AddInstaller("reboots", "idempotent: true\nreboot: allowed\n");
  const auto id = Run(NewOrder("reboots"));
  Print(id, "before\n");
  const auto log = runners_.at(id).spec.paths.Log();
  Exit(id, 194);
  Step();
  const auto reported = std::filesystem::file_size(log);
  Cut();
  Step();
  ASSERT_EQ(runners_.at(id).spec.id.continuation, 1u);
  EXPECT_EQ(std::filesystem::file_size(log), reported);
}

}  // namespace
}  // namespace prov::agent
