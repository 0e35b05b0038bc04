#include "job/order.hpp"

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "job/check.hpp"
#include "job/grammar.hpp"

namespace prov::job {
namespace {

void CheckNames(Check& check, const Order& order) {
  check.Must(order.job.Version() == 7, "/job", "must be a UUID of version 7");
  check.Must(IsAgentId(order.agent), "/agent", "must be an agent id");
  check.Must(IsAppId(order.app_id), "/app_id", "must be an installer's id");
  check.Must(!order.app_version.empty() && order.app_version.size() <= 128, "/app_version",
             "must have 1 to 128 bytes");
  check.Must(IsInstallerDigest(order.installer_digest), "/installer_digest",
             "must be \"sha256:\" and 64 lower-case hex digits");
  check.Must(IsNonce(order.nonce), "/nonce", "must be 32 lower-case hex digits");
  check.Must(!order.user_id.empty() && order.user_id.size() <= 255, "/user_id",
             "must have 1 to 255 bytes");
  check.Must(order.approval.is_null(), "/approval", "must be null: there are no approvals yet");
}

void CheckInputs(Check& check, const Order& order) {
  for (const auto& input : order.inputs) {
    const auto at = "/inputs/" + json::EscapePointer(input.key());
    check.Must(IsInputName(input.key()), at, "is not an input's name");
    check.Must(!order.sealed_inputs.contains(std::string(input.key())), at, "is sealed as well");
  }
  for (const auto& [name, box] : order.sealed_inputs) {
    const auto at = "/sealed_inputs/" + json::EscapePointer(name);
    check.Must(IsInputName(name), at, "is not an input's name");
    check.Must(!box.empty() && Base64Decode(box).has_value(), at, "must be base64");
  }
}

void CheckNumbers(Check& check, const Order& order) {
  check.Must(order.attempts.max_attempts >= 1 && order.attempts.max_attempts <= 10,
             "/attempts/max_attempts", "must be from 1 to 10");
  check.Must(order.attempts.backoff_seconds <= 3600, "/attempts/backoff_seconds",
             "must be from 0 to 3600");
  check.Must(order.timeout_seconds >= 1 && order.timeout_seconds <= kMaxTimeoutSeconds,
             "/timeout_seconds", "must be from 1 to 86400");
  check.Must(order.limits.memory_mb != 0U, "/limits/memory_mb", "must be at least 1");
  check.Must(order.limits.tasks != 0U, "/limits/tasks", "must be at least 1");
  check.Must(order.limits.cpu_percent != 0U, "/limits/cpu_percent", "must be at least 1");
}

void CheckTimes(Check& check, const Order& order) {
  check.Must(order.expires_at > order.issued_at, "/expires_at", "must be after issued_at");
  check.Must(order.expires_at > order.not_before, "/expires_at", "must be after not_before");
  check.Must(order.expires_at - order.issued_at <= kLongestValidity, "/expires_at",
             "must be at most 24 hours after issued_at");
}

Result<void> CheckOrder(const Order& order) {
  Check check;
  CheckNames(check, order);
  CheckInputs(check, order);
  CheckNumbers(check, order);
  CheckTimes(check, order);
  return check.Done();
}

}  // namespace

Result<Order> ParseOrder(std::string_view payload) {
  PROV_TRY(auto order, json::Parse<Order>(payload, {.bytes = kMaxEnvelopeBytes, .depth = 32}));
  PROV_CHECK(CheckOrder(order));
  return order;
}

Result<std::string> SerializeOrder(const Order& order) {
  PROV_CHECK(CheckOrder(order));
  auto payload = json::Write(order);
  if (payload.size() > kMaxEnvelopeBytes) {
    return Error{ErrorCode::kTooLarge,
                 fmt::format("the order has {} bytes, and {} are allowed", payload.size(),
                             kMaxEnvelopeBytes),
                 {}};
  }
  return payload;
}

}  // namespace prov::job
