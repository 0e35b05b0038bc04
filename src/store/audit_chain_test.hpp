// The verdict on a small store's whole chain, in one reading.
#pragma once

#include "store/database.hpp"

namespace prov::store {

inline AuditVerdict VerdictOf(Database& database) {
  return *database.Read([](Transaction& t) -> Result<AuditVerdict> {
    constexpr std::size_t kMost = 100'000;
    PROV_TRY(const auto entries, t.audit().After(Actor{"", true}, 0, kMost));
    PROV_TRY(const auto head, t.audit().Head());
    AuditVerifier chain;
    for (const auto& entry : entries) chain.Take(entry);
    return chain.Finish(head);
  });
}

}  // namespace prov::store
