// Why a job waits, and how many turns until it is its own. Pure, but for ReadQueues.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "job/record.hpp"
#include "panel/dispatch/dispatcher.hpp"
#include "store/database.hpp"

namespace prov::panel {

// More of a queue is not looked at.
inline constexpr std::size_t kMostAhead = 1000;

enum class WaitKind { kServerOffline, kQueue, kRetry, kDrained };
BOOST_DESCRIBE_ENUM(WaitKind, kServerOffline, kQueue, kRetry, kDrained)

struct Waiting {
  std::optional<std::uint64_t> queue_position;  // 1..kMostAhead; nothing: further back, or a retry
  WaitKind kind = WaitKind::kQueue;
  std::string message;  // a sentence for a person
};

// Of the servers of some jobs.
struct Queues {
  std::map<std::string, store::Agent> agents;
  std::map<std::string, std::vector<Uuid>> waiting;  // oldest first
};
// Of those of `jobs` that wait for their turn; the others are not asked for.
Result<Queues> ReadQueues(store::Transaction& t, const store::Actor& actor,
                          const std::vector<job::Record>& jobs);

// Nothing of a job that runs or is over. `server` is kNeverSeen where nothing is known of it.
std::optional<Waiting> WaitingOf(const job::Record& record, ServerStatus server,
                                 const std::vector<Uuid>& queue);

}  // namespace prov::panel
