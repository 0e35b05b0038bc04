// Enrolment: how a server becomes known (docs/formats/enrolment.md). The agent proves that it holds
// a token without sending it; the panel answers with the agent's keys, sealed to the key the agent
// sent, under the same proof. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/describe.hpp>
#include <boost/json.hpp>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/uuid.hpp"
#include "signing/enroll_token.hpp"
#include "signing/keys.hpp"
#include "signing/sealed.hpp"

namespace prov::signing {

inline constexpr std::string_view kEnrolmentPayloadType =
    "application/vnd.provisioning.enrolment.v1+json";
inline constexpr std::string_view kEnrolmentAnswerPayloadType =
    "application/vnd.provisioning.enrolment-answer.v1+json";
inline constexpr Seconds kEnrolmentWindow = std::chrono::minutes{5};

struct EnrolmentRequest {
  Uuid token;  // its id
  std::string agent;
  Uuid epoch;
  std::string sealing_key;  // base64 of 32 bytes
  boost::json::object facts;
  std::string nonce;  // 32 hex digits
  WallTime issued_at{};
};
BOOST_DESCRIBE_STRUCT(EnrolmentRequest, (),
                      (token, agent, epoch, sealing_key, facts, nonce, issued_at))

struct AgentKeys {
  std::uint32_t generation = 1;
  SecretBytes job;
  SecretBytes event;
  SecretBytes http;
};

// `key` is DeriveEnrollKey's.
Result<std::string> SignEnrolment(const EnrolmentRequest& request, std::string_view key);
// What a request claims, before its proof is checked: for finding the token. Strict.
Result<EnrolmentRequest> ClaimedEnrolment(std::string_view envelope);
// kPermissionDenied unless it was signed with `key`; kInvalidArgument for a malformed request, or
// one of another time than now.
Result<EnrolmentRequest> VerifyEnrolment(std::string_view envelope, std::string_view key,
                                         WallTime now);

Result<std::string> AnswerEnrolment(const EnrolmentRequest& request, const AgentKeys& keys,
                                    std::string_view key);
// kPermissionDenied when it answers another request, or was signed or sealed with another key.
Result<AgentKeys> OpenEnrolmentAnswer(std::string_view envelope, const EnrolmentRequest& request,
                                      const SealingKeys& sealing, std::string_view key);

// The keys of the next generation, as a `keys` command carries them: sealed to the agent's sealing
// key, base64.
Result<std::string> SealRotatedKeys(const AgentKeys& keys, std::string_view agent,
                                    std::string_view sealing_key);
Result<AgentKeys> OpenRotatedKeys(std::string_view sealed, std::string_view agent,
                                  const SealingKeys& sealing);

}  // namespace prov::signing
