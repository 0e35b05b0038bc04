#include "panel/api/waiting.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prov::panel {
namespace {

class WaitingJob : public ::testing::Test {
 protected:
  WaitingJob() {
    for (int i = 0; i < 4; ++i) {
      queue_.push_back(Uuid::MakeV7(clock_, random_));
      clock_.Advance(Millis{1});
    }
  }
  std::optional<Waiting> Of(job::Status status, ServerStatus server, std::size_t at = 0) const {
    job::Record record;
    record.id = queue_.at(at);
    record.server_id = "web-01";
    record.status = status;
    return WaitingOf(record, server, queue_);
  }

  FakeClock clock_;
  FakeRandom random_;
  std::vector<Uuid> queue_;
};

TEST_F(WaitingJob, CountsWhoIsAheadOnItsServer) {
  for (const auto status :
       {job::Status::kQueued, job::Status::kDispatched, job::Status::kAccepted}) {
    for (std::size_t at = 0; at < queue_.size(); ++at)
      EXPECT_EQ(Of(status, ServerStatus::kOnline, at)->queue_position, at + 1);
  }
  EXPECT_EQ(Of(job::Status::kQueued, ServerStatus::kOnline, 0)->message,
            "It is the next on web-01.");
  EXPECT_EQ(Of(job::Status::kQueued, ServerStatus::kOnline, 1)->message,
            "One job is ahead of it on web-01.");
  EXPECT_EQ(Of(job::Status::kQueued, ServerStatus::kOnline, 3)->message,
            "3 jobs are ahead of it on web-01.");
}

TEST_F(WaitingJob, FarBack_SaysSoAndHasNoNumber) {
  while (queue_.size() <= kMostAhead) {
    queue_.push_back(Uuid::MakeV7(clock_, random_));
    clock_.Advance(Millis{1});
  }
  EXPECT_EQ(Of(job::Status::kQueued, ServerStatus::kOnline, kMostAhead - 1)->queue_position,
            kMostAhead);
  const auto further = Of(job::Status::kQueued, ServerStatus::kOnline, kMostAhead);
  EXPECT_EQ(further->queue_position, std::nullopt);
  EXPECT_EQ(further->message, "1000 jobs and more are ahead of it on web-01.");
}

TEST_F(WaitingJob, SaysForWhatItWaits) {
  const auto kind = [&](job::Status status, ServerStatus server) {
    return Of(status, server)->kind;
  };
  EXPECT_EQ(kind(job::Status::kQueued, ServerStatus::kOnline), WaitKind::kQueue);
  EXPECT_EQ(kind(job::Status::kQueued, ServerStatus::kDrained), WaitKind::kDrained);
  EXPECT_EQ(kind(job::Status::kQueued, ServerStatus::kUnreachable), WaitKind::kServerOffline);
  EXPECT_EQ(kind(job::Status::kDispatched, ServerStatus::kNeverSeen), WaitKind::kServerOffline);
  EXPECT_EQ(kind(job::Status::kAccepted, ServerStatus::kDrained), WaitKind::kDrained);
  // A server that has the job does not need the panel to start it.
  EXPECT_NE(Of(job::Status::kAccepted, ServerStatus::kUnreachable)->message,
            Of(job::Status::kDispatched, ServerStatus::kUnreachable)->message);
}

TEST_F(WaitingJob, BetweenTwoAttempts_SaysWhyTheLastOneFailed) {
  job::Record record;
  record.status = job::Status::kRetryWait;
  const auto message = [&] { return WaitingOf(record, ServerStatus::kOnline, {})->message; };
  EXPECT_EQ(WaitingOf(record, ServerStatus::kOnline, {})->kind, WaitKind::kRetry);
  EXPECT_EQ(WaitingOf(record, ServerStatus::kOnline, {})->queue_position, std::nullopt);
  EXPECT_EQ(message(), "The last attempt failed.");
  record.status_reason = "exit code 2";
  EXPECT_EQ(message(), "The last attempt failed: exit code 2.");
  record.known_failure = job::FailureFound{"The mirror is away.", "", 3};
  EXPECT_EQ(message(), "The last attempt failed: The mirror is away.");
}

TEST_F(WaitingJob, ThatRunsOrIsOver_DoesNotWait) {
  for (const auto status : {job::Status::kRunning, job::Status::kSucceeded, job::Status::kFailed,
                            job::Status::kTimedOut, job::Status::kCanceled, job::Status::kRejected,
                            job::Status::kExpired, job::Status::kInterrupted, job::Status::kLost}) {
    EXPECT_EQ(Of(status, ServerStatus::kOnline), std::nullopt);
  }
}

}  // namespace
}  // namespace prov::panel
