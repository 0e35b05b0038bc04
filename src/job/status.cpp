#include "job/status.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "base/json.hpp"

namespace prov::job {
namespace {

constexpr Status kAll[] = {Status::kQueued,   Status::kDispatched, Status::kAccepted,
                           Status::kRunning,  Status::kRetryWait,  Status::kSucceeded,
                           Status::kFailed,   Status::kTimedOut,   Status::kCanceled,
                           Status::kRejected, Status::kExpired,    Status::kInterrupted,
                           Status::kLost};

std::vector<Transition> MakeTable() {
  using enum Status;
  std::vector<Transition> table{
      {kQueued, kDispatched, Party::kPanel, "the relay hands it to the queue"},
      {kQueued, kCanceled, Party::kPanel, "canceled before it was handed over"},
      {kQueued, kExpired, Party::kPanel,
       "the server did not come in time, or was enrolled anew and cannot open the job's secrets"},
      {kDispatched, kLost, Party::kPanel,
       "silence for 24 hours, or about this job until an hour after its expiry"},
      {kAccepted, kLost, Party::kPanel, "silence for 24 hours"},
      {kRunning, kLost, Party::kPanel, "silence for 24 hours"},
      {kRetryWait, kLost, Party::kPanel, "silence for 24 hours"},

      {kDispatched, kAccepted, Party::kAgent, "verified and journalled"},
      {kDispatched, kRejected, Party::kAgent,
       "a check of the envelope, whitelist, digest or inputs failed"},
      {kDispatched, kExpired, Party::kAgent, "it came after its expiry"},
      {kDispatched, kCanceled, Party::kAgent, "the cancel overtook the job"},
      {kDispatched, kLost, Party::kAgent, "only a tombstone, or another epoch, knows this id"},

      {kAccepted, kRunning, Party::kAgent, "the first attempt starts"},
      {kAccepted, kCanceled, Party::kAgent, "canceled while it waited"},
      {kAccepted, kRejected, Party::kAgent,
       "its installer's bytes, or room for the result, are gone"},
      {kAccepted, kLost, Party::kAgent, "the journal is damaged"},

      {kRunning, kSucceeded, Party::kAgent, "exit 0, and the services are active"},
      {kRunning, kFailed, Party::kAgent, "any other end that no attempt follows"},
      {kRunning, kTimedOut, Party::kAgent, "the timeout passed, or exit 124"},
      {kRunning, kCanceled, Party::kAgent, "canceled, and the cgroup is empty"},
      {kRunning, kRetryWait, Party::kAgent, "another attempt follows"},
      {kRunning, kInterrupted, Party::kAgent, "machine or runner died, and no attempt follows"},
      {kRunning, kLost, Party::kAgent, "the journal is damaged"},

      {kRetryWait, kRunning, Party::kAgent, "the next attempt is due"},
      {kRetryWait, kCanceled, Party::kAgent, "canceled while it waited"},
      {kRetryWait, kFailed, Party::kAgent, "the next attempt cannot be started"},
      {kRetryWait, kLost, Party::kAgent, "the journal is damaged"},

      {kLost, kAccepted, Party::kAgent, "a silent server is heard of again"},
      {kLost, kRunning, Party::kAgent, "a silent server is heard of again"},
      {kLost, kRetryWait, Party::kAgent, "a silent server is heard of again"},
      {kLost, kInterrupted, Party::kAgent, "a late result"},
  };
  for (const Status parked : {kInterrupted, kLost}) {
    for (const Status result : kAll) {
      if (IsTerminal(result)) table.push_back({parked, result, Party::kAgent, "a late result"});
    }
  }
  // After an old backup was restored the panel's row may be any number of steps behind the agent's
  // journal.
  for (const Status from : kAll) {
    for (const Status to : kAll) {
      const bool behind = IsActive(from) || from == kLost;
      const bool known_to_agent = to != kQueued && to != kDispatched;
      if (behind && known_to_agent && from != to) {
        table.push_back({from, to, Party::kAnswer, "what the agent's journal says"});
      }
    }
  }
  return table;
}

}  // namespace

std::span<const Transition> Transitions() {
  static const std::vector<Transition> table = MakeTable();
  return table;
}

bool MayTransition(Status from, Status to, Party by) {
  return std::ranges::any_of(Transitions(), [&](const Transition& row) {
    return row.from == from && row.to == to && row.by == by;
  });
}

std::string TransitionsAsMarkdown() {
  std::string text = "| from | to | by | when |\n|---|---|---|---|\n";
  for (const auto& row : Transitions()) {
    if (row.by == Party::kAnswer) continue;  // a rule, not rows: see the text above the table
    text += fmt::format("| `{}` | `{}` | {} | {} |\n", json::EnumName(row.from),
                        json::EnumName(row.to), json::EnumName(row.by), row.when);
  }
  return text;
}

}  // namespace prov::job
