#include "panel/enrolment/enrolment_desk.hpp"

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "base/sha256.hpp"
#include "net/problem.hpp"
#include "signing/enrolment.hpp"

namespace prov::panel {
namespace {

namespace asio = boost::asio;

constexpr unsigned kMostFailures = 10;  // of one peer, within
constexpr Seconds kFailureWindow{60};
constexpr std::size_t kMostPeers = 10'000;

Error Refused(std::string why) { return {ErrorCode::kUnauthenticated, std::move(why), {}}; }

std::string TokenHash(const signing::EnrollToken& token) {
  return HexEncode(Sha256(signing::FormatEnrollToken(token)));
}

struct Registration {
  std::uint32_t generation = 1;
  bool again = false;
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

Result<Registration> Register(store::Transaction& t, const signing::EnrolmentRequest& request,
                              const std::string& hash, const std::string& peer, WallTime now) {
  const store::Actor panel{"panel", true};
  const auto known = t.agents().Get(panel, request.agent);
  if (!known && known.error().code != ErrorCode::kNotFound) return known.error();
  PROV_TRY(const auto token, t.tokens().FindEnrolment(hash));
  if (token.used_at && token.agent_id == request.agent && known &&
      IsSameEnrolment(*known, request) && now < token.expires_at)
    return Registration{known->key_generation, true};
  PROV_TRY(const auto used, t.tokens().UseEnrolment(hash, request.agent, now));
  Registration registration;
  if (!known) {
    PROV_CHECK(t.agents().Insert(MakeAgent(request, now, 1)));
  } else if (used.purpose == store::EnrolmentPurpose::kReEnrol) {
    registration.generation = known->key_generation + 1;
    PROV_CHECK(
        t.agents().Update(MakeAgent(request, now, registration.generation), known->key_generation));
  } else {
    return Error{ErrorCode::kConflict,
                 request.agent +
                     " is registered already; an administrator makes a token with "
                     "`provisioning-panel enroll-token --re-enroll " +
                     request.agent + "`",
                 {}};
  }
  PROV_CHECK(t.audit().Append({now,
                               "agent:" + request.agent,
                               known ? "agent.re_enrolled" : "agent.enrolled",
                               request.agent,
                               {{"generation", registration.generation},
                                {"peer", peer},
                                {"token", request.token.ToString()}}}));
  return registration;
}

}  // namespace

EnrolmentDesk::EnrolmentDesk(StoreGate& store, LiveHub& hub, const Clock& clock, Logger& logger,
                             std::string_view secret_key)
    : store_(store),
      hub_(hub),
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
      [verified = *verified, hash = TokenHash(*token), peer, now](store::Transaction& t) {
        return Register(t, verified, hash, peer, now);
      });
  if (!registration) {
    auto error = registration.error();
    if (error.code == ErrorCode::kNotFound) error = Refused("the token is not known");
    co_return refuse(std::move(error));
  }
  signing::AgentKeys keys;
  keys.generation = registration->generation;
  const auto derive = [&](signing::Purpose purpose) {
    return signing::DeriveAgentKey(secret_key_.view(), purpose, verified->agent, keys.generation);
  };
  PROV_CO_TRY(keys.job, derive(signing::Purpose::kJob));
  PROV_CO_TRY(keys.event, derive(signing::Purpose::kEvent));
  PROV_CO_TRY(keys.http, derive(signing::Purpose::kHttp));
  generations_[verified->agent] = keys.generation;
  hub_.ServersChanged();
  logger_.Info("agent_enrolled", {{"server_id", verified->agent},
                                  {"generation", keys.generation},
                                  {"again", registration->again},
                                  {"peer", peer}});
  co_return signing::AnswerEnrolment(*verified, keys, key->view());
}

asio::awaitable<Result<signing::SecretBytes>> EnrolmentDesk::HttpKey(std::string agent,
                                                                     std::uint32_t generation) {
  auto known = generations_.find(agent);
  if (known == generations_.end() || known->second != generation) {
    // Another panel may have enrolled it, or raised its generation.
    const auto stored = co_await store_.Read(
        [agent](store::Transaction& t) { return t.agents().Get({"panel", true}, agent); });
    if (!stored) {
      if (stored.error().code == ErrorCode::kNotFound)
        co_return Refused("no server is registered as " + agent);
      co_return stored.error();
    }
    known = generations_.insert_or_assign(agent, stored->key_generation).first;
  }
  if (known->second != generation) {
    co_return Refused(fmt::format("{} has keys of generation {}, and came with generation {}",
                                  agent, known->second, generation));
  }
  co_return signing::DeriveAgentKey(secret_key_.view(), signing::Purpose::kHttp, agent, generation);
}

Result<std::string> MakeEnrolmentToken(store::Database& database, std::string_view secret_key,
                                       const std::string& agent, bool re_enrol, Seconds valid_for,
                                       const std::string& created_by, const Clock& clock,
                                       Random& random) {
  if (!signing::IsAgentId(agent)) {
    return Error{ErrorCode::kInvalidArgument,
                 "`" + agent +
                     "` is not an agent id: 1 to 128 letters, digits, `.`, `_` and `-`, a "
                     "letter or digit first",
                 {}};
  }
  PROV_TRY(const auto token, signing::MakeEnrollToken(secret_key, Uuid::MakeV7(clock, random)));
  store::EnrolmentToken row;
  row.id = token.id;
  row.hash = TokenHash(token);
  row.agent_id = agent;
  row.purpose = re_enrol ? store::EnrolmentPurpose::kReEnrol : store::EnrolmentPurpose::kEnrol;
  row.created_by = created_by;
  row.created_at = clock.Now();
  row.expires_at = row.created_at + valid_for;
  PROV_CHECK(database.Write([&](store::Transaction& t) -> Status {
    PROV_CHECK(t.tokens().InsertEnrolment(row));
    PROV_CHECK(t.audit().Append({row.created_at,
                                 created_by,
                                 "enrolment_token.created",
                                 agent,
                                 {{"token", row.id.ToString()}, {"re_enrol", re_enrol}}}));
    return {};
  }));
  return signing::FormatEnrollToken(token);
}

}  // namespace prov::panel
