#include "exec/spool.hpp"

#include <fstream>

#include <gtest/gtest.h>

#include "base/json.hpp"
#include "support/temporary_directory.hpp"

namespace prov::exec {
namespace {

const Uuid kJob = *Uuid::Parse("018f0000-0000-7000-8000-000000000002");

TEST(Spool, Spool_AttemptMadeTwice_IsAConflict) {
  test::TemporaryDirectory directory;
  const StatePaths state{directory.path()};
  EXPECT_FALSE(AttemptExists(state, {kJob, 1, 0}));
  ASSERT_TRUE(MakeAttempt(state, {kJob, 1, 0}));
  EXPECT_TRUE(AttemptExists(state, {kJob, 1, 0}));
  auto second = MakeAttempt(state, {kJob, 1, 0});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  EXPECT_TRUE(MakeAttempt(state, {kJob, 1, 1}));
}

TEST(Spool, Spool_ExitRecord_AppearsOnlyWholeAndInReservedSpace) {
  test::TemporaryDirectory directory;
  auto paths = MakeAttempt({directory.path()}, {kJob, 1, 0});
  ASSERT_TRUE(paths);
  EXPECT_EQ(std::filesystem::file_size(paths->ReservedExit()), kReservedExitBytes);
  auto none = ReadExit(*paths);
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->has_value());
  ExitRecord record;
  record.job = kJob;
  record.ending = Ending::kExited;
  record.exit_code = 3;
  record.left_running = {{17, "nginx", "nginx.service"}};
  ASSERT_TRUE(WriteExit(*paths, record));
  auto read = ReadExit(*paths);
  ASSERT_TRUE(read && read->has_value());
  EXPECT_EQ(json::Write(**read), json::Write(record));
  EXPECT_FALSE(std::filesystem::exists(paths->ReservedExit()));
}

TEST(Spool, Spool_DamagedExitRecord_IsCorruptNotAbsent) {
  test::TemporaryDirectory directory;
  auto paths = MakeAttempt({directory.path()}, {kJob, 1, 0});
  ASSERT_TRUE(paths);
  std::ofstream(paths->Exit()) << "{\"v\":1";
  auto read = ReadExit(*paths);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
}

TEST(Spool, Spool_ExitRecordOfAnOlderBuild_IsReadWithWhatItLacks) {
  test::TemporaryDirectory directory;
  auto paths = MakeAttempt({directory.path()}, {kJob, 1, 0});
  ASSERT_TRUE(paths);
  std::ofstream(paths->Exit()) << R"({"v": 1, "job": "018f0000-0000-7000-8000-000000000002",
    "attempt": 1, "ending": "exited", "exit_code": 0, "log": {"lines": 7, "bytes": 70}})";
  const auto read = ReadExit(*paths);
  ASSERT_TRUE(read && *read) << read.error().ToString();
  EXPECT_EQ((*read)->exit_code, 0);
  EXPECT_EQ((*read)->log.lines, 7u);
  EXPECT_TRUE((*read)->outputs.empty());
}

TEST(Spool, Spool_ExitRecordOfANewerBuild_IsReadWithoutWhatWeDoNotKnow) {
  test::TemporaryDirectory directory;
  auto paths = MakeAttempt({directory.path()}, {kJob, 1, 0});
  ASSERT_TRUE(paths);
  ExitRecord record;
  record.job = kJob;
  record.ending = Ending::kExited;
  record.exit_code = 2;
  auto value = json::ToValue(record);
  value.get_object()["energy_used"] = 12.5;
  value.get_object()["log"].get_object()["compressed"] = true;
  std::ofstream(paths->Exit()) << json::Serialize(value);
  auto read = ReadExit(*paths);
  ASSERT_TRUE(read && *read) << read.error().ToString();
  EXPECT_EQ(json::Write(**read), json::Write(record));
  value.get_object()["v"] = 2;  // its members may mean something else
  std::ofstream(paths->Exit()) << json::Serialize(value);
  read = ReadExit(*paths);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
}

TEST(Spool, Spool_LastAttempt_IsTheHighestByNumberNotByName) {
  test::TemporaryDirectory directory;
  const StatePaths state{directory.path()};
  EXPECT_FALSE(LastAttempt(state, kJob));
  for (const AttemptId& id : {AttemptId{kJob, 9, 0}, {kJob, 10, 0}, {kJob, 10, 2}, {kJob, 2, 7}})
    ASSERT_TRUE(MakeAttempt(state, id));
  for (const char* other : {"installer", "11x", "012", "10.03", "10."})
    std::filesystem::create_directory(state.Job(kJob) / other);
  EXPECT_EQ(LastAttempt(state, kJob), (AttemptId{kJob, 10, 2}));
}

TEST(Spool, Spool_Retention_DropsTheOldThenTheOldestUntilTheRestFits) {
  const WallTime now{Millis{1'800'000'000'000}};
  std::vector<SpooledJob> jobs;
  for (int i = 0; i < 4; ++i) {
    auto bytes = "018f0000-0000-7000-8000-00000000000" + std::to_string(i);
    jobs.push_back({*Uuid::Parse(bytes), now - std::chrono::hours(24 * 10 * i), 100});
  }
  jobs[3].changed -= std::chrono::hours(1);  // 30 days and an hour
  EXPECT_EQ(ChooseExpired(jobs, {.bytes = 1000}, now), (std::vector{jobs[3].job}));
  EXPECT_EQ(ChooseExpired(jobs, {.bytes = 250}, now), (std::vector{jobs[3].job, jobs[2].job}));
}

}  // namespace
}  // namespace prov::exec
