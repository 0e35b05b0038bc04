// Another sealing key for an agent with jobs under way: no job is lost by it, and the key before
// goes.
#include "agent/executor/executor_fixture_test.hpp"
#include "signing/enrolment.hpp"

namespace prov::agent {
namespace {

constexpr const char* kToken = "canary-canary";

class SealingRotation : public ExecutorTest {
 protected:
  void SetUp() override {
    ExecutorTest::SetUp();
    AddInstaller("secret",
                 "idempotent: true\ninputs:\n  - {name: token, type: password, label: Token}\n");
  }
  // What the panel seals to.
  std::string PresentKey() { return ReadSealing(state_)->present.public_key; }
  bool HasPrevious() { return ReadSealing(state_)->previous.has_value(); }
  job::Order SealedTo(const std::string& key) {
    auto order = NewOrder("secret");
    order.sealed_inputs["token"] = Base64Encode(*signing::Seal(key, order.job, "token", kToken));
    return order;
  }
  // By the command beside the running agent, which then hears of it.
  void Rotate() {
    const auto rotated = RotateSealing(state_);
    ASSERT_TRUE(rotated) << rotated.error().ToString();
    executor_->UseIdentity(MakeIdentity());
  }
  void AcknowledgeAll() { Acknowledge(executor_->outbox().published()); }
  // Whether the runner of the job's last attempt could open what was sealed.
  bool Opens(const Uuid& job) {
    if (!runners_.contains(job)) return false;
    const auto inputs = runners_.at(job).spec.prepare("/nonexistent");
    return inputs && inputs->environment.variables.at("TOKEN") == kToken;
  }
  std::string ToldKey() {
    std::string told;
    for (const auto& event : Events()) {
      if (event.facts) told = *Base64Decode(event.facts->sealing_key.value_or(""));
    }
    return told;
  }
};

TEST_F(SealingRotation, IsToldAtOnceAndJobsSealedToEitherKeyRun) {
  const auto before = PresentKey();
  const auto busy = Run(NewOrder());
  const auto waits = Run(SealedTo(before));
  EXPECT_EQ(ToldKey(), before);
  Rotate();
  Step();
  EXPECT_NE(PresentKey(), before);
  EXPECT_EQ(ToldKey(), PresentKey()) << "the panel goes on sealing to a key that will go";
  EXPECT_TRUE(log_.Has("sealing_key_changed"));
  EXPECT_FALSE(log_.Has("keys_changed"));
  const auto after = Run(SealedTo(PresentKey()));
  const auto late = Run(SealedTo(before));
  Exit(busy, 0);
  Step();
  for (const auto& job : {waits, after, late}) {
    EXPECT_TRUE(Opens(job)) << States(job);
    Exit(job, 0);
    Step();
    EXPECT_EQ(States(job), "accepted running succeeded");
  }
}

TEST_F(SealingRotation, UntilThePanelHasTakenTheNewKey_TheOneBeforeStays) {
  const auto before = PresentKey();
  Step();
  Rotate();
  AcknowledgeAll();  // all but the event that tells the new key
  clock_.Advance(std::chrono::hours{24 * 30});
  Step();
  Step();
  EXPECT_TRUE(HasPrevious());
  EXPECT_TRUE(Opens(Run(SealedTo(before))));
}

TEST_F(SealingRotation, OnceNothingSealedToItCanCome_TheKeyBeforeGoes) {
  const auto before = PresentKey();
  Rotate();
  Step();
  AcknowledgeAll();
  ASSERT_TRUE(HasPrevious());
  EXPECT_EQ(ReadSealing(state_)->previous->out_since, clock_.Now());
  const auto order = SealedTo(before);  // by a panel whose clock is fast, just before
  clock_.Advance(kSealedComesWithin - std::chrono::minutes{6});
  const auto job = Run(order);
  EXPECT_TRUE(Opens(job)) << States(job);
  Exit(job, 0);
  Step();
  clock_.Advance(std::chrono::minutes{5});
  Step();
  EXPECT_TRUE(HasPrevious());
  clock_.Advance(std::chrono::minutes{1});
  Step();
  EXPECT_FALSE(HasPrevious());
  EXPECT_FALSE(executor_->identity().sealing.previous);
  EXPECT_TRUE(log_.Has("sealing_key_forgotten"));
  EXPECT_FALSE(Opens(Run(SealedTo(before))));
  Rotate();
}

// An agent that is restarted every day must not count anew.
TEST_F(SealingRotation, SinceWhenTheKeyBeforeIsOut_OutlivesARestart) {
  Rotate();
  Step();
  AcknowledgeAll();
  const auto out = ReadSealing(state_)->previous->out_since;
  ASSERT_TRUE(out);
  clock_.Advance(std::chrono::hours{20});
  Restart();
  Step();
  AcknowledgeAll();
  ASSERT_TRUE(HasPrevious());
  EXPECT_EQ(ReadSealing(state_)->previous->out_since, out);
  clock_.Advance(std::chrono::hours{5});
  Step();
  EXPECT_FALSE(HasPrevious());
}

TEST_F(SealingRotation, WhileAJobSealedToItWaitsOrIsRetried_TheKeyBeforeStays) {
  SendDrain(true);
  const auto waits = Run(SealedTo(PresentKey()));
  clock_.Advance(std::chrono::minutes{10});
  Rotate();
  Step();
  AcknowledgeAll();
  const auto turn = [&](Seconds time) {
    clock_.Advance(time);
    Step();
    return HasPrevious();
  };
  EXPECT_TRUE(turn(std::chrono::hours{72}));
  Restart();
  Step();
  EXPECT_TRUE(turn(std::chrono::hours{72}));
  SendDrain(false);
  EXPECT_TRUE(Opens(waits)) << States(waits);
  Exit(waits, 2);
  Step();
  ASSERT_EQ(Last(waits).status, job::Status::kRetryWait);
  EXPECT_TRUE(turn(std::chrono::minutes{1}));
  ASSERT_EQ(Starts(waits), 2);
  EXPECT_TRUE(Opens(waits));
  Exit(waits, 0);
  Step();
  EXPECT_FALSE(turn(std::chrono::minutes{1}));
}

TEST_F(SealingRotation, JobsThatDoNotNeedIt_DoNotHoldTheKeyBefore) {
  SendDrain(true);
  Run(NewOrder());
  Rotate();
  Step();
  AcknowledgeAll();
  clock_.Advance(std::chrono::minutes{10});
  const auto after = Run(SealedTo(PresentKey()));
  clock_.Advance(std::chrono::hours{25});
  Step();
  EXPECT_FALSE(HasPrevious());
  SendDrain(false);
  Exit(runners_.begin()->first, 0);
  Step();
  EXPECT_TRUE(Opens(after));
}

// Enrolment sends the key that is there: it must not be changed meanwhile.
TEST_F(SealingRotation, WhileTheServerIsEnrolled_NothingIsWritten) {
  Rotate();
  Step();
  auto enrolling = LockEnrolment(state_);
  ASSERT_TRUE(enrolling);
  AcknowledgeAll();
  EXPECT_FALSE(ReadSealing(state_)->previous->out_since);
  enrolling->Reset();
  clock_.Advance(std::chrono::minutes{1});
  Step();
  EXPECT_TRUE(ReadSealing(state_)->previous->out_since);
}

TEST_F(SealingRotation, NewKeysThatWereSealedToTheKeyBefore_AreTakenAndBothSealingKeysStay) {
  const auto before = PresentKey();
  Rotate();
  Step();
  const auto derive = [](signing::Purpose purpose) {
    return *signing::DeriveAgentKey(kSecret, purpose, kAgent, 2);
  };
  const signing::AgentKeys keys{2, derive(signing::Purpose::kJob), derive(signing::Purpose::kEvent),
                                derive(signing::Purpose::kHttp)};
  auto command = NewCommand();
  command.keys = job::NewKeys{*signing::SealRotatedKeys(keys, kAgent, before)};
  Deliver(Envelope(job::CommandType::kKeys, command));
  EXPECT_EQ(executor_->identity().generation, 2U);
  EXPECT_EQ(ReadIdentity(state_)->generation, 2U);
  EXPECT_EQ(executor_->identity().sealing.present.public_key, PresentKey());
  ASSERT_TRUE(executor_->identity().sealing.previous);
  EXPECT_EQ(executor_->identity().sealing.previous->keys.public_key, before);
}

TEST_F(SealingRotation, KilledAtEveryStep_NoJobIsLostAndTheKeyBeforeGoes) {
  for (int kill = 0; kill < 24; ++kill) {
    int step = 0;
    const auto turn = [&](const std::function<void()>& act) { Turn(step, kill, act); };
    const auto command = [&](auto member) {
      auto made = NewCommand();
      if constexpr (std::is_same_v<decltype(member), job::Drain>)
        made.drain = member;
      else
        made.ack = member;
      return made;
    };
    SendDrain(true);
    const auto before = SealedTo(PresentKey());
    Run(before);
    turn([&] { Rotate(); });
    turn(nullptr);
    clock_.Advance(Seconds{1});  // ids of one millisecond are in no order
    const auto after = SealedTo(PresentKey());
    Run(after);
    for (int i = 0; i < 2; ++i) {
      turn([&] {
        const auto ack = command(job::Ack{executor_->outbox().published()});
        executor_->TakeParcel(Envelope(job::CommandType::kAck, ack));
      });
    }
    clock_.Advance(kSealedComesWithin);
    turn(nullptr);
    ASSERT_TRUE(HasPrevious()) << "killed at " << kill;
    SendDrain(false);
    for (const auto& order : {before, after}) {
      EXPECT_TRUE(Opens(order.job)) << "killed at " << kill << ": " << States(order.job);
      if (!runners_.contains(order.job)) return;
      Exit(order.job, 0);
      Step();
      EXPECT_EQ(Last(order.job).status, job::Status::kSucceeded) << "killed at " << kill;
    }
    for (int i = 0; i < 3; ++i) {
      clock_.Advance(std::chrono::hours{9});
      turn(nullptr);
      AcknowledgeAll();
    }
    EXPECT_FALSE(HasPrevious()) << "killed at " << kill;
  }
}

}  // namespace
}  // namespace prov::agent
