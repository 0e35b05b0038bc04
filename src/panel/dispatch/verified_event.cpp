#include "panel/dispatch/verified_event.hpp"

#include <algorithm>
#include <utility>

#include "base/encoding.hpp"
#include "base/sha256.hpp"
#include "job/log_chunk.hpp"
#include "job/log_lines.hpp"

namespace prov::panel {
namespace {

constexpr std::uint64_t kLogAtOnce = std::uint64_t{8} << 20;

Result<VerifiedEvent> Verified(const KeyRing& keys, const std::string& agent,
                               std::span<const std::uint32_t> generations,
                               const std::string& bytes) {
  PROV_TRY(const auto opened, keys.VerifyEvent(bytes, agent, generations));
  VerifiedEvent verified;
  verified.generation = opened.generation;
  PROV_TRY(verified.event, job::ParseEvent(opened.payload));
  if (verified.event.agent != agent)
    return Error{ErrorCode::kPermissionDenied, "an event of another agent", {}};
  verified.hash = Sha256(opened.payload);
  if (const auto& log = verified.event.log) {
    PROV_TRY(const auto packed, Base64Decode(log->frames));
    PROV_TRY(const auto frames, job::UnpackFrames(packed, log->raw_size));
    if (job::CountLines(frames) != log->lines)
      return Error{ErrorCode::kInvalidArgument, "a log event counts its lines wrong", {}};
    for (const auto& frame : frames) verified.log_bytes += frame.bytes.size();
    verified.step_marks = job::StepMarksOf(frames, log->first);
    verified.stored_log = job::EncodeStored(packed, log->raw_size);
  }
  return verified;
}

}  // namespace

Delivery VerifyDelivery(const KeyRing& keys, const std::string& agent,
                        std::span<const std::uint32_t> generations,
                        std::span<const std::string> events) {
  Delivery delivery{agent, {}, {}};
  std::uint64_t log_bytes = 0;
  for (const auto& bytes : events) {
    if (log_bytes >= kLogAtOnce) break;
    ++delivery.looked_at;
    auto one = Verified(keys, agent, generations, bytes);
    if (!one) {
      delivery.faults.push_back(one.error());
      continue;
    }
    if (one->event.log) log_bytes += one->event.log->raw_size;
    delivery.events.push_back(std::move(*one));
  }
  auto& verified = delivery.events;
  if (verified.empty()) return delivery;
  std::ranges::sort(verified, {}, [](const VerifiedEvent& each) { return each.event.seq; });
  const auto epoch = verified.front().event.epoch;
  std::erase_if(verified, [&](const VerifiedEvent& each) { return each.event.epoch != epoch; });
  return delivery;
}

}  // namespace prov::panel
