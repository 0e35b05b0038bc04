#include "panel/enrolment/enrolment_desk.hpp"

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "base/sha256.hpp"
#include "net/problem.hpp"
#include "panel/dispatch/agent_identity.hpp"
#include "panel/dispatch/job_end.hpp"
#include "panel/dispatch/pending_commands.hpp"
#include "panel/dispatch/renewal.hpp"
#include "signing/enrolment.hpp"
#include "transport/rabbitmq/user.hpp"
#include "transport/redis/acl.hpp"

namespace prov::panel {
namespace {

namespace asio = boost::asio;

constexpr unsigned kMostFailures = 10;  // of one peer, within
constexpr Seconds kFailureWindow{60};
constexpr Seconds kIssuedFor = std::chrono::hours{1};
constexpr std::size_t kMostPeers = 10'000;
constexpr std::size_t kJobsReadAtOnce = 1000;  // jobs that are read together

Error Refused(std::string why) { return {ErrorCode::kUnauthenticated, std::move(why), {}}; }

std::string TokenHash(const signing::EnrollToken& token) {
  return HexEncode(Sha256(signing::FormatEnrollToken(token)));
}

struct ComposedEnrolment {
  std::string text;
  store::EnrolmentToken row;
};

Result<ComposedEnrolment> Compose(std::string_view secret_key, const std::string& agent,
                                  Seconds valid_for, const std::string& created_by, WallTime now,
                                  const Uuid& id) {
  if (!signing::IsAgentId(agent)) {
    return Error{ErrorCode::kInvalidArgument,
                 "`" + agent +
                     "` is not an agent id: 1 to 128 letters, digits, `.`, `_` and `-`, a "
                     "letter or digit first",
                 {}};
  }
  PROV_TRY(const auto token, signing::MakeEnrollToken(secret_key, id));
  ComposedEnrolment made{signing::FormatEnrollToken(token), {}};
  made.row.id = token.id;
  made.row.hash = TokenHash(token);
  made.row.agent_id = agent;
  made.row.created_by = created_by;
  made.row.created_at = now;
  made.row.expires_at = now + valid_for;
  return made;
}

Status Keep(store::Transaction& t, const store::EnrolmentToken& row) {
  PROV_CHECK(t.tokens().InsertEnrolment(row));
  const bool re_enrol = row.purpose == store::EnrolmentPurpose::kReEnrol;
  PROV_CHECK(t.audit().Append({row.created_at,
                               row.created_by,
                               "enrolment_token.created",
                               row.agent_id,
                               {{"token", row.id.ToString()}, {"re_enrol", re_enrol}}}));
  return {};
}

struct Registration {
  std::uint32_t generation = 1;
  bool again = false;
  std::vector<job::Record> ended;  // jobs of the epoch that was left
};

// A used token answers its own request again, and no other.
bool IsSameEnrolment(const store::Agent& agent, const signing::EnrolmentRequest& request) {
  const auto sealing = Base64Decode(request.sealing_key);
  return sealing && agent.sealing_key == *sealing && agent.epoch == request.epoch.ToString();
}

store::Agent MakeAgent(const signing::EnrolmentRequest& request, WallTime now,
                       std::uint32_t generation) {
  store::Agent agent;
  agent.id = request.agent;
  agent.registered_at = now;
  agent.key_generation = generation;
  agent.epoch = request.epoch.ToString();
  agent.sealing_key = *Base64Decode(request.sealing_key);
  agent.facts = json::Serialize(request.facts);
  return agent;
}

Result<signing::AgentKeys> DeriveKeys(std::string_view secret_key, const std::string& agent,
                                      std::uint32_t generation) {
  const auto derive = [&](signing::Purpose purpose) {
    return signing::DeriveAgentKey(secret_key, purpose, agent, generation);
  };
  signing::AgentKeys keys;
  keys.generation = generation;
  PROV_TRY(keys.job, derive(signing::Purpose::kJob));
  PROV_TRY(keys.event, derive(signing::Purpose::kEvent));
  PROV_TRY(keys.http, derive(signing::Purpose::kHttp));
  return keys;
}

Error AlreadyRegistered(const std::string& agent) {
  return {ErrorCode::kConflict,
          agent +
              " is registered already; an administrator makes a token with "
              "`provisioning-panel enroll-token --re-enroll " +
              agent + "`",
          {}};
}

// Whether they ran nobody can say any more: the journal that knew is another one's.
Status LoseJobs(store::Transaction& t, const std::string& agent, WallTime now,
                std::vector<job::Record>& ended) {
  for (bool more = true; more;) {
    PROV_TRY(const auto unsettled, t.jobs().Unsettled(agent, kJobsReadAtOnce));
    more = unsettled.size() == kJobsReadAtOnce;
    for (const auto& record : unsettled) {
      PROV_CHECK(EndJob(t, record, job::Status::kLost,
                        "the server was enrolled again, with another epoch of its journal", now,
                        ended));
    }
  }
  return {};
}

// Jobs that were not handed over are signed anew when they are. Their secrets nobody can seal anew.
Status ExpireSealed(store::Transaction& t, const std::string& agent, WallTime now,
                    std::vector<job::Record>& ended) {
  store::JobFilter waiting;
  waiting.server_id = agent;
  waiting.statuses = {job::Status::kQueued};
  std::optional<Uuid> before;
  for (bool more = true; more;) {
    PROV_TRY(const auto records, t.jobs().List(kPanel, waiting, before, kJobsReadAtOnce));
    more = records.size() == kJobsReadAtOnce;
    for (const auto& record : records) {
      before = record.id;
      if (record.sealed_inputs.empty()) continue;
      PROV_CHECK(EndJob(t, record, job::Status::kExpired,
                        "the server was enrolled again before it came for the job, with another "
                        "sealing key than the job's secrets are sealed to: submit it again",
                        now, ended));
    }
  }
  return {};
}

// `agent`, as it is from now on, begins another epoch than `known`. The keys it was offered are
// older than those it gets.
Status LeaveEpoch(store::Transaction& t, const KeyRing& keys, const store::Agent& known,
                  const store::Agent& agent, WallTime now, std::vector<job::Record>& ended) {
  using enum job::CommandType;
  PROV_CHECK(LoseJobs(t, agent.id, now, ended));
  if (agent.sealing_key != known.sealing_key) PROV_CHECK(ExpireSealed(t, agent.id, now, ended));
  PROV_CHECK(RenewCommands(t, keys, agent, {kQuery, kKeys, kRetryNow}));
  if (known.drained) PROV_CHECK(RenewDrain(t, keys, agent, now));
  return {};
}

// With the same epoch it goes on: what it signed before is still taken, and its jobs are its own.
Result<Registration> RegisterAgain(store::Transaction& t, const KeyRing& keys,
                                   const store::Agent& known,
                                   const signing::EnrolmentRequest& request, WallTime now) {
  const bool same_epoch = known.epoch == request.epoch.ToString();
  if (known.cloned && same_epoch) {
    return Error{ErrorCode::kConflict,
                 known.id +
                     " was cloned, so its journal is not its own any more: stop its agent and "
                     "enrol it with --new-epoch",
                 {}};
  }
  Registration registration;
  // Keys that were offered may be in another's hands by now.
  registration.generation = std::max(known.key_generation, known.offered_generation) + 1;
  auto agent = MakeAgent(request, now, registration.generation);
  agent.drained = known.drained;
  agent.last_seen_at = known.last_seen_at;
  if (same_epoch) {
    agent.previous_generation = known.key_generation;
  } else {
    PROV_CHECK(LeaveEpoch(t, keys, known, agent, now, registration.ended));
  }
  PROV_CHECK(t.agents().Update(agent, known.key_generation));
  return registration;
}

// Whoever holds SECRET_KEY could derive every key of the first generation, so it is told them; what
// was enrolled otherwise since then is not its to take.
Result<Registration> RegisterBySecret(store::Transaction& t, const store::Agent* known,
                                      const signing::EnrolmentRequest& request, WallTime now) {
  if (known == nullptr) {
    PROV_CHECK(t.agents().Insert(MakeAgent(request, now, 1)));
    return Registration{};
  }
  if (known->key_generation != 1 || known->cloned || !IsSameEnrolment(*known, request))
    return AlreadyRegistered(known->id);
  return Registration{1, true, {}};
}

Result<Registration> RegisterByToken(store::Transaction& t, const KeyRing& keys,
                                     const store::Agent* known,
                                     const signing::EnrolmentRequest& request,
                                     const std::string& hash, WallTime now) {
  PROV_TRY(const auto token, t.tokens().FindEnrolment(hash));
  if (token.used_at && token.agent_id == request.agent && known != nullptr &&
      IsSameEnrolment(*known, request) && now < token.expires_at)
    return Registration{known->key_generation, true, {}};
  PROV_TRY(const auto used, t.tokens().UseEnrolment(hash, request.agent, now));
  if (known == nullptr) {
    PROV_CHECK(t.agents().Insert(MakeAgent(request, now, 1)));
    return Registration{};
  }
  if (used.purpose != store::EnrolmentPurpose::kReEnrol) return AlreadyRegistered(known->id);
  return RegisterAgain(t, keys, *known, request, now);
}

Result<Registration> Register(store::Transaction& t, const KeyRing& keys,
                              const signing::EnrolmentRequest& request, const std::string& hash,
                              const std::string& peer, WallTime now) {
  const auto found = t.agents().Get(kPanel, request.agent);
  if (!found && found.error().code != ErrorCode::kNotFound) return found.error();
  const auto* known = found ? &*found : nullptr;
  const bool by_secret = request.token == Uuid();
  PROV_TRY(auto registration, by_secret ? RegisterBySecret(t, known, request, now)
                                        : RegisterByToken(t, keys, known, request, hash, now));
  if (registration.again) return registration;
  PROV_CHECK(t.audit().Append({now,
                               "agent:" + request.agent,
                               known != nullptr ? "agent.re_enrolled" : "agent.enrolled",
                               request.agent,
                               {{"generation", registration.generation},
                                {"peer", peer},
                                {"token", by_secret ? "SECRET_KEY" : request.token.ToString()}}}));
  return registration;
}

}  // namespace

EnrolmentDesk::EnrolmentDesk(StoreGate& store, LiveHub& hub, const KeyRing& key_ring,
                             const Clock& clock, Logger& logger, std::string_view secret_key)
    : store_(store),
      hub_(hub),
      key_ring_(key_ring),
      clock_(clock),
      logger_(logger),
      secret_key_(std::string(secret_key)) {}

bool EnrolmentDesk::TooManyFailures(const std::string& peer) {
  const auto found = failures_.find(peer);
  if (found == failures_.end()) return false;
  if (clock_.Steady() - found->second.since < kFailureWindow)
    return found->second.count >= kMostFailures;
  failures_.erase(found);
  return false;
}

void EnrolmentDesk::CountFailure(const std::string& peer) {
  if (failures_.size() >= kMostPeers) failures_.clear();
  auto& failures = failures_[peer];
  if (failures.count++ == 0) failures.since = clock_.Steady();
}

asio::awaitable<Result<EnrolmentDesk::Issued>> EnrolmentDesk::Issue(store::Actor actor,
                                                                    std::string agent, Uuid id) {
  const auto made = Compose(secret_key_.view(), agent, kIssuedFor, actor.user_id, clock_.Now(), id);
  if (!made) co_return made.error();
  const auto kept = co_await store_.Write([row = made->row](store::Transaction& t) -> Status {
    const auto known = t.agents().Get(kPanel, row.agent_id);
    if (known) return AlreadyRegistered(row.agent_id);
    if (known.error().code != ErrorCode::kNotFound) return known.error();
    return Keep(t, row);
  });
  if (!kept) co_return kept.error();
  co_return Issued{made->text, made->row.expires_at};
}

asio::awaitable<Result<std::string>> EnrolmentDesk::Enrol(std::string request, std::string peer) {
  if (TooManyFailures(peer)) {
    co_return Error{ErrorCode::kExhausted,
                    "too many refused enrolments from this address; try again in a minute",
                    {}};
  }
  const auto refuse = [&](Error error) -> Result<std::string> {
    // What the panel itself could not do is nobody's failure.
    if (net::HttpStatus(error.code) < 500) CountFailure(peer);
    logger_.Warning("enrolment_refused", {{"peer", peer}, {"reason", error.ToString()}});
    return error;
  };
  const auto claimed = signing::ClaimedEnrolment(request);
  if (!claimed) co_return refuse(claimed.error());
  const auto token = signing::MakeEnrollToken(secret_key_.view(), claimed->token);
  if (!token) co_return token.error();
  const auto key = signing::DeriveEnrollKey(*token, claimed->agent);
  if (!key) co_return refuse(key.error());
  const auto now = clock_.Now();
  const auto verified = signing::VerifyEnrolment(request, key->view(), now);
  if (!verified) {
    co_return refuse(verified.error().code == ErrorCode::kPermissionDenied
                         ? Refused("the token is not one of this panel's, or another agent's")
                         : verified.error());
  }
  const auto registration = co_await store_.Write(
      [this, verified = *verified, hash = TokenHash(*token), peer, now](store::Transaction& t) {
        return Register(t, key_ring_, verified, hash, peer, now);
      });
  if (!registration) {
    auto error = registration.error();
    if (error.code == ErrorCode::kNotFound) error = Refused("the token is not known");
    co_return refuse(std::move(error));
  }
  PROV_CO_TRY(const auto keys,
              DeriveKeys(secret_key_.view(), verified->agent, registration->generation));
  hub_.ServersChanged();
  for (const auto& record : registration->ended) {
    hub_.JobChanged(record.id);
    if (on_finished_) on_finished_(record);
  }
  logger_.Info("agent_enrolled", {{"server_id", verified->agent},
                                  {"generation", keys.generation},
                                  {"again", registration->again},
                                  {"peer", peer}});
  co_return signing::AnswerEnrolment(*verified, keys, key->view());
}

// Read anew each time: another panel, or `provisioning-panel enroll-token`'s holder, may have
// raised the generation, and what has the old keys is out from then on.
asio::awaitable<Result<transport::HttpAccess>> EnrolmentDesk::AccessOf(std::string agent,
                                                                       std::uint32_t generation) {
  const auto stored = co_await store_.Read(
      [agent](store::Transaction& t) { return t.agents().Get(kPanel, agent); });
  if (!stored && stored.error().code != ErrorCode::kNotFound) co_return stored.error();
  // One that is not registered becomes so by its first event, if it holds SECRET_KEY.
  const auto current = stored ? stored->key_generation : 1;
  const auto offered = stored ? stored->offered_generation : 0;
  if (generation == 0 || (generation != current && generation != offered)) {
    co_return Refused(fmt::format("{} has keys of generation {}, and came with generation {}",
                                  agent, current, generation));
  }
  transport::HttpAccess access;
  PROV_CO_TRY(access.key, signing::DeriveAgentKey(secret_key_.view(), signing::Purpose::kHttp,
                                                  agent, generation));
  if (stored && stored->cloned) access.admitted = ClonedError(*stored);
  co_return access;
}

asio::awaitable<Result<std::string>> EnrolmentDesk::RedisAcl(store::Actor actor, std::string id,
                                                             transport::redis::KeyStyle style) {
  PROV_CO_TRY(const auto agent, co_await store_.Read([actor, id](store::Transaction& t) {
    return t.agents().Get(actor, id);
  }));
  const auto next =
      agent.offered_generation != 0 ? agent.offered_generation : agent.key_generation + 1;
  std::vector<std::string> passwords;
  for (const auto generation : {agent.key_generation, agent.previous_generation, next}) {
    if (generation == 0) continue;
    PROV_CO_TRY(const auto key, signing::DeriveAgentKey(secret_key_.view(), signing::Purpose::kHttp,
                                                        id, generation));
    passwords.push_back(transport::redis::AclPassword(key.view(), id));
  }
  co_return transport::redis::AclRule(id, style, passwords);
}

asio::awaitable<Result<std::string>> EnrolmentDesk::AmqpUser(store::Actor actor, std::string id,
                                                             std::string vhost, Random& random) {
  PROV_CO_TRY(const auto agent, co_await store_.Read([actor, id](store::Transaction& t) {
    return t.agents().Get(actor, id);
  }));
  PROV_CO_TRY(const auto key, signing::DeriveAgentKey(secret_key_.view(), signing::Purpose::kHttp,
                                                      id, agent.key_generation));
  co_return transport::rabbitmq::UserDefinitions(
      id, vhost, transport::rabbitmq::PasswordOf(key.view(), id), random);
}

asio::awaitable<Result<std::vector<std::string>>> EnrolmentDesk::Heard() {
  PROV_CO_TRY(const auto agents,
              co_await store_.Read([](store::Transaction& t) { return t.agents().List(kPanel); }));
  std::vector<std::string> heard;
  for (const auto& agent : agents) {
    if (!agent.cloned) heard.push_back(agent.id);
  }
  co_return heard;
}

Result<std::string> MakeEnrolmentToken(store::Database& database, std::string_view secret_key,
                                       const std::string& agent, bool re_enrol, Seconds valid_for,
                                       const std::string& created_by, const Clock& clock,
                                       Random& random) {
  PROV_TRY(auto made, Compose(secret_key, agent, valid_for, created_by, clock.Now(),
                              Uuid::MakeV7(clock, random)));
  if (re_enrol) made.row.purpose = store::EnrolmentPurpose::kReEnrol;
  PROV_CHECK(database.Write([&](store::Transaction& t) { return Keep(t, made.row); }));
  return made.text;
}

Result<std::uint32_t> OfferKeys(store::Database& database, std::string_view secret_key,
                                const std::string& agent, const std::string& by, const Clock& clock,
                                Random& random) {
  PROV_TRY(const auto ring, KeyRing::Create(secret_key));
  const auto id = Uuid::MakeV7(clock, random);
  const auto now = clock.Now();
  return database.Write([&](store::Transaction& t) -> Result<std::uint32_t> {
    PROV_TRY(auto row, t.agents().Get(kPanel, agent));
    if (row.cloned) return ClonedError(row);
    if (row.sealing_key.empty()) {
      return Error{ErrorCode::kConflict,
                   agent + " has not told its sealing key yet; start its agent once",
                   {}};
    }
    // Offered again until it is used: one that took them and did not say so yet has them.
    row.offered_generation = row.key_generation + 1;
    PROV_TRY(const auto keys, DeriveKeys(secret_key, agent, row.offered_generation));
    PROV_TRY(auto sealed, signing::SealRotatedKeys(keys, agent, row.sealing_key));
    PROV_TRY(const auto epoch, Uuid::Parse(row.epoch));
    auto command = CommandHeader(agent, epoch, id, now);
    command.keys = job::NewKeys{std::move(sealed)};
    PROV_TRY(const auto told, SignedCommand(ring, row, id, job::CommandType::kKeys, command));
    PROV_CHECK(t.commands().Insert(told));
    PROV_CHECK(t.agents().Update(row, row.key_generation));
    PROV_CHECK(t.audit().Append(
        {now, by, "agent.keys_offered", agent, {{"generation", row.offered_generation}}}));
    return row.offered_generation;
  });
}

}  // namespace prov::panel
