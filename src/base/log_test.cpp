#include "base/log.hpp"

#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "support/temporary_directory.hpp"

namespace prov {
namespace {

TEST(Log, ALine_HasTheFoundingForm) {
  const test::TemporaryDirectory dir;
  FakeClock clock(WallTime{Millis{1'705'314'600'000}});
  const auto logger = FileLogger::Open(dir.path() / "agent.log", LogLevel::kInfo, clock);
  ASSERT_TRUE(logger);
  (*logger)->Debug("not_written");
  (*logger)->Info("execution_started", {{"server_id", "agent-001"}}, {"job-1", "nginx"});
  EXPECT_EQ(
      *ReadFile(dir.path() / "agent.log", 1000),
      R"({"timestamp":"2024-01-15T10:30:00.000Z","level":"INFO","job_id":"job-1","app_id":"nginx",)"
      R"("event":"execution_started","metadata":{"server_id":"agent-001"}})"
      "\n");
}

TEST(Log, AnotherLevel_TakesEffectAtOnce) {
  const test::TemporaryDirectory dir;
  const SystemClock clock;
  const auto logger = FileLogger::Open(dir.path() / "log", LogLevel::kWarning, clock);
  (*logger)->Info("before");
  (*logger)->SetLevel(LogLevel::kDebug);
  (*logger)->Debug("after");
  const auto text = *ReadFile(dir.path() / "log", 1000);
  EXPECT_EQ(text.find("before"), std::string::npos);
  EXPECT_NE(text.find("after"), std::string::npos);
}

TEST(Log, HostileMetadata_StaysOneLineOfUtf8) {
  const test::TemporaryDirectory dir;
  const SystemClock clock;
  const auto logger = FileLogger::Open(dir.path() / "log", LogLevel::kInfo, clock);
  (*logger)->Warning("refused", {{"why", "a\nb\x1b[31m\xff"}});
  const auto text = *ReadFile(dir.path() / "log", 1000);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_TRUE(IsUtf8(text));
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(Log, Reopen_AfterARotation_WritesToTheNewFile) {
  const test::TemporaryDirectory dir;
  const SystemClock clock;
  const auto logger = FileLogger::Open(dir.path() / "log", LogLevel::kInfo, clock);
  (*logger)->Info("before");
  std::filesystem::rename(dir.path() / "log", dir.path() / "log.1");
  ASSERT_TRUE((*logger)->Reopen());
  (*logger)->Info("after");
  EXPECT_NE(ReadFile(dir.path() / "log", 1000)->find("after"), std::string::npos);
  EXPECT_EQ(ReadFile(dir.path() / "log.1", 1000)->find("after"), std::string::npos);
}

TEST(Log, AFileThatGrows_IsRotatedAndTheOldestGoes) {
  const test::TemporaryDirectory dir;
  const SystemClock clock;
  const auto logger = FileLogger::Open(dir.path() / "agent.log", LogLevel::kInfo, clock, 1000);
  for (int i = 0; i < 200; ++i) (*logger)->Info("line", {{"number", i}});
  std::size_t files = 0;
  for (const auto& each : std::filesystem::directory_iterator(dir.path())) {
    ++files;
    EXPECT_LE(each.file_size(), 1000U) << each.path();
  }
  EXPECT_EQ(files, FileLogger::kKept + 1);
  const auto last = *ReadFile(dir.path() / "agent.log", 2000);
  const auto before = *ReadFile(dir.path() / "agent.1.log", 2000);
  EXPECT_NE((before + last).find("\"number\":199"), std::string::npos);
}

TEST(Log, AFileThatCannotBeOpened_IsAnErrorWithThePath) {
  const SystemClock clock;
  const auto logger = FileLogger::Open("/proc/no/such/log", LogLevel::kInfo, clock);
  ASSERT_FALSE(logger);
  EXPECT_NE(logger.error().message.find("/proc/no/such/log"), std::string::npos);
}

TEST(FileLogger, FullDisk_LosesTheLineAndEndsNobody) {
  const FakeClock clock;
  auto logger = FileLogger::Open("/dev/full", LogLevel::kInfo, clock);
  ASSERT_TRUE(logger);
  (*logger)->Info("event", {{"text", std::string(100'000, 'x')}});
  (*logger)->Info("event");
}

}  // namespace
}  // namespace prov
