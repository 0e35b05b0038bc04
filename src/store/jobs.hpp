// Jobs: the row is the record and the outbox (its undelivered mark) at once, so that making a job
// is one row, its first change and its audit entry.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/uuid.hpp"
#include "job/record.hpp"
#include "store/actor.hpp"
#include "store/changes.hpp"

namespace prov::store {

struct Creation {
  job::NewJob job;
  std::string envelope;           // the signed bytes; may be empty and set later, once
  std::string sealed_ciphertext;  // of the sensitive inputs; empty when there are none
  // Other than queued and undelivered only for a job that was pushed by somebody else.
  job::Status status = job::Status::kQueued;
  bool undelivered = true;
  // False: it begins no statistics of its app, since the catalogue has none of that name. Where
  // they were begun by another job, it counts all the same.
  bool known_app = true;
};

// What the caller believes the row to be; compared and set in one statement.
struct Expected {
  std::uint32_t attempt = 0;
  job::Status status = job::Status::kQueued;
};

struct JobFilter {
  std::string app_id;                 // empty: any
  std::string server_id;              // empty: any
  std::vector<job::Status> statuses;  // empty: any
  std::string user_id;                // empty: any
  std::optional<contract::Action> action;
  std::optional<WallTime> since;  // inclusive; compared with the time in the id
  std::optional<WallTime> until;  // exclusive
};

struct Delivery {
  Uuid job_id;
  std::string server_id;
  job::Status status = job::Status::kQueued;
  std::string envelope;           // the same bytes every time
  std::string sealed_ciphertext;  // for making the envelope, where there is none yet
};

struct StatusCount {
  std::string app_id;
  job::Status status = job::Status::kQueued;
  std::uint64_t jobs = 0;
};

struct ServerCount {
  std::string server_id;
  std::uint64_t jobs = 0;
};

// What is known of an app's jobs: kept as they are made and end, so that nothing is counted when it
// is asked for.
struct AppStatistics {
  std::string app_id;
  std::uint64_t jobs = 0;
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;  // failed or timed_out
  WallTime last_used_at{};   // when the newest was made
  // Of its newest installs that succeeded, at most kUsualOf: the median of started to finished.
  std::optional<Millis> usual;
  bool operator==(const AppStatistics&) const = default;
};
inline constexpr std::size_t kUsualOf = 15;

// The middle one; of an even number the lower of the two. Nothing of nothing.
std::optional<Millis> Median(std::vector<Millis> durations);

// What an overview is made of: a job without its inputs and texts.
struct JobOutline {
  Uuid id;
  WallTime created_at{};
  std::optional<WallTime> started_at;
  std::optional<WallTime> finished_at;
  job::Status status = job::Status::kQueued;
  std::optional<job::FailureKind> failure_kind;
};

// What is looked for when something is kept no longer.
enum class Among { kJobs, kLogs };  // every job, or those of which a line is left

// What a look for jobs that are kept no longer, or whose logs are not, came to.
struct Removal {
  std::uint64_t removed = 0;   // jobs, or logs
  std::optional<Uuid> newest;  // of those
  std::optional<Uuid> last;    // where to go on: after this one; nothing: there are no more
};

class Jobs {
 public:
  virtual ~Jobs() = default;

  // The row and its change 1. kConflict when the id exists.
  virtual Status Insert(const Creation& creation) = 0;

  // kNotFound.
  virtual Result<job::Record> Get(const Actor& actor, const Uuid& id) = 0;
  // Newest first; only ids below `before`, the last of the page before. `limit` 1..1000.
  virtual Result<std::vector<job::Record>> List(const Actor& actor, const JobFilter& filter,
                                                const std::optional<Uuid>& before,
                                                std::size_t limit) = 0;

  // Compare-and-set: writes all of `next` but what NewJob fixes, and appends one change. kConflict
  // when the row's attempt or status is not the expected, when job::MayTransition refuses (a status
  // that stays, such as new progress, is always allowed while it is not terminal), kNotFound when
  // there is no such job. Reaching a terminal status deletes sealed ciphertext and envelope and
  // clears the undelivered mark. Returns the change's sequence.
  virtual Result<std::uint64_t> Apply(const Expected& expected, job::Party by,
                                      const job::Record& next, WallTime at,
                                      const std::optional<LogChunk>& log = std::nullopt) = 0;

