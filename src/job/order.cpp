#include "job/order.hpp"

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "job/check.hpp"
#include "job/grammar.hpp"

namespace prov::job {
namespace {

// The members that an order and its outline share.
void CheckShared(Check& check, const auto& of, const std::string& at) {
  check.Must(IsAppId(of.app_id), at + "/app_id", "must be an installer's id");
  check.Must(IsShortText(of.app_version, 128), at + "/app_version",
             "must have 1 to 128 bytes and no control characters");
  check.Must(IsInstallerDigest(of.installer_digest), at + "/installer_digest",
             "must be \"sha256:\" and 64 lower-case hex digits");
  check.Must(IsShortText(of.user_id, 255), at + "/user_id",
             "must have 1 to 255 bytes and no control characters");
  check.Must(of.attempts.max_attempts >= 1 && of.attempts.max_attempts <= 10,
             at + "/attempts/max_attempts", "must be from 1 to 10");
  check.Must(of.attempts.backoff_seconds <= 3600, at + "/attempts/backoff_seconds",
             "must be from 0 to 3600");
  for (const auto& input : of.inputs) {
    check.Must(IsInputName(input.key()), at + "/inputs/" + json::EscapePointer(input.key()),
               "is not an input's name");
  }
}

void CheckNames(Check& check, const Order& order) {
  check.Must(order.job.Version() == 7, "/job", "must be a UUID of version 7");
  check.Must(IsAgentId(order.agent), "/agent", "must be an agent id");
  check.Must(IsNonce(order.nonce), "/nonce", "must be 32 lower-case hex digits");
  check.Must(order.approval.is_null(), "/approval", "must be null: there are no approvals yet");
}

void CheckSealed(Check& check, const Order& order) {
  for (const auto& [name, box] : order.sealed_inputs) {
    const auto at = "/sealed_inputs/" + json::EscapePointer(name);
    check.Must(IsInputName(name), at, "is not an input's name");
    check.Must(!box.empty() && Base64Decode(box).has_value(), at, "must be base64");
    check.Must(!order.inputs.contains(name), "/inputs/" + json::EscapePointer(name),
               "is sealed as well");
  }
}

void CheckNumbers(Check& check, const Order& order) {
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
  CheckShared(check, order, "");
  CheckSealed(check, order);
  CheckNumbers(check, order);
  CheckTimes(check, order);
  return check.Done();
}

}  // namespace

OrderOutline OutlineOf(const Order& order) {
  OrderOutline outline{order.app_id,   order.app_version, order.installer_digest,
                       order.action,   order.inputs,      {},
                       order.attempts, order.user_id,     order.issued_at};
  for (const auto& [name, box] : order.sealed_inputs) outline.sealed_inputs.push_back(name);
  return outline;
}

void CheckOutline(Check& check, const OrderOutline& outline, const std::string& at) {
  CheckShared(check, outline, at);
  for (std::size_t i = 0; i < outline.sealed_inputs.size(); ++i) {
    check.Must(IsInputName(outline.sealed_inputs[i]), fmt::format("{}/sealed_inputs/{}", at, i),
               "is not an input's name");
  }
}

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
