#include "enrolment.hpp"

#include <sstream>

#include "agent/facts.hpp"
#include "base/encoding.hpp"
#include "base/json.hpp"
#include "transport/rabbitmq/user.hpp"
#include "transport/redis/acl.hpp"

namespace prov::bench {
namespace {

namespace asio = boost::asio;

// Of this machine, asked once.
job::Facts FactsOf(const Clock& clock, const signing::SealingKeys& sealing) {
  static const job::Facts kMachine = agent::CollectFacts("/");
  auto facts = kMachine;
  facts.containment = "cgroup2";
  facts.epoch = {clock.Now(), std::nullopt, "first start", std::nullopt};
  facts.sealing_key = Base64Encode(sealing.public_key);
  return facts;
}

}  // namespace

asio::awaitable<Result<SimulatedIdentity>> Enrol(net::HttpClient& panel, std::string agent,
                                                 std::string_view secret_key, const Clock& clock,
                                                 Random& random) {
  // The nil token is that of whoever holds the secret.
  PROV_CO_TRY(const auto token, signing::MakeEnrollToken(secret_key, Uuid()));
  PROV_CO_TRY(const auto key, signing::DeriveEnrollKey(token, agent));
  const auto sealing = signing::MakeSealingKeys();
  SimulatedIdentity identity;
  identity.agent = agent;
  identity.epoch = Uuid::MakeV7(clock, random);
  identity.facts = FactsOf(clock, sealing);
  signing::EnrolmentRequest enrolment;
  enrolment.token = token.id;
  enrolment.agent = agent;
  enrolment.epoch = identity.epoch;
  enrolment.sealing_key = Base64Encode(sealing.public_key);
  enrolment.facts = json::ToValue(identity.facts).as_object();
  enrolment.nonce = HexEncode(random.Bytes(16));
  enrolment.issued_at = clock.Now();
  net::ClientRequest request;
  request.method = "POST";
  request.target = "/agent/v1/enroll";
  request.headers.Set("Content-Type", "application/json");
  PROV_CO_TRY(request.body, signing::SignEnrolment(enrolment, key.view()));
  PROV_CO_TRY(const auto response, co_await panel.Send(std::move(request)));
  if (response.status != 200)
    co_return Error{ErrorCode::kPermissionDenied, "enrolling " + agent + ": " + response.body, {}};
  PROV_CO_TRY(identity.keys,
              signing::OpenEnrolmentAnswer(response.body, enrolment, sealing, key.view()));
  co_return identity;
}

asio::awaitable<Status> MakeRedisUser(redis::Client& administrator,
                                      const SimulatedIdentity& identity) {
  const std::string password[] = {
      transport::redis::AclPassword(identity.keys.http.view(), identity.agent)};
  std::istringstream rule(
      transport::redis::AclRule(identity.agent, transport::redis::KeyStyle::kPlain, password));
  redis::Command command;
  for (std::string word; rule >> word;) command.push_back(word);
  PROV_CO_CHECK(co_await administrator.Call(std::move(command)));
  co_return Status();
}

std::string RabbitmqUserOf(const SimulatedIdentity& identity, Random& random) {
  return transport::rabbitmq::UserDefinitions(
      identity.agent, /*vhost=*/"/",
      transport::rabbitmq::PasswordOf(identity.keys.http.view(), identity.agent), random);
}

}  // namespace prov::bench
