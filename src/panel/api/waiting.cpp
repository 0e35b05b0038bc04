#include "panel/api/waiting.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace prov::panel {
namespace {

Waiting ForRetry(const job::Record& record) {
  std::string why =
      record.known_failure ? record.known_failure->cause : record.status_reason.value_or("");
  if (why.ends_with('.')) why.pop_back();
  return {std::nullopt, WaitKind::kRetry,
          why.empty() ? "The last attempt failed." : "The last attempt failed: " + why + "."};
}

std::string Offline(const job::Record& record, ServerStatus server) {
  if (record.status == job::Status::kAccepted)
    return record.server_id + " cannot be reached; it has the job, and starts it in its turn.";
  if (server == ServerStatus::kNeverSeen)
    return record.server_id + " was never seen; the job starts once its agent runs.";
  return record.server_id + " cannot be reached; the job starts when it is back.";
}

std::string InTurn(const job::Record& record, std::optional<std::uint64_t> place) {
  if (!place)
    return fmt::format("{} jobs and more are ahead of it on {}.", kMostAhead, record.server_id);
  const auto position = *place;
  if (position <= 1) return "It is the next on " + record.server_id + ".";
  if (position == 2) return "One job is ahead of it on " + record.server_id + ".";
  return fmt::format("{} jobs are ahead of it on {}.", position - 1, record.server_id);
}

}  // namespace

Result<Queues> ReadQueues(store::Transaction& t, const store::Actor& actor,
                          const std::vector<job::Record>& jobs) {
  Queues queues;
  for (const auto& record : jobs) {
    if (!job::IsWaiting(record.status) || queues.waiting.contains(record.server_id)) continue;
    PROV_TRY(queues.waiting[record.server_id], t.jobs().Waiting(record.server_id, kMostAhead));
    auto agent = t.agents().Get(actor, record.server_id);
    if (agent)
      queues.agents[record.server_id] = std::move(*agent);
    else if (agent.error().code != ErrorCode::kNotFound)
      return agent.error();
  }
  return queues;
}

std::optional<Waiting> WaitingOf(const job::Record& record, ServerStatus server,
                                 const std::vector<Uuid>& queue) {
  if (record.status == job::Status::kRetryWait) return ForRetry(record);
  if (!job::IsWaiting(record.status)) return std::nullopt;
  const auto ahead = std::ranges::lower_bound(queue, record.id) - queue.begin();
  std::optional position(static_cast<std::uint64_t>(ahead) + 1);
  if (*position > kMostAhead) position.reset();
  switch (server) {
    case ServerStatus::kUnreachable:
    case ServerStatus::kNeverSeen:
      return Waiting{position, WaitKind::kServerOffline, Offline(record, server)};
    case ServerStatus::kDrained:
      return Waiting{position, WaitKind::kDrained,
                     record.server_id + " is drained; the job starts when it takes up jobs again."};
    case ServerStatus::kOnline:
      break;
  }
  return Waiting{position, WaitKind::kQueue, InTurn(record, position)};
}

}  // namespace prov::panel
