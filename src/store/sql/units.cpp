#include "store/sql/units.hpp"

#include <optional>

#include <fmt/format.h>

#include "store/sql/aggregates.hpp"

namespace prov::store::sql {
namespace {

// Of one group: what loses its connection each time is not tried for ever.
constexpr int kMostTries = 4;

// The outcome of each unit, and how many of them are committed.
struct GroupOutcome {
  std::vector<Status> outcomes;
  std::uint64_t good = 0;
};

// A savepoint costs a closure as much as another row. So they come only where one has failed.
enum class Kind { kTogether, kApart };

Status Do(Connection& connection, std::string_view sql) {
  PROV_CHECK(connection.Run(sql));
  return {};
}

// When the disk is full, or the connection lost, the database has rolled back everything already.
Status LostTransaction(Status outcome) {
  if (outcome.has_error()) return outcome;
  return Error{ErrorCode::kUnavailable, "the database rolled the transaction back."};
}

// Nothing is where, together, a closure failed: each is to be run apart then. The outcome of one
// alone is its own.
Result<std::optional<GroupOutcome>> TryGroup(Connection& connection, std::span<const Unit> units,
                                             Kind kind) {
  PROV_CHECK(connection.BeginWrite());
  auto failed = [&](const Status& error) {
    connection.Rollback();
    return error.error();
  };
  GroupOutcome group;
  SqlTransaction transaction(connection);
  for (const auto& unit : units) {
    if (auto s = kind == Kind::kApart ? Do(connection, "SAVEPOINT unit") : Status(); s.has_error())
      return failed(s);
    auto outcome = RunGuarded(unit.work, transaction);
    if (!connection.InTransaction()) return failed(LostTransaction(std::move(outcome)));
    group.good += outcome.has_error() ? 0 : 1;
    group.outcomes.push_back(std::move(outcome));
    const auto& pushed = group.outcomes.back();
    if (kind == Kind::kTogether) {
      if (!pushed.has_error()) continue;
      connection.Rollback();
      if (units.size() > 1) return std::optional<GroupOutcome>{};
      return std::optional(std::move(group));
    }
    Status ended;
    if (pushed.has_error()) ended = Do(connection, "ROLLBACK TO unit");
    if (!ended.has_error()) ended = Do(connection, "RELEASE unit");
    if (ended.has_error()) return failed(ended);
  }
  if (auto s = connection.Commit(); s.has_error()) return failed(s);
  return std::optional(std::move(group));
}

// An error means that nothing of any unit was committed, as Connection::Commit() has it.
Result<GroupOutcome> CommitGroup(Connection& connection, std::span<const Unit> units) {
  PROV_TRY(auto together, TryGroup(connection, units, Kind::kTogether));
  if (together) return std::move(*together);
  PROV_TRY(auto apart, TryGroup(connection, units, Kind::kApart));
  return std::move(*apart);
}

std::vector<Status> All(std::span<const Unit> units, const Error& error) {
  return std::vector<Status>(units.size(), error);
}

}  // namespace

void UnitQueue::Push(Unit unit) {
  {
    const std::lock_guard lock(mutex_);
    units_.push_back(std::move(unit));
  }
  changed_.notify_one();
}

std::vector<Unit> UnitQueue::Take(std::size_t limit, std::size_t takers) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return closed_ || !units_.empty(); });
  std::vector<Unit> taken;
  const auto share = std::min(limit, (units_.size() + takers - 1) / takers);
  while (taken.size() < share) {
    taken.push_back(std::move(units_.front()));
    units_.pop_front();
  }
  return taken;
}

void UnitQueue::Close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

std::size_t UnitQueue::size() const {
  const std::lock_guard lock(mutex_);
  return units_.size();
}

Status RunGuarded(const Work& work, Transaction& transaction) {
  try {
    return work(transaction);
  } catch (const std::exception& error) {
    return Error{ErrorCode::kInternal, fmt::format("a bug: {}", error.what())};
  }
}

void GroupWriter::Run(std::vector<Unit>& units) {
  auto outcomes = Commit(units, std::chrono::steady_clock::now());
  for (std::size_t i = 0; i < units.size(); ++i) units[i].done(std::move(outcomes[i]));
}

std::vector<Status> GroupWriter::Commit(std::span<const Unit> units, SteadyTime begun) {
  for (int tries = 1;; ++tries) {
    const auto connection = hooks_.connect(begun);
    if (!connection) return All(units, connection.error());
    auto group = CommitGroup(**connection, units);
    if (group) {
      counters_.commits += group->good > 0 ? 1 : 0;
      counters_.writes += group->good;
      return std::move(group->outcomes);
    }
    if (tries == kMostTries || !hooks_.try_again(**connection)) {
      const bool all = units.size() == 1 || group.error().code == ErrorCode::kUnavailable;
      return all ? All(units, group.error()) : OneByOne(units, begun);
    }
    ++counters_.retries;
  }
}

// Something of one closure may have failed all.
std::vector<Status> GroupWriter::OneByOne(std::span<const Unit> units, SteadyTime begun) {
  std::vector<Status> outcomes;
  for (std::size_t i = 0; i < units.size(); ++i)
    outcomes.push_back(std::move(Commit(units.subspan(i, 1), begun).front()));
  return outcomes;
}

}  // namespace prov::store::sql
