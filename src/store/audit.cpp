#include "store/audit.hpp"

#include <fmt/format.h>

#include "base/sha256.hpp"

namespace prov::store {
namespace {

constexpr std::size_t kHashBytes = 32;

void PutNumber(std::string& into, std::uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) into += static_cast<char>(number >> shift);
}

// Length-prefixed, so that no two entries have the same bytes.
void PutField(std::string& into, std::string_view field) {
  PutNumber(into, field.size());
  into += field;
}

}  // namespace

std::string AuditHash(const AuditEntry& entry) {
  std::string bytes = "provisioning audit v1";
  PutNumber(bytes, entry.sequence);
  PutNumber(bytes, static_cast<std::uint64_t>(entry.event.at.time_since_epoch().count()));
  PutField(bytes, entry.event.user_id);
  PutField(bytes, entry.event.action);
  PutField(bytes, entry.event.subject);
  PutField(bytes, entry.detail_text);
  PutField(bytes, entry.previous);
  return Sha256(bytes);
}

Status CheckMayRead(const Actor& actor) {
  if (actor.admin) return {};
  return Error{ErrorCode::kPermissionDenied, "only administrators may read the audit."};
}

AuditVerifier::AuditVerifier() : last_(kHashBytes, '\0') {}

bool AuditVerifier::Take(const AuditEntry& entry) {
  if (verdict_.first_bad) return false;
  const std::uint64_t wanted = verdict_.entries + 1;
  if (entry.sequence != wanted) {
    verdict_.first_bad = wanted;
    verdict_.reason = fmt::format("entry {} is missing.", wanted);
  } else if (entry.previous != last_) {
    verdict_.first_bad = wanted;
    verdict_.reason = fmt::format("entry {} does not continue entry {}.", wanted, wanted - 1);
  } else if (entry.hash != AuditHash(entry)) {
    verdict_.first_bad = wanted;
    verdict_.reason = fmt::format("entry {} was changed after it was written.", wanted);
  } else {
    verdict_.entries = wanted;
    last_ = entry.hash;
  }
  return !verdict_.first_bad;
}

AuditVerdict AuditVerifier::Finish(const AuditHead& head) {
  if (verdict_.first_bad) return verdict_;
  if (head.sequence > verdict_.entries) {
    verdict_.first_bad = verdict_.entries + 1;
    verdict_.reason = fmt::format("the chain was cut off: {} entries were written, {} are there.",
                                  head.sequence, verdict_.entries);
  } else if (head.sequence < verdict_.entries || (head.sequence > 0 && head.hash != last_)) {
    verdict_.first_bad = head.sequence < verdict_.entries ? head.sequence + 1 : head.sequence;
    verdict_.reason = "the last entry is not the one the head names.";
  }
  return verdict_;
}

}  // namespace prov::store
