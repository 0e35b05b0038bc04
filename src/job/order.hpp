// What an envelope carries: one job for one agent, with everything that was decided about it
// (docs/formats/envelope.md). Signing is src/signing/dsse.hpp's; here the payload is read and
// written. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json.hpp>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/uuid.hpp"
#include "contract/action.hpp"
#include "job/retry.hpp"

namespace prov::job {

class Check;

inline constexpr std::string_view kOrderPayloadType = "application/vnd.provisioning.job.v1+json";
// Of an envelope, and so of all it carries.
inline constexpr std::size_t kMaxEnvelopeBytes = 256 * 1024;
inline constexpr std::uint32_t kMaxTimeoutSeconds = 86'400;
inline constexpr std::chrono::hours kLongestValidity{24};

// Of the job's own cgroup; what is absent is not limited.
struct ResourceLimits {
  std::optional<std::uint32_t> memory_mb;    // from 1
  std::optional<std::uint32_t> tasks;        // from 1
  std::optional<std::uint32_t> cpu_percent;  // from 1; 100 is one core
  bool operator==(const ResourceLimits&) const = default;
};
BOOST_DESCRIBE_STRUCT(ResourceLimits, (), (memory_mb, tasks, cpu_percent))

struct Order {
  Uuid job;
  RetryPolicy attempts;
  std::string agent;
  Uuid epoch;  // of the agent's journal
  std::string app_id;
  std::string app_version;
  std::string installer_digest;                      // "sha256:<64 hex>"
  boost::json::object inputs;                        // plain, validated
  std::map<std::string, std::string> sealed_inputs;  // name to base64 of the sealed box
  std::uint32_t timeout_seconds = 0;                 // 1..86400
  ResourceLimits limits;
  contract::Action action = contract::Action::kInstall;
  WallTime issued_at{};
  WallTime not_before{};
  WallTime expires_at{};  // at most 24 h after issued_at and after not_before
  std::string nonce;      // 32 hex digits
  std::string user_id;
  boost::json::value approval;  // null until approvals exist
};
BOOST_DESCRIBE_STRUCT(Order, (),
                      (job, attempts, agent, epoch, app_id, app_version, installer_digest, inputs,
                       sealed_inputs, timeout_seconds, limits, action, issued_at, not_before,
                       expires_at, nonce, user_id, approval))

// What an order says of its job to whoever did not make it: nothing of secrets but their names.
struct OrderOutline {
  std::string app_id;
  std::string app_version;
  std::string installer_digest;
  contract::Action action = contract::Action::kInstall;
  boost::json::object inputs;
  std::vector<std::string> sealed_inputs;  // names
  RetryPolicy attempts;
  std::string user_id;
  WallTime issued_at{};
};
BOOST_DESCRIBE_STRUCT(OrderOutline, (),
                      (app_id, app_version, installer_digest, action, inputs, sealed_inputs,
                       attempts, user_id, issued_at))

OrderOutline OutlineOf(const Order& order);
// By the rules for an order's members, which are found at `at`, a JSON pointer.
void CheckOutline(Check& check, const OrderOutline& outline, const std::string& at);

// Strict: every rule above; unknown members, duplicate keys and malformed UTF-8 are refused.
// kInvalidArgument with every fault as "<JSON pointer>: <sentence>", or kTooLarge above 256 KiB.
// Call it on verified bytes only.
Result<Order> ParseOrder(std::string_view payload);
// What ParseOrder would refuse is refused here too, so that nothing unreadable is ever signed.
Result<std::string> SerializeOrder(const Order& order);

}  // namespace prov::job