  // Once: kConflict when there is one already.
  virtual Status SetEnvelope(const Uuid& id, const std::string& envelope) = 0;
  // Signed anew, which is for `queued` jobs alone: kConflict for others. Once handed over, the
  // bytes stay the same.
  virtual Status ReplaceEnvelope(const Uuid& id, const std::string& envelope) = 0;
  virtual Result<std::optional<Delivery>> GetDelivery(const Uuid& id) = 0;
  virtual Status ForgetSealed(const Uuid& id) = 0;

  // Jobs with the undelivered mark: whose they are, one server's (oldest first), and when the
  // oldest of all was made.
  virtual Result<std::vector<std::string>> ServersWithUndelivered() = 0;
  virtual Result<std::vector<Delivery>> Undelivered(const std::string& server_id,
                                                    std::size_t limit) = 0;
  virtual Result<std::optional<WallTime>> OldestUndelivered() = 0;
  virtual Status SetUndelivered(const Uuid& id, bool undelivered) = 0;
  // `dispatched`, handed over before `before` and not accepted since: whose they are, and one
  // server's, oldest first.
  virtual Result<std::vector<std::string>> ServersWithUnacknowledged(WallTime before) = 0;
  virtual Result<std::vector<Delivery>> Unacknowledged(const std::string& server_id,
                                                       WallTime before, std::size_t limit) = 0;
  // Jobs of a server that are active (job::IsActive) and were handed over; oldest first.
  virtual Result<std::vector<job::Record>> Unsettled(const std::string& server_id,
                                                     std::size_t limit) = 0;

  // Of these apps, by app; of one that no job counts for there is none.
  virtual Result<std::vector<AppStatistics>> Statistics(
      const std::vector<std::string>& app_ids) = 0;
  // How many of each status `filter` finds, whatever its statuses and limits of a page are.
  virtual Result<std::map<job::Status, std::uint64_t>> Counts(const Actor& actor,
                                                              const JobFilter& filter) = 0;
  // Of each app, or of `app_id` where it is not "", the last job on this server that succeeded and
  // was no check, unless that was its uninstall; by app.
  virtual Result<std::vector<job::Record>> Installed(const Actor& actor,
                                                     const std::string& server_id,
                                                     const std::string& app_id = "") = 0;
  // The first `limit` of a server's that wait (job::IsWaiting), in the order they will be begun:
  // oldest first.
  virtual Result<std::vector<Uuid>> Waiting(const std::string& server_id, std::size_t limit) = 0;
  // Made at `since` or later, newest first.
  virtual Result<std::vector<JobOutline>> Outlines(const Actor& actor, WallTime since,
                                                   std::size_t limit) = 0;

  // Of jobs above `after` that were made and became terminal before `before`: removes them, oldest
  // first, with their changes and logs. But not the newest of a server and an app that succeeded
  // and was no check: what Installed() says stays true. Nor does it change Statistics(). Ends after
  // `limit` changes that were removed and jobs that stay, be it within a job: that one lacks its
  // first changes until its turn comes again, and, where it printed, has `now` as `log_removed_at`.
  virtual Result<Removal> RemoveEnded(const std::optional<Uuid>& after, WallTime before,
                                      WallTime now, std::size_t limit) = 0;
  // Of jobs above `after` that were made and became terminal before `before`: removes the lines of
  // all attempts, oldest job first, and sets `log_removed_at` to `now`. Ends after `limit` chunks
  // and jobs that were looked at, be it within a log. Nothing else of the job changes, and no
  // listener is told. A job that printed nothing has no log that is removed.
  virtual Result<Removal> RemoveLogs(const std::optional<Uuid>& after, WallTime before,
                                     WallTime now, std::size_t limit) = 0;
  // The job above `after`, made before `before`, that RemoveEnded() or RemoveLogs() begins with.
  virtual Result<std::optional<Uuid>> FirstOf(Among among, const std::optional<Uuid>& after,
                                              WallTime before) = 0;

  // For metrics.
  virtual Result<std::vector<StatusCount>> CountByAppAndStatus() = 0;
  virtual Result<std::vector<ServerCount>> QueueDepth() = 0;  // job::IsWaiting
};

}  // namespace prov::store
