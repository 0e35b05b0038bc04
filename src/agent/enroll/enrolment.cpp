#include "agent/enroll/enrolment.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include "agent/facts.hpp"
#include "base/encoding.hpp"
#include "base/json.hpp"
#include "net/http_client.hpp"
#include "signing/enrolment.hpp"

namespace prov::agent {
namespace {

namespace asio = boost::asio;

// One request, waited for: there is nothing else to do yet.
Result<net::ClientResponse> Post(const EnrolmentOptions& options, std::string body) {
  asio::io_context io{1};
  net::ClientOptions client;
  client.origin = options.panel_url;
  client.ca_file = options.ca_file;
  client.answer = Millis{30'000};
  PROV_TRY(const auto created, net::HttpClient::Create(io.get_executor(), std::move(client)));
  net::ClientRequest request;
  request.method = "POST";
  request.target = "/agent/v1/enroll";
  request.headers.Set("Content-Type", "application/json");
  request.body = std::move(body);
  Result<net::ClientResponse> response = Error{ErrorCode::kInternal, "no answer", {}};
  asio::co_spawn(io, created->Send(std::move(request)),
                 [&](std::exception_ptr failure, Result<net::ClientResponse> got) {
                   if (!failure) response = std::move(got);
                 });
  io.run();
  return response;
}

// What the panel said, as a sentence.
Error PanelRefusal(const net::ClientResponse& response) {
  std::string detail = fmt::format("status {}", response.status);
  if (const auto problem = json::ParseText(response.body); problem && problem->is_object()) {
    if (const auto* text = problem->as_object().if_contains("detail"); text && text->is_string())
      detail = std::string(text->get_string());
  }
  return {response.status >= 500 ? ErrorCode::kUnavailable : ErrorCode::kPermissionDenied,
          "the panel refused: " + detail,
          {}};
}

// The epoch to enrol with. Beside a running agent it is that agent's, and cannot be begun anew.
Result<Epoch> EpochToEnrol(const EnrolmentOptions& options, bool running, const Clock& clock,
                           Random& random) {
  if (!running) {
    return EnsureEpoch(options.state, clock, random,
                       options.new_epoch ? "it was enrolled anew with --new-epoch" : "");
  }
  const Error stop{
      ErrorCode::kConflict, "the agent runs: stop it first, and start it afterwards", {}};
  if (options.new_epoch) return stop;
  if (const auto held = ReadIdentity(options.state); held && held->agent_id != options.agent_id)
    return stop;
  auto epoch = ReadEpoch(options.state);
  if (!epoch || !SameMachine(epoch->binding, ReadMachineBinding())) return stop;
  return epoch;
}

// What was signed before stays valid beside the new keys.
std::optional<PreviousKeys> KeysToKeep(const EnrolmentOptions& options, const Identity& next) {
  auto held = ReadIdentity(options.state);
  if (!held && !options.secret_key.empty())
    held = DeriveIdentity(options.agent_id, options.secret_key, options.state);
  if (!held || held->agent_id != next.agent_id) return std::nullopt;
  if (held->job_key.view() == next.job_key.view()) return std::move(held->previous);
  return KeysBefore(*held);
}

Result<signing::EnrollToken> TokenOf(const EnrolmentOptions& options) {
  // As founded; the nil token is nobody's but who holds the secret.
  if (options.token.empty()) return signing::MakeEnrollToken(options.secret_key, Uuid());
  return signing::ParseEnrollToken(options.token);
}

}  // namespace

Result<Identity> Enrol(const EnrolmentOptions& options, const Clock& clock, Random& random) {
  PROV_TRY(const auto token, TokenOf(options));
  PROV_CHECK(PrepareStateDirectory(options.state));
  PROV_TRY(const auto enrolling, LockEnrolment(options.state));
  const auto lock = LockState(options.state);
  if (!lock && lock.error().code != ErrorCode::kConflict) return lock.error();
  PROV_TRY(const auto epoch, EpochToEnrol(options, !lock, clock, random));
  PROV_TRY(auto sealing, EnsureSealing(options.state));
  PROV_TRY(const auto key, signing::DeriveEnrollKey(token, options.agent_id));
  signing::EnrolmentRequest request;
  request.token = token.id;
  request.agent = options.agent_id;
  request.epoch = epoch.id;
  request.sealing_key = Base64Encode(sealing.present.public_key);
  auto facts = CollectFacts(options.state.root);
  facts.epoch = EpochFactsOf(epoch);
  request.facts = json::ToValue(facts).as_object();
  request.nonce = HexEncode(random.Bytes(16));
  request.issued_at = clock.Now();
  PROV_TRY(auto body, signing::SignEnrolment(request, key.view()));
  PROV_TRY(const auto response, Post(options, std::move(body)));
  if (response.status != 200) return PanelRefusal(response);
  PROV_TRY(auto keys,
           signing::OpenEnrolmentAnswer(response.body, request, sealing.present, key.view()));
  Identity identity;
  identity.agent_id = options.agent_id;
  identity.generation = keys.generation;
  identity.job_key = std::move(keys.job);
  identity.event_key = std::move(keys.event);
  identity.http_key = std::move(keys.http);
  identity.sealing = std::move(sealing);
  identity.previous = KeysToKeep(options, identity);
  PROV_CHECK(WriteIdentity(options.state, identity));
  return identity;
}

}  // namespace prov::agent
