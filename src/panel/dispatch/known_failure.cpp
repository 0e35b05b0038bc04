#include "panel/dispatch/known_failure.hpp"

#include <algorithm>

#include "job/log_chunk.hpp"
#include "job/log_lines.hpp"
#include "panel/store_gate.hpp"

namespace prov::panel {
namespace {

const contract::KnownFailure* Matching(const std::vector<contract::KnownFailure>& known,
                                       const std::string& line) {
  const auto found = std::ranges::find_if(
      known, [&](const contract::KnownFailure& each) { return each.pattern.FoundIn(line); });
  return found == known.end() ? nullptr : &*found;
}

}  // namespace

Result<std::optional<job::FailureFound>> FindKnownFailure(store::Transaction& t,
                                                          const Catalogue& catalogue,
                                                          const job::Record& record) {
  std::optional<job::FailureFound> found;
  const auto* installer = catalogue.Find(record.app_id);
  if (installer == nullptr || !installer->manifest ||
      installer->digest != record.installer_digest || installer->manifest->known_failures.empty())
    return found;
  const auto from =
      record.log.lines > kSearchedLines ? record.log.lines - kSearchedLines + 1 : std::uint64_t{1};
  PROV_TRY(const auto chunks,
           t.changes().Log(kPanel, record.id, record.attempt, from, kSearchedLines));
  for (const auto& chunk : chunks) {
    const auto frames = job::DecodeStored(chunk.bytes);
    if (!frames) continue;  // what cannot be read names no cause
    job::LineReader lines(*frames);
    for (auto number = chunk.first_line; const auto line = lines.Next(); ++number) {
      if (number < from) continue;
      if (const auto* known = Matching(installer->manifest->known_failures, line->text))
        found = job::FailureFound{known->cause, known->remedy, number, known->retryable};
    }
  }
  return found;
}

}  // namespace prov::panel
