#include "signing/enrolment.hpp"

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "job/grammar.hpp"
#include "signing/dsse.hpp"

namespace prov::signing {
namespace {

constexpr std::size_t kMaxBytes = 64 * 1024;
constexpr std::string_view kSealedFor = "enrolment";

struct Answer {
  Uuid token;
  std::string agent;
  std::uint32_t generation = 1;
  std::string nonce;  // the request's
  std::string keys;   // base64 of a sealed box: SealedKeys as JSON
};
BOOST_DESCRIBE_STRUCT(Answer, (), (token, agent, generation, nonce, keys))

struct SealedKeys {
  std::string job;  // base64
  std::string event;
  std::string http;
};
BOOST_DESCRIBE_STRUCT(SealedKeys, (), (job, event, http))

constexpr std::string_view kRotationSealedFor = "keys";

struct RotatedKeys {
  std::string agent;
  std::uint32_t generation = 1;
  SealedKeys keys;
};
BOOST_DESCRIBE_STRUCT(RotatedKeys, (), (agent, generation, keys))

std::string KeyIdOf(const Uuid& token) { return "enroll/" + token.ToString(); }

Result<EnrolmentRequest> ParseRequest(std::string_view payload) {
  PROV_TRY(auto request, json::Parse<EnrolmentRequest>(payload, {kMaxBytes, 16}));
  const auto sealing = Base64Decode(request.sealing_key);
  if (!IsAgentId(request.agent) || !job::IsNonce(request.nonce) || !sealing ||
      sealing->size() != 32) {
    return Error{ErrorCode::kInvalidArgument,
                 "an enrolment names an agent, a nonce of 32 hex digits and a sealing key of 32 "
                 "bytes",
                 {}};
  }
  return request;
}

Result<SecretBytes> Key(const std::string& base64) {
  PROV_TRY(auto bytes, Base64Decode(base64));
  if (bytes.size() != kKeyBytes)
    return Error{ErrorCode::kCorrupt, "a key in the enrolment's answer is not 32 bytes", {}};
  return SecretBytes(std::move(bytes));
}

SealedKeys ToSeal(const AgentKeys& keys) {
  return {Base64Encode(keys.job.view()), Base64Encode(keys.event.view()),
          Base64Encode(keys.http.view())};
}

Result<AgentKeys> Opened(const SealedKeys& sealed, std::uint32_t generation) {
  AgentKeys keys;
  keys.generation = generation;
  PROV_TRY(keys.job, Key(sealed.job));
  PROV_TRY(keys.event, Key(sealed.event));
  PROV_TRY(keys.http, Key(sealed.http));
  return keys;
}

}  // namespace

Result<std::string> SignEnrolment(const EnrolmentRequest& request, std::string_view key) {
  const auto payload = json::Write(request);
  PROV_CHECK(ParseRequest(payload));
  return Sign(kEnrolmentPayloadType, payload, KeyIdOf(request.token), key);
}

Result<EnrolmentRequest> ClaimedEnrolment(std::string_view envelope) {
  PROV_TRY(const auto bytes, ClaimedPayload(envelope, kMaxBytes));
  return ParseRequest(bytes);
}

Result<EnrolmentRequest> VerifyEnrolment(std::string_view envelope, std::string_view key,
                                         WallTime now) {
  PROV_TRY(const auto claimed, ClaimedEnrolment(envelope));
  const auto keyid = KeyIdOf(claimed.token);
  const VerificationKey keys[] = {{keyid, key}};
  PROV_TRY(const auto payload, Verify(envelope, kEnrolmentPayloadType, keys, kMaxBytes));
  PROV_TRY(auto request, ParseRequest(payload));
  if (request.issued_at > now + kEnrolmentWindow || request.issued_at < now - kEnrolmentWindow) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("the enrolment says it is {}, and here it is {}: set the server's "
                             "clock right",
                             FormatTime(request.issued_at), FormatTime(now)),
                 {}};
  }
  return request;
}

Result<std::string> AnswerEnrolment(const EnrolmentRequest& request, const AgentKeys& keys,
                                    std::string_view key) {
  const SecretBytes text(json::Write(ToSeal(keys)));
  PROV_TRY(const auto sealing, Base64Decode(request.sealing_key));
  PROV_TRY(const auto box, Seal(sealing, request.token, kSealedFor, text.view()));
  const Answer answer{request.token, request.agent, keys.generation, request.nonce,
                      Base64Encode(box)};
  return Sign(kEnrolmentAnswerPayloadType, json::Write(answer), KeyIdOf(request.token), key);
}

Result<AgentKeys> OpenEnrolmentAnswer(std::string_view envelope, const EnrolmentRequest& request,
                                      const SealingKeys& sealing, std::string_view key) {
  const auto keyid = KeyIdOf(request.token);
  const VerificationKey verification[] = {{keyid, key}};
  PROV_TRY(const auto payload,
           Verify(envelope, kEnrolmentAnswerPayloadType, verification, kMaxBytes));
  PROV_TRY(const auto answer, json::Parse<Answer>(payload, {kMaxBytes, 8}));
  if (answer.token != request.token || answer.agent != request.agent ||
      answer.nonce != request.nonce || answer.generation == 0)
    return Error{ErrorCode::kPermissionDenied, "the panel answered another enrolment", {}};
  PROV_TRY(const auto box, Base64Decode(answer.keys));
  PROV_TRY(const auto text, Unseal(sealing, request.token, kSealedFor, box));
  PROV_TRY(const auto inner, json::Parse<SealedKeys>(text.view()));
  return Opened(inner, answer.generation);
}

// The box is bound to no job: the nil one.
Result<std::string> SealRotatedKeys(const AgentKeys& keys, std::string_view agent,
                                    std::string_view sealing_key) {
  const SecretBytes text(
      json::Write(RotatedKeys{std::string(agent), keys.generation, ToSeal(keys)}));
  PROV_TRY(const auto box, Seal(sealing_key, Uuid(), kRotationSealedFor, text.view()));
  return Base64Encode(box);
}

Result<AgentKeys> OpenRotatedKeys(std::string_view sealed, std::string_view agent,
                                  const SealingKeys& sealing) {
  PROV_TRY(const auto box, Base64Decode(sealed));
  PROV_TRY(const auto text, Unseal(sealing, Uuid(), kRotationSealedFor, box));
  PROV_TRY(const auto inner, json::Parse<RotatedKeys>(text.view()));
  if (inner.agent != agent || inner.generation == 0)
    return Error{ErrorCode::kPermissionDenied, "they are another agent's keys", {}};
  return Opened(inner.keys, inner.generation);
}

}  // namespace prov::signing
