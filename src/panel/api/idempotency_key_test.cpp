#include "panel/api/api_fixture_test.hpp"

namespace prov::panel {
namespace {

using ::testing::SizeIs;

class IdempotencyKey : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    token_ = Token({"admin"});
  }
  net::Response Post(const std::string& target, const std::string& body, const std::string& key) {
    return Ask("POST", target, token_, body, {{"Idempotency-Key", key}});
  }
  static std::string Demo() {
    return R"({"app_id": "demo", "server_id": "agent-1",)"
           R"( "inputs": {"site": "a", "token": "correct horse"}})";
  }
  // The same bytes, under the same headers but the one that says so.
  static void ExpectAgain(const net::Response& again, const net::Response& first) {
    EXPECT_EQ(again.status, first.status);
    EXPECT_EQ(again.body, first.body);
    EXPECT_EQ(again.headers.Find("Idempotent-Replayed"), "true");
    auto headers = first.headers;
    headers.Set("Idempotent-Replayed", "true");
    EXPECT_EQ(again.headers.all(), headers.all());
  }

  static constexpr const char* kAgain = R"({"inputs": {"token": "battery staple"}})";
  std::string token_;
};

TEST_F(IdempotencyKey, OfANewJob_IsAnsweredByteForByte_WhateverBecameOfTheJob) {
  const auto first = Post("/api/jobs", Demo(), "k");
  ASSERT_EQ(first.status, 202) << first.body;
  const auto id = *Uuid::Parse(std::string(Read(first).at("id").as_string()));
  EXPECT_EQ(first.headers.Find("Location"), "/api/jobs/" + id.ToString());
  EXPECT_FALSE(first.headers.Find("Idempotent-Replayed"));
  Put(id, job::Status::kDispatched);
  Put(id, job::Status::kSucceeded, 1);
  ExpectAgain(Post("/api/jobs", Demo(), "k"), first);
  EXPECT_THAT(Jobs(), SizeIs(1));
}

TEST_F(IdempotencyKey, OfACancelAndARetry_IsAnsweredByteForByte) {
  const auto made = Post("/api/jobs", Demo(), "k");
  const auto job = std::string(*made.headers.Find("Location"));
  const auto canceled = Post(job + "/cancel", "", "cancel");
  ASSERT_EQ(canceled.status, 202) << canceled.body;
  EXPECT_EQ(Read(canceled).at("status"), "canceled");
  ExpectAgain(Post(job + "/cancel", "", "cancel"), canceled);
  ExpectProblem(Post(job + "/cancel", "", "another"), 409, "already_over");
  const auto retried = Post(job + "/retry", kAgain, "retry");
  ASSERT_EQ(retried.status, 202) << retried.body;
  const auto id = *Uuid::Parse(std::string(Read(retried).at("id").as_string()));
  Put(id, job::Status::kDispatched);
  ExpectAgain(Post(job + "/retry", kAgain, "retry"), retried);
  EXPECT_THAT(Jobs(), SizeIs(2));
}

// A lost job's server may say that it goes on.
TEST_F(IdempotencyKey, OfARetry_IsAnsweredByteForByte_ThoughTheOldJobGoesOn) {
  const auto made = Post("/api/jobs", Demo(), "k");
  const auto job = std::string(*made.headers.Find("Location"));
  const auto id = *Uuid::Parse(std::string(Read(made).at("id").as_string()));
  Put(id, job::Status::kDispatched);
  Put(id, job::Status::kLost);
  const auto retried = Post(job + "/retry", kAgain, "retry");
  ASSERT_EQ(retried.status, 202) << retried.body;
  Put(id, job::Status::kRunning, 1);
  ExpectAgain(Post(job + "/retry", kAgain, "retry"), retried);
  ExpectProblem(Post(job + "/retry", kAgain, "another"), 409, "not_over");
  EXPECT_THAT(Jobs(), SizeIs(2));
}

TEST_F(IdempotencyKey, OfADrain_IsAnsweredByteForByteAndDrainsOnce) {
  const auto first = Post("/api/servers/agent-1/drain", "", "k");
  ASSERT_EQ(first.status, 202) << first.body;
  EXPECT_EQ(Read(first).at("id"), "agent-1");
  AddJob();  // the server's queue is longer now
  ExpectAgain(Post("/api/servers/agent-1/drain", "", "k"), first);
  EXPECT_THAT(Audited("server.drain_requested"), SizeIs(1));
  ExpectProblem(Post("/api/servers/agent-1/resume", "", "k"), 422, "idempotency_conflict");
  EXPECT_THAT(Audited("server.resume_requested"), SizeIs(0));
}

TEST_F(IdempotencyKey, OfOneRoute_DoesNotAnswerAnother) {
  const auto made = Post("/api/jobs", Demo(), "k");
  const auto job = std::string(*made.headers.Find("Location"));
  ExpectProblem(Post(job + "/cancel", "", "k"), 422, "idempotency_conflict");
  EXPECT_EQ(Read(Ask("GET", job, token_)).at("status"), "queued");
}

TEST_F(IdempotencyKey, OfARefusedRequest_IsFreeForOneThatIsRight) {
  const std::string wrong = R"({"app_id": "gone", "server_id": "agent-1", "inputs": {}})";
  ExpectProblem(Post("/api/jobs", wrong, "k"), 422, "unknown_app");
  EXPECT_EQ(Post("/api/jobs", Demo(), "k").status, 202);
}

}  // namespace
}  // namespace prov::panel
