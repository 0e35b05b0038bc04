#include "panel/enrolment/enrolment_desk.hpp"

#include "base/encoding.hpp"
#include "base/sha256.hpp"
#include "panel/panel_fixture_test.hpp"
#include "signing/enrolment.hpp"
#include "transport/rabbitmq/user.hpp"
#include "transport/redis/acl.hpp"

namespace prov::panel {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr Seconds kValid{3600};
constexpr const char* kPeer = "192.0.2.1";

// A server that asks to be enrolled: what it keeps of itself between two requests.
struct Server {
  std::string id = "agent-1";
  Uuid epoch;
  signing::SealingKeys sealing = signing::MakeSealingKeys();
};

class Desk : public PanelTest {
 protected:
  void SetUp() override { Restart(); }
  void Restart() {
    desk_ = std::make_unique<EnrolmentDesk>(gate_, hub_, keys_, clock_, log_, kSecret);
  }
  Server NewServer(const std::string& id = kAgent) {
    clock_.Advance(Millis{1});
    return {id, Uuid::MakeV7(clock_, random_)};
  }

  std::string Token(const std::string& agent = kAgent, bool re_enrol = false,
                    Seconds valid_for = kValid) {
    clock_.Advance(Millis{1});
    const auto token =
        MakeEnrolmentToken(database_, kSecret, agent, re_enrol, valid_for, "ann", clock_, random_);
    EXPECT_TRUE(token) << token.error().ToString();
    return token ? *token : "";
  }
  signing::EnrolmentRequest RequestOf(const Server& server, const std::string& token) {
    return {signing::ParseEnrollToken(token)->id,
            server.id,
            server.epoch,
            Base64Encode(server.sealing.public_key),
            {{"cpus", 2}},
            HexEncode(random_.Bytes(16)),
            clock_.Now()};
  }
  static signing::SecretBytes KeyOf(const std::string& token, const std::string& agent) {
    return *signing::DeriveEnrollKey(*signing::ParseEnrollToken(token), agent);
  }
  std::string Signed(const Server& server, const std::string& token) {
    const auto key = KeyOf(token, server.id);
    return *signing::SignEnrolment(RequestOf(server, token), key.view());
  }
  Result<std::string> Send(const std::string& request, const std::string& peer = kPeer) {
    return Await(desk_->Enrol(request, peer));
  }
  // The keys the server has afterwards.
  Result<signing::AgentKeys> Enrol(const Server& server, const std::string& token,
                                   const std::string& peer = kPeer) {
    const auto request = RequestOf(server, token);
    const auto key = KeyOf(token, server.id);
    PROV_TRY(const auto sent, signing::SignEnrolment(request, key.view()));
    PROV_TRY(const auto answer, Send(sent, peer));
    return signing::OpenEnrolmentAnswer(answer, request, server.sealing, key.view());
  }
  void ExpectKeys(const Result<signing::AgentKeys>& keys, const std::string& agent,
                  std::uint32_t generation) {
    ASSERT_TRUE(keys) << keys.error().ToString();
    EXPECT_EQ(keys->generation, generation);
    const auto derived = [&](signing::Purpose purpose) {
      return std::string(signing::DeriveAgentKey(kSecret, purpose, agent, generation)->view());
    };
    EXPECT_EQ(keys->job.view(), derived(signing::Purpose::kJob));
    EXPECT_EQ(keys->event.view(), derived(signing::Purpose::kEvent));
    EXPECT_EQ(keys->http.view(), derived(signing::Purpose::kHttp));
  }
  // Refused with that sentence, and the servers are as they were.
  template <class T>
  void ExpectRefused(const Result<T>& answer, const std::string& why) {
    ASSERT_FALSE(answer) << "it was not refused: " << why;
    EXPECT_THAT(answer.error().ToString(), HasSubstr(why));
    EXPECT_THAT(log_.text, HasSubstr("enrolment_refused"));
  }
  std::vector<store::Agent> Agents() {
    return *database_.Read([](store::Transaction& t) { return t.agents().List(Admin()); });
  }

