// New keys for an agent with a history: by enrolment, and by a command.
#include "agent/executor/executor_fixture_test.hpp"
#include "signing/enrolment.hpp"

namespace prov::agent {
namespace {

class Keys : public ExecutorTest {
 protected:
  // As the panel derives them.
  static signing::AgentKeys Derived(std::uint32_t generation, std::string_view secret = kSecret) {
    const auto derive = [&](signing::Purpose purpose) {
      return *signing::DeriveAgentKey(secret, purpose, kAgent, generation);
    };
    signing::AgentKeys keys;
    keys.generation = generation;
    keys.job = derive(signing::Purpose::kJob);
    keys.event = derive(signing::Purpose::kEvent);
    keys.http = derive(signing::Purpose::kHttp);
    return keys;
  }
  static Identity Of(signing::AgentKeys keys, const Identity& before) {
    Identity identity;
    identity.agent_id = kAgent;
    identity.generation = keys.generation;
    identity.job_key = std::move(keys.job);
    identity.event_key = std::move(keys.event);
    identity.http_key = std::move(keys.http);
    identity.sealing = CloneOf(before.sealing);
    identity.previous = KeysBefore(before);
    return identity;
  }
  ExecutorSetup MakeSetup() override {
    auto setup = ExecutorTest::MakeSetup();
    if (auto enrolled = ReadIdentity(state_)) setup.identity = std::move(*enrolled);
    return setup;
  }
  // How many events are held, if all of them are signed under these keys.
  std::size_t HeldUnder(const signing::AgentKeys& keys) {
    std::uint64_t first = 0;
    const auto keyid = signing::KeyId(signing::Purpose::kEvent, kAgent, keys.generation);
    const signing::VerificationKey key[] = {{keyid, keys.event.view()}};
    const auto held = executor_->outbox().Read(0, std::size_t{1} << 30, first);
    for (const auto& bytes : held)
      EXPECT_TRUE(signing::Verify(bytes, job::kEventPayloadType, key)) << bytes;
    return held.size();
  }
  std::string SignedUnder(const signing::AgentKeys& keys, const job::Order& order) {
    return signing::Sign(job::kOrderPayloadType, *job::SerializeOrder(order),
                         signing::KeyId(signing::Purpose::kJob, kAgent, keys.generation),
                         keys.job.view());
  }
  job::Command Offer(std::uint32_t generation) {
    auto command = NewCommand();
    command.keys = job::NewKeys{*signing::SealRotatedKeys(
        Derived(generation), kAgent, executor_->identity().sealing.present.public_key)};
    return command;
  }
};

TEST_F(Keys, AfterReEnrolment_WhatIsHeldIsSignedAnewAndOldOrdersAreTaken) {
  const auto accepted = Run(NewOrder());
  const auto under_way = NewOrder();
  const auto held = HeldUnder(Derived(1));
  ASSERT_GT(held, 0U);
  ASSERT_TRUE(WriteIdentity(state_, Of(Derived(2), MakeIdentity())));
  Restart();
  EXPECT_GE(HeldUnder(Derived(2)), held);
  EXPECT_EQ(executor_->running(), 1U) << "its envelope was signed with the keys before";
  Deliver(SignedUnder(Derived(1), under_way));
  Exit(accepted, 0);
  Step();
  Step();
  EXPECT_EQ(Starts(under_way.job), 1) << "it waited for the panel to sign it again, for ever";
}

// All that was held under the old secret could never be verified again.
TEST_F(Keys, AfterTheSecretWasReplaced_WhatIsHeldIsSignedAnew) {
  constexpr std::string_view kOther = "ffffffffffffffffffffffffffffffff";
  Run(NewOrder());
  const auto held = HeldUnder(Derived(1));
  ASSERT_TRUE(WriteIdentity(state_, Of(Derived(1, kOther), MakeIdentity())));
  Restart();
  EXPECT_GE(HeldUnder(Derived(1, kOther)), held);
}

TEST_F(Keys, OrdersOfAGenerationBeforeThePrevious_AreRefused) {
  ASSERT_TRUE(WriteIdentity(state_, Of(Derived(3), Of(Derived(2), MakeIdentity()))));
  Restart();
  const auto order = NewOrder();
  Deliver(SignedUnder(Derived(1), order));
  EXPECT_EQ(Starts(order.job), 0);
  EXPECT_TRUE(log_.Has("signature_rejected"));
}

TEST_F(Keys, ByACommand_AreWrittenUsedAndReportedUnderThemselves) {
  Run(NewOrder());
  const auto offer = Offer(2);
  Deliver(Envelope(job::CommandType::kKeys, offer));
  HeldUnder(Derived(2));
  EXPECT_EQ(executor_->identity().generation, 2U);
  const auto written = ReadIdentity(state_);
  ASSERT_TRUE(written);
  EXPECT_EQ(written->generation, 2U);
  EXPECT_EQ(written->http_key.view(), Derived(2).http.view());
  ASSERT_TRUE(written->previous);
  EXPECT_EQ(written->previous->generation, 1U);
}

// The process ended between the file and its report.
TEST_F(Keys, ByACommandThatComesAgain_AreReportedAndNotTakenTwice) {
  const auto offer = Offer(2);
  executor_->TakeParcel(Envelope(job::CommandType::kKeys, offer));
  Restart();
  EXPECT_EQ(executor_->identity().generation, 2U);
  const auto before = executor_->outbox().last();
  Deliver(Envelope(job::CommandType::kKeys, offer));
  EXPECT_GT(executor_->outbox().last(), before);
  EXPECT_EQ(executor_->identity().previous->generation, 1U);
}

TEST_F(Keys, OlderOrOfAnotherAgentOrSealedToAnother_AreNotTaken) {
  ASSERT_TRUE(WriteIdentity(state_, Of(Derived(5), MakeIdentity())));
  Restart();
  auto foreign = NewCommand();
  foreign.keys = job::NewKeys{*signing::SealRotatedKeys(
      Derived(6), "agent-2", executor_->identity().sealing.present.public_key)};
  auto elsewhere = NewCommand();
  elsewhere.keys = job::NewKeys{
      *signing::SealRotatedKeys(Derived(6), kAgent, signing::MakeSealingKeys().public_key)};
  for (const auto& command : {Offer(4), foreign, elsewhere}) {
    Deliver(Envelope(job::CommandType::kKeys, command));
    EXPECT_EQ(executor_->identity().generation, 5U);
    EXPECT_EQ(ReadIdentity(state_)->generation, 5U);
  }
}

}  // namespace
}  // namespace prov::agent
