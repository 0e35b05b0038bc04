#include "panel/dispatch/job_end.hpp"

#include "base/json.hpp"

namespace prov::panel {

Status EndJob(store::Transaction& t, const job::Record& record, job::Status status,
              std::string reason, WallTime now, std::vector<job::Record>& ended) {
  auto next = record;
  next.status = status;
  next.status_reason = std::move(reason);
  next.finished_at = now;
  next.needs_attention = job::IsParked(status);
  PROV_CHECK(t.jobs().Apply({record.attempt, record.status}, job::Party::kPanel, next, now));
  PROV_CHECK(
      t.audit().Append({now, "panel", "job." + json::EnumName(status), record.id.ToString(), {}}));
  ended.push_back(std::move(next));
  return {};
}

}  // namespace prov::panel