  std::unique_ptr<EnrolmentDesk> desk_;
};

TEST_F(Desk, WithAToken_AServerIsRegisteredAndGetsItsKeys) {
  const auto server = NewServer();
  ExpectKeys(Enrol(server, Token()), kAgent, 1);
  const auto agent = Agent();
  EXPECT_EQ(agent.epoch, server.epoch.ToString());
  EXPECT_EQ(agent.sealing_key, server.sealing.public_key);
  EXPECT_EQ(agent.key_generation, 1U);
  EXPECT_EQ(agent.registered_at, clock_.Now());
  ASSERT_THAT(Audited("agent.enrolled"), SizeIs(1));
  EXPECT_EQ(Audited("agent.enrolled")[0].detail.at("peer").as_string(), kPeer);
  const auto http = Await(desk_->AccessOf(kAgent, 1));
  ASSERT_TRUE(http);
  EXPECT_EQ(http->key.view(),
            signing::DeriveAgentKey(kSecret, signing::Purpose::kHttp, kAgent, 1)->view());
}

TEST_F(Desk, AToken_WorksOnce) {
  const auto token = Token();
  const auto first = NewServer();
  ExpectKeys(Enrol(first, token), kAgent, 1);
  // Another server with its name, and the same one after it lost its state.
  ExpectRefused(Enrol(NewServer(), token), "used already");
  auto other_key = NewServer();
  other_key.epoch = first.epoch;
  ExpectRefused(Enrol(other_key, token), "used already");
  EXPECT_EQ(Agent().epoch, first.epoch.ToString());
  EXPECT_EQ(Agent().sealing_key, first.sealing.public_key);
  EXPECT_THAT(Audited("agent.enrolled"), SizeIs(1));
}

TEST_F(Desk, ManyServersAtOnceWithOneToken_AreOneServer) {
  const auto token = Token();
  std::size_t enrolled = 0;
  std::size_t answered = 0;
  constexpr std::size_t kServers = 9;  // fewer than an address may be refused
  for (std::size_t i = 0; i < kServers; ++i) {
    boost::asio::co_spawn(io_, desk_->Enrol(Signed(NewServer(), token), kPeer),
                          [&](std::exception_ptr failure, const Result<std::string>& answer) {
                            ++answered;
                            if (!failure && answer) ++enrolled;
                          });
  }
  ASSERT_TRUE(RunUntil([&] { return answered == kServers; }));
  EXPECT_EQ(enrolled, 1U);
  EXPECT_THAT(Agents(), SizeIs(1));
  EXPECT_THAT(Audited("agent.enrolled"), SizeIs(1));
}

TEST_F(Desk, TheSameServerAgain_GetsTheSameAnswerWhileTheTokenLasts) {
  const auto token = Token();
  const auto server = NewServer();
  ExpectKeys(Enrol(server, token), kAgent, 1);
  Restart();
  ExpectKeys(Enrol(server, token), kAgent, 1);
  clock_.Advance(kValid - Seconds{1});
  ExpectKeys(Enrol(server, token), kAgent, 1);
  EXPECT_THAT(Audited("agent.enrolled"), SizeIs(1)) << "it was enrolled once";
  EXPECT_EQ(Agent().key_generation, 1U);
  clock_.Advance(Seconds{1});
  ExpectRefused(Enrol(server, token), "");
}

TEST_F(Desk, WhenTheAnswerWasNotLearntOf_TheSameServerGetsItAgain) {
  const auto token = Token();
  const auto server = NewServer();
  database_.writes_left = 0;
  database_.lose_answer = true;
  EXPECT_FALSE(Enrol(server, token));
  database_.Repair();
  ExpectKeys(Enrol(server, token), kAgent, 1);
}

TEST_F(Desk, ATokenOfAnotherServer_GivesNobodysKeys) {
  const auto token = Token("agent-2");
  // Of a server that is not registered, and of one that is.
  ExpectRefused(Enrol(NewServer(), token), "another agent");
  const auto server = NewServer();
  ExpectKeys(Enrol(server, Token()), kAgent, 1);
  ExpectRefused(Enrol(server, token), "another agent");
  // Also once it was used by the one it is for.
  ExpectKeys(Enrol(NewServer("agent-2"), token), "agent-2", 1);
  ExpectRefused(Enrol(server, token), "another agent");
}

TEST_F(Desk, AnExpiredToken_IsRefused) {
  const auto token = Token(kAgent, false, Seconds{60});
  const auto late = Token("agent-2", false, Seconds{60});
  clock_.Advance(Seconds{60} - Millis{2});
  ExpectKeys(Enrol(NewServer("agent-2"), late), "agent-2", 1);
  clock_.Advance(Millis{1});
  ExpectRefused(Enrol(NewServer(), token), "expired");
  EXPECT_THAT(Agents(), SizeIs(1));
}

TEST_F(Desk, ATokenThatIsNotOurs_IsRefused) {
  const auto foreign = signing::FormatEnrollToken(
      *signing::MakeEnrollToken("ffffffffffffffffffffffffffffffff", Uuid::MakeV7(clock_, random_)));
  ExpectRefused(Enrol(NewServer(), foreign), "not one of this panel's");
  // Made with our secret, and never kept: its row is gone, or was never there.
  const auto unknown =
      signing::FormatEnrollToken(*signing::MakeEnrollToken(kSecret, Uuid::MakeV7(clock_, random_)));
  const auto refused = Enrol(NewServer(), unknown);
  ExpectRefused(refused, "not known");
  EXPECT_EQ(refused.error().code, ErrorCode::kUnauthenticated);
  // The id of a good one, with a guessed secret.
  auto guessed = Token();
  guessed.back() = guessed.back() == 'A' ? 'E' : 'A';
  ASSERT_TRUE(signing::ParseEnrollToken(guessed));
  ExpectRefused(Enrol(NewServer(), guessed), "not one of this panel's");
  EXPECT_THAT(Agents(), IsEmpty());
}

TEST_F(Desk, EveryTamperedByte_IsRefused) {
  const auto token = Token();
  const auto request = Signed(NewServer(), token);
  for (std::size_t i = 0; i < request.size(); ++i) {
    auto tampered = request;
    tampered[i] = static_cast<char>(tampered[i] ^ 1);
    EXPECT_FALSE(Send(tampered, std::to_string(i))) << i;
  }
  for (const auto& none :
       {std::string(), std::string("{}"), std::string("null"),
        request.substr(0, request.size() / 2), request + request, std::string(100'000, '[')}) {
    EXPECT_FALSE(Send(none, "another"));
  }
  EXPECT_THAT(Agents(), IsEmpty());
  EXPECT_TRUE(Send(request)) << "the token was not used up by any of them";
}

TEST_F(Desk, ARequestFromAnotherTime_IsRefused) {
  const auto token = Token();
  const auto request = Signed(NewServer(), token);
  clock_.Advance(signing::kEnrolmentWindow + Seconds{1});
  ExpectRefused(Send(request), "");
  EXPECT_THAT(Agents(), IsEmpty());
}

TEST_F(Desk, ARegisteredServer_IsEnrolledAgainOnlyByATokenForThat) {
  ExpectKeys(Enrol(NewServer(), Token()), kAgent, 1);
  const auto anew = NewServer();
  const auto plain = Token();
  const auto refused = Enrol(anew, plain);
  ExpectRefused(refused, "enroll-token --re-enroll agent-1");
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_EQ(Agent().key_generation, 1U);

  const auto token = Token(kAgent, true);
  ExpectKeys(Enrol(anew, token), kAgent, 2);
  EXPECT_EQ(Agent().epoch, anew.epoch.ToString());
  EXPECT_EQ(Agent().key_generation, 2U);
  EXPECT_THAT(Audited("agent.re_enrolled"), SizeIs(1));
  EXPECT_FALSE(Await(desk_->AccessOf(kAgent, 1))) << "what had the old keys is out";
  EXPECT_TRUE(Await(desk_->AccessOf(kAgent, 2)));
  // Again, since the answer may be lost: nothing is raised.
  ExpectKeys(Enrol(anew, token), kAgent, 2);
  EXPECT_EQ(Agent().key_generation, 2U);
  EXPECT_THAT(Agents(), SizeIs(1));
}

TEST_F(Desk, TenRefusalsOfOneAddress_AreEnoughForAMinute) {
  const auto token = Token();
  const auto server = NewServer();
  for (int i = 0; i < 10; ++i) {
    EXPECT_NE(Send("nothing").error().code, ErrorCode::kExhausted) << i;
  }
  EXPECT_EQ(Send("nothing").error().code, ErrorCode::kExhausted);
  EXPECT_EQ(Enrol(server, token).error().code, ErrorCode::kExhausted) << "not even a good one";
  EXPECT_THAT(Agents(), IsEmpty());
  EXPECT_EQ(log_.Count("enrolment_refused"), 10) << "nor is the log filled";
  // Not another address.
  ExpectKeys(Enrol(NewServer("agent-2"), Token("agent-2"), "192.0.2.2"), "agent-2", 1);
  clock_.Advance(Seconds{59});
  EXPECT_EQ(Send("nothing").error().code, ErrorCode::kExhausted);
  clock_.Advance(Seconds{1});
  ExpectKeys(Enrol(server, token), kAgent, 1);
}

TEST_F(Desk, WhatIsEnrolled_IsNotCountedAsRefused) {
  for (int i = 0; i < 20; ++i) {
    const auto id = "agent-" + std::to_string(i);
    ExpectKeys(Enrol(NewServer(id), Token(id)), id, 1);
  }
}

TEST_F(Desk, AFailureOfOurOwn_IsNotCountedAsRefused) {
  const auto token = Token();
  const auto server = NewServer();
  database_.writes_left = 0;
  for (int i = 0; i < 12; ++i) {
    EXPECT_EQ(Enrol(server, token).error().code, ErrorCode::kUnavailable) << i;
  }
  database_.Repair();
  ExpectKeys(Enrol(server, token), kAgent, 1);
}

TEST_F(Desk, WhenTheStoreRunsTheWorkTwice_ItIsEnrolledOnce) {
  const auto token = Token();
  database_.twice = true;
  ExpectKeys(Enrol(NewServer(), token), kAgent, 1);
  EXPECT_THAT(Audited("agent.enrolled"), SizeIs(1));
}

TEST_F(Desk, ATokensText_IsInNoRowAndNoLog) {
  const auto token = Token();
  const auto secret = token.substr(token.rfind('.') + 1);
  ExpectKeys(Enrol(NewServer(), token), kAgent, 1);
  ExpectRefused(Enrol(NewServer(), token), "used already");
  EXPECT_THAT(log_.text, Not(HasSubstr(secret)));
  for (const auto* action : {"enrolment_token.created", "agent.enrolled"}) {
    ASSERT_THAT(Audited(action), SizeIs(1));
    EXPECT_THAT(json::Serialize(Audited(action)[0].detail), Not(HasSubstr(secret)));
  }
}

TEST_F(Desk, ATokenForNoAgentId_IsNotMade) {
  for (const auto* id : {"", "-agent", "agent 1", "../agent", "ägent"}) {
    const auto made =
        MakeEnrolmentToken(database_, kSecret, id, false, kValid, "ann", clock_, random_);
    ASSERT_FALSE(made) << id;
    EXPECT_EQ(made.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(made.error().message, HasSubstr("is not an agent id"));
  }
}

TEST_F(Desk, WithTheSameEpoch_WhatWasSignedBeforeStaysValidAndJobsGoOn) {
  auto server = NewServer();
  ExpectKeys(Enrol(server, Token()), kAgent, 1);
  const auto id = AddJob();
  Put(id, job::Status::kDispatched);
  ExpectKeys(Enrol(server, Token(kAgent, true)), kAgent, 2);
  EXPECT_EQ(Agent().previous_generation, 1U);
  EXPECT_EQ(Job(id).status, job::Status::kDispatched);
}

TEST_F(Desk, WithAnotherEpoch_JobsUnderWayAreLostAndOldEventsVoid) {
  ExpectKeys(Enrol(NewServer(), Token()), kAgent, 1);
  const auto running = AddJob();
  Put(running, job::Status::kDispatched);
  Put(running, job::Status::kRunning, 1);
  const auto ended = AddJob();
  Put(ended, job::Status::kDispatched);
  Put(ended, job::Status::kSucceeded, 1);
  const auto queued = AddJob();
  ExpectKeys(Enrol(NewServer(), Token(kAgent, true)), kAgent, 2);
  EXPECT_EQ(Agent().previous_generation, 0U);
  EXPECT_EQ(Job(running).status, job::Status::kLost);
  EXPECT_TRUE(Job(running).needs_attention);
  EXPECT_EQ(Job(ended).status, job::Status::kSucceeded);
  EXPECT_EQ(Job(queued).status, job::Status::kQueued);
  EXPECT_THAT(Audited("job.lost"), SizeIs(1));
}

TEST_F(Desk, WithAnotherEpoch_AJobThatWaitsGoesOnUnlessItsSecretsCannotBeOpened) {
  std::vector<Uuid> finished;
  desk_->OnFinished([&](const job::Record& record) { finished.push_back(record.id); });
  auto server = NewServer();
  ExpectKeys(Enrol(server, Token()), kAgent, 1);
  const auto plain = AddOrderedJob();
  const auto sealed = AddOrderedJob({"token"});
  // Its state directory is still there.
  clock_.Advance(Millis{1});
  server.epoch = Uuid::MakeV7(clock_, random_);
  ExpectKeys(Enrol(server, Token(kAgent, true)), kAgent, 2);
  EXPECT_EQ(Job(plain).status, job::Status::kQueued);
  EXPECT_EQ(Job(sealed).status, job::Status::kQueued) << "the server still has the key";

  // Everything is another one.
  ExpectKeys(Enrol(NewServer(), Token(kAgent, true)), kAgent, 3);
  EXPECT_EQ(Job(plain).status, job::Status::kQueued);
  EXPECT_EQ(Job(sealed).status, job::Status::kExpired);
  EXPECT_THAT(*Job(sealed).status_reason, HasSubstr("submit it again"));
  EXPECT_EQ(Job(sealed).finished_at, clock_.Now());
  EXPECT_THAT(Audited("job.expired"), SizeIs(1));
  EXPECT_THAT(finished, ElementsAre(sealed));
}

TEST_F(Desk, WithAnotherEpoch_WhatWasAskedForIsSignedAnewAndTheRestWithdrawn) {
  ExpectKeys(Enrol(NewServer(), Token()), kAgent, 1);
  const auto drain =
      AddSigned(job::CommandType::kDrain, [](job::Command& c) { c.drain = job::Drain{true}; });
  const auto job = AddOrderedJob();
  const auto cancel =
      AddSigned(job::CommandType::kCancel, [&](job::Command& c) { c.cancel = job::Cancel{job}; });
  AddSigned(job::CommandType::kRetryNow,
            [&](job::Command& c) { c.retry_now = job::RetryNow{job, 1}; });
  AddSigned(job::CommandType::kQuery, [&](job::Command& c) { c.query = job::Query{{job}, {}}; });
  ASSERT_TRUE(OfferKeys(database_, kSecret, kAgent, "ann", clock_, random_));
  database_.twice = true;
  const auto anew = NewServer();
  ExpectKeys(Enrol(anew, Token(kAgent, true)), kAgent, 3);

  ASSERT_THAT(KindsOfPending(), ElementsAre("drain", "cancel"));
  const auto pending = PendingCommands();
  EXPECT_NE(pending[0].id, drain.id) << "the queue may hold that, and would take no other";
  EXPECT_EQ(pending[0].expires_at, drain.expires_at);
  const auto drains = Opened(job::CommandType::kDrain, pending[0].bytes, 3);
  EXPECT_EQ(drains.epoch, anew.epoch);
  EXPECT_EQ(drains.nonce, CommandNonce(pending[0].id));
  EXPECT_EQ(drains.issued_at, drain.created_at) << "of several drains the one asked for last holds";
  EXPECT_TRUE(drains.drain->on);
  EXPECT_NE(pending[1].id, cancel.id);
  EXPECT_EQ(Opened(job::CommandType::kCancel, pending[1].bytes, 3).cancel->job, job);
}

TEST_F(Desk, WithAnotherEpoch_AServerThatWasDrainedIsToldAgain) {
  ExpectKeys(Enrol(NewServer(), Token()), kAgent, 1);
  ASSERT_TRUE(database_.Write([](store::Transaction& t) -> prov::Status {
    PROV_TRY(auto agent, t.agents().Get(Admin(), kAgent));
    agent.drained = true;
    return t.agents().Update(agent, 1);
  }));
  database_.twice = true;
  const auto anew = NewServer();
  ExpectKeys(Enrol(anew, Token(kAgent, true)), kAgent, 2);
  ASSERT_THAT(KindsOfPending(), ElementsAre("drain"));
  const auto told = Opened(job::CommandType::kDrain, PendingCommands()[0].bytes, 2);
  EXPECT_TRUE(told.drain->on);
  EXPECT_EQ(told.epoch, anew.epoch);

  // That it is to take up jobs again was said since.
  const auto resume =
      AddSigned(job::CommandType::kDrain, [](job::Command& c) { c.drain = job::Drain{false}; });
  ASSERT_TRUE(database_.Write([&](store::Transaction& t) {
    return t.commands().Confirm(t.commands().Pending(kAgent, 1)->front().id);
  }));
  ASSERT_EQ(PendingCommands()[0].id, resume.id);
  ExpectKeys(Enrol(NewServer(), Token(kAgent, true)), kAgent, 3);
  ASSERT_THAT(KindsOfPending(), ElementsAre("drain"));
  EXPECT_FALSE(Opened(job::CommandType::kDrain, PendingCommands()[0].bytes, 3).drain->on);
}

TEST_F(Desk, WithTheSameEpoch_CommandsStayAsTheyAre) {
  const auto server = NewServer();
  ExpectKeys(Enrol(server, Token()), kAgent, 1);
  const auto drain =
      AddSigned(job::CommandType::kDrain, [](job::Command& c) { c.drain = job::Drain{true}; });
  ExpectKeys(Enrol(server, Token(kAgent, true)), kAgent, 2);
  EXPECT_THAT(PendingCommands(), ElementsAre(drain));
}

TEST_F(Desk, AClone_IsHeardAgainOnlyWithANewEpoch) {
  auto server = NewServer();
  ExpectKeys(Enrol(server, Token()), kAgent, 1);
  EXPECT_TRUE(Await(desk_->AccessOf(kAgent, 1))->admitted);
  ASSERT_TRUE(database_.Write([](store::Transaction& t) -> Status {
    PROV_TRY(auto agent, t.agents().Get(Admin(), kAgent));
    agent.cloned = store::CloneMark{WallTime{}, "two of them"};
    return t.agents().Update(agent, 1);
  }));
  EXPECT_EQ(Await(desk_->AccessOf(kAgent, 1))->admitted.error().code, ErrorCode::kConflict);
  const auto token = Token(kAgent, true);
  ExpectRefused(Enrol(server, token), "--new-epoch");
  // The token was not spent on it.
  ExpectKeys(Enrol(NewServer(), token), kAgent, 2);
  EXPECT_TRUE(Await(desk_->AccessOf(kAgent, 2))->admitted);
  EXPECT_FALSE(Await(desk_->AccessOf(kAgent, 1)));
}

TEST_F(Desk, KeysThatWereOffered_AreNotGivenToWhoEnrolsAgain) {
  auto server = NewServer();
  ExpectKeys(Enrol(server, Token()), kAgent, 1);
  ASSERT_TRUE(database_.Write([](store::Transaction& t) -> Status {
    PROV_TRY(auto agent, t.agents().Get(Admin(), kAgent));
    agent.offered_generation = 2;
    return t.agents().Update(agent, 1);
  }));
  EXPECT_TRUE(Await(desk_->AccessOf(kAgent, 1)));
  EXPECT_TRUE(Await(desk_->AccessOf(kAgent, 2)));
  ExpectKeys(Enrol(server, Token(kAgent, true)), kAgent, 3);
}

TEST_F(Desk, TheDefinitionsOfARabbitmqUser_HaveThePasswordOfItsKey) {
  AddAgent();
  FakeRandom once;
  const auto user = Await(desk_->AmqpUser(Admin(), kAgent, "/our", once));
  ASSERT_TRUE(user) << user.error().ToString();
  const auto key = signing::DeriveAgentKey(kSecret, signing::Purpose::kHttp, kAgent, 1);
  const auto password = transport::rabbitmq::PasswordOf(key->view(), kAgent);
  FakeRandom again;
  EXPECT_EQ(*user, transport::rabbitmq::UserDefinitions(kAgent, "/our", password, again));
  EXPECT_THAT(*user, Not(HasSubstr(password)));
  FakeRandom random;
  const auto unknown = Await(desk_->AmqpUser(Admin(), "nobody", "/", random));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kNotFound);
}

TEST_F(Desk, TheRuleOfARedisUser_HasThePasswordsOfItsKeysAndTheNext) {
  AddAgent();
  const auto rule = Await(desk_->RedisAcl(Admin(), kAgent, transport::redis::KeyStyle::kPlain));
  ASSERT_TRUE(rule) << rule.error().ToString();
  for (const auto& [generation, there] :
       {std::pair(1U, true), std::pair(2U, true), std::pair(3U, false)}) {
    const auto key = signing::DeriveAgentKey(kSecret, signing::Purpose::kHttp, kAgent, generation);
    const auto password = transport::redis::AclPassword(key->view(), kAgent);
    EXPECT_EQ(rule->find(" #" + HexEncode(Sha256(password)) + " ") != std::string::npos, there);
    EXPECT_THAT(*rule, Not(HasSubstr(password)));
  }
  const auto unknown =
      Await(desk_->RedisAcl(Admin(), "nobody", transport::redis::KeyStyle::kPlain));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kNotFound);
}

TEST_F(Desk, ThoseThatAreHeard_AreTheRegisteredOnesButClones) {
  AddAgent("a");
  AddAgent("b");
  ASSERT_TRUE(database_.Write([](store::Transaction& t) -> Status {
    PROV_TRY(auto agent, t.agents().Get(Admin(), "a"));
    agent.cloned = store::CloneMark{WallTime{}, "two of them"};
    return t.agents().Update(agent, 1);
  }));
  EXPECT_EQ(Await(desk_->Heard()).value(), std::vector<std::string>{"b"});
}

TEST_F(Desk, OfferedKeys_GoInACommandUnderThePresentOnes) {
  auto server = NewServer();
  ExpectKeys(Enrol(server, Token()), kAgent, 1);
  const auto offered = OfferKeys(database_, kSecret, kAgent, "ann", clock_, random_);
  ASSERT_TRUE(offered) << offered.error().ToString();
  EXPECT_EQ(*offered, 2U);
  EXPECT_EQ(Agent().key_generation, 1U);
  EXPECT_EQ(Agent().offered_generation, 2U);
  const auto commands =
      *database_.Read([](store::Transaction& t) { return t.commands().Pending(kAgent, 10); });
  ASSERT_THAT(commands, SizeIs(1));
  const auto command = Opened(job::CommandType::kKeys, commands[0].bytes);
  EXPECT_EQ(command.epoch, server.epoch);
  ExpectKeys(signing::OpenRotatedKeys(command.keys->sealed, kAgent, server.sealing), kAgent, 2);
  EXPECT_FALSE(signing::OpenRotatedKeys(command.keys->sealed, "agent-2", server.sealing));
  EXPECT_THAT(Audited("agent.keys_offered"), SizeIs(1));
  // Again, while they are not used: the same generation.
  clock_.Advance(Millis{1});
  EXPECT_EQ(*OfferKeys(database_, kSecret, kAgent, "ann", clock_, random_), 2U);
  EXPECT_EQ(OfferKeys(database_, kSecret, "agent-9", "ann", clock_, random_).error().code,
            ErrorCode::kNotFound);
}

TEST_F(Desk, AGenerationRaisedByAnotherPanel_IsNoticedHere) {
  ExpectKeys(Enrol(NewServer(), Token()), kAgent, 1);
  ASSERT_TRUE(Await(desk_->AccessOf(kAgent, 1)));
  ASSERT_TRUE(database_.Write([](store::Transaction& t) -> Status {
    PROV_TRY(auto agent, t.agents().Get(Admin(), kAgent));
    agent.key_generation = 2;
    return t.agents().Update(agent, 1);
  }));
  EXPECT_FALSE(Await(desk_->AccessOf(kAgent, 1)))
      << "it was remembered, and a clone went on with it";
}

TEST_F(Desk, WithSecretKeyItself_AServerIsRegisteredAndNobodyElseIsReplaced) {
  const auto token = signing::FormatEnrollToken(*signing::MakeEnrollToken(kSecret, Uuid()));
  const auto server = NewServer();
  ExpectKeys(Enrol(server, token), kAgent, 1);
  ExpectKeys(Enrol(server, token), kAgent, 1);
  EXPECT_THAT(Audited("agent.enrolled"), SizeIs(1));
  ExpectRefused(Enrol(NewServer(), token), "is registered already");
  ExpectKeys(Enrol(server, Token(kAgent, true)), kAgent, 2);
  ExpectRefused(Enrol(server, token), "is registered already");
}

TEST_F(Desk, AKeyOfAServerNobodyKnows_IsGivenForTheFirstGenerationOnly) {
  EXPECT_TRUE(Await(desk_->AccessOf(kAgent, 1))) << "it registers by its first event";
  EXPECT_EQ(Await(desk_->AccessOf(kAgent, 2)).error().code, ErrorCode::kUnauthenticated);
  ExpectKeys(Enrol(NewServer(), Token()), kAgent, 1);
  for (const std::uint32_t generation : {0U, 2U, 4'294'967'295U}) {
    EXPECT_EQ(Await(desk_->AccessOf(kAgent, generation)).error().code, ErrorCode::kUnauthenticated);
  }
}

}  // namespace
}  // namespace prov::panel
