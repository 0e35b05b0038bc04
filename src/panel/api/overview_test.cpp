#include "panel/api/overview.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.hpp"

namespace prov::panel {
namespace {

class Overview : public ::testing::Test {
 protected:
  // Minutes after midnight; 0 for never.
  void Add(int created, int started, int finished, job::Status status,
           std::optional<job::FailureKind> kind = std::nullopt) {
    const auto at = [&](int minutes) {
      return minutes == 0 ? std::nullopt : std::optional(At(minutes));
    };
    jobs_.push_back({{}, At(created), at(started), at(finished), status, kind});
  }
  WallTime At(int minutes) const { return midnight_ + std::chrono::minutes{minutes}; }
  boost::json::object Of(int since, int now) {
    return OverviewJson(jobs_, {{ServerStatus::kOnline, 2}}, At(since), At(now));
  }
  static std::vector<std::int64_t> Numbers(const boost::json::value& rows, const char* member) {
    std::vector<std::int64_t> numbers;
    for (const auto& row : rows.as_array())
      numbers.push_back(row.at(member).to_number<std::int64_t>());
    return numbers;
  }
  using N = std::vector<std::int64_t>;
  WallTime midnight_ = *ParseTime("2026-11-29T00:00:00Z");
  std::vector<store::JobOutline> jobs_;
};

TEST_F(Overview, OfNothing_IsNothingAndNoDivisionByIt) {
  const auto seen = Of(60, 150);
  EXPECT_TRUE(seen.at("success_rate").is_null());
  EXPECT_EQ(seen.at("duration_seconds"), (boost::json::value{{"p50", nullptr}, {"p90", nullptr}}));
  EXPECT_EQ(seen.at("failures_by_kind"), boost::json::object());
  EXPECT_EQ(
      seen.at("agents"),
      (boost::json::value{{"online", 2}, {"unreachable", 0}, {"never_seen", 0}, {"drained", 0}}));
  EXPECT_EQ(Numbers(seen.at("jobs_by_hour"), "other"), (N{0, 0}));
  EXPECT_EQ(seen.at("jobs_by_hour").at(0).at("at"), "2026-11-29T01:00:00.000Z");
  EXPECT_EQ(seen.at("queue_depth").at(0).at("at"), "2026-11-29T02:00:00.000Z");
  EXPECT_EQ(seen.at("queue_depth").at(1).at("at"), "2026-11-29T02:30:00.000Z");
}

TEST_F(Overview, CountsJobsInTheHourTheyWereMade) {
  Add(61, 61, 62, job::Status::kSucceeded);
  Add(119, 121, 125, job::Status::kFailed, job::FailureKind::kOom);
  Add(120, 121, 180, job::Status::kTimedOut);
  Add(121, 0, 122, job::Status::kCanceled);
  Add(122, 0, 0, job::Status::kQueued);
  const auto seen = Of(60, 150);
  EXPECT_EQ(Numbers(seen.at("jobs_by_hour"), "succeeded"), (N{1, 0}));
  EXPECT_EQ(Numbers(seen.at("jobs_by_hour"), "failed"), (N{1, 1}));
  EXPECT_EQ(Numbers(seen.at("jobs_by_hour"), "other"), (N{0, 2}));
  EXPECT_EQ(seen.at("failures_by_kind"), (boost::json::value{{"oom", 1}}));
  EXPECT_DOUBLE_EQ(seen.at("success_rate").as_double(), 1.0 / 3);
}

TEST_F(Overview, DepthIsWhoWaitedAtTheEndOfEachHour) {
  Add(10, 70, 71, job::Status::kSucceeded);    // from before, until the second hour
  Add(65, 185, 190, job::Status::kSucceeded);  // over the ends of two hours
  Add(66, 67, 68, job::Status::kSucceeded);    // over none
  Add(130, 0, 0, job::Status::kQueued);        // still
  Add(131, 0, 132, job::Status::kCanceled);
  EXPECT_EQ(Numbers(Of(30, 200).at("queue_depth"), "depth"), (N{1, 1, 2, 1}));
  EXPECT_EQ(Numbers(Of(60, 200).at("queue_depth"), "depth"), (N{1, 2, 1}));
  EXPECT_EQ(Numbers(Of(60, 200).at("jobs_by_hour"), "succeeded"), (N{2, 0, 0}));
}

TEST_F(Overview, DurationsAreThoseOfJobsThatRan) {
  for (int i = 1; i <= 10; ++i) Add(60, 60, 60 + i, job::Status::kSucceeded);
  Add(60, 0, 600, job::Status::kExpired);
  Add(60, 70, 65, job::Status::kSucceeded);  // a clock that was set back
  const auto seen = Of(60, 100).at("duration_seconds");
  EXPECT_EQ(seen.at("p50"), 360.0);
  EXPECT_EQ(seen.at("p90"), 540.0);
}

}  // namespace
}  // namespace prov::panel
