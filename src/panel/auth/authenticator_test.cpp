#include "panel/auth/authenticator.hpp"

#include "panel/api/api_fixture_test.hpp"
#include "panel/auth/api_tokens.hpp"

namespace prov::panel {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

class Tokens : public ApiTest {
 protected:
  store::ApiToken Row() {
    const auto rows =
        *database_.Read([](store::Transaction& t) { return t.tokens().List(Admin()); });
    EXPECT_THAT(rows, SizeIs(1));
    return rows.at(0);
  }
};

TEST_F(Tokens, TheirText_IsInNoRowAndNoLog) {
  const auto token = Token({"admin"});
  EXPECT_EQ(Ask("GET", "/api/jobs", token).status, 200);
  EXPECT_THAT(Row().hash, Not(HasSubstr(token.substr(4))));
  EXPECT_THAT(log_.text, Not(HasSubstr(token.substr(4))));
  for (const auto& entry : Audited("api_token.created"))
    EXPECT_THAT(json::Serialize(entry.detail), Not(HasSubstr(token.substr(4))));
}

TEST_F(Tokens, WithoutNameUserOrARealScope_AreNotMade) {
  const auto make = [&](const char* name, const char* user, std::vector<std::string> scopes) {
    return MakeApiToken(database_, name, user, scopes, std::nullopt, clock_, random_);
  };
  for (const auto& made : {make("", "ann", {"read"}), make("n", "", {"read"}), make("n", "ann", {}),
                           make("n", "ann", {"root"}), make("n", "ann", {"read", ""}),
                           make("n", "ann", {"Read"}), make("n", "ann", {"open"})}) {
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_THAT(make("n", "ann", {"root"}).error().message, HasSubstr("`root` is not a scope"));
  EXPECT_TRUE(make("n", "ann", {"read", "metrics"}));
}

TEST_F(Tokens, WithTwoScopes_MayWhatEachOfThemMay) {
  const auto token = Token({"read", "metrics"});
  EXPECT_EQ(Ask("GET", "/api/jobs", token).status, 200);
  EXPECT_EQ(Ask("GET", "/api/metrics", token).status, 200);
  EXPECT_EQ(Ask("POST", "/api/jobs", token, "{}").status, 403);
}

TEST_F(Tokens, TheirUse_IsWrittenOnceAMinute) {
  const auto token = Token({"read"});
  EXPECT_EQ(Row().last_used_at, std::nullopt);
  const auto first = clock_.Now();
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(Ask("GET", "/api/jobs", token).status, 200);
    clock_.Advance(Seconds{3});
  }
  EXPECT_EQ(Row().last_used_at, first);
  clock_.Advance(Seconds{1});
  const auto later = clock_.Now();
  EXPECT_EQ(Ask("GET", "/api/jobs", token).status, 200);
  EXPECT_EQ(Row().last_used_at, later);
}

TEST_F(Tokens, ThatAreUnknown_DoNotFillTheCacheWithYes) {
  const auto token = Token({"read"});
  RevokeAllTokens();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Ask("GET", "/api/jobs", token).status, 401);
}

TEST_F(Tokens, OnAnOpenRoute_ShowMoreToWhoHasOneAndRefuseAWrongOne) {
  const auto open = Read(Ask("GET", "/api/health"));
  EXPECT_THAT(open, SizeIs(1)) << json::Serialize(open);
  const auto known = Read(Ask("GET", "/api/health", Token({"read"})));
  EXPECT_TRUE(known.contains("version") && known.contains("checks"));
  ExpectProblem(Ask("GET", "/api/health", "pt1.nope"), 401, "unauthenticated");
}

TEST_F(Tokens, HealthAskedOften_AsksTheStoreOnceASecond) {
  class Counted final : public store::Database {
   public:
    explicit Counted(int& asked) : asked_(asked) {}
    void Submit(store::Access, store::Work, store::Completion done) override {
      ++asked_;
      done(Error{ErrorCode::kUnavailable, "the store is away.", {}});
    }

   private:
    int& asked_;
  };
  EXPECT_EQ(Read(Ask("GET", "/api/health"))["status"], "ok");
  int asked = 0;
  database_.Use(std::make_unique<Counted>(asked));
  clock_.Advance(Millis{999});
  EXPECT_EQ(Read(Ask("GET", "/api/health"))["status"], "ok");
  EXPECT_EQ(asked, 0);
  clock_.Advance(Millis{1});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Ask("GET", "/api/ready").status, 503);
  EXPECT_EQ(Read(Ask("GET", "/api/health"))["status"], "down");
  EXPECT_EQ(asked, 1);
}

TEST_F(Tokens, HealthAskedWhileSomebodyLooks_IsWhatThatOneSees) {
  struct Slow final : store::Database {
    explicit Slow(std::vector<store::Completion>& asked) : asked_(asked) {}
    void Submit(store::Access, store::Work, store::Completion done) override {
      asked_.push_back(std::move(done));
    }
    std::vector<store::Completion>& asked_;
  };
  std::vector<store::Completion> asked;
  database_.Use(std::make_unique<Slow>(asked));
  std::vector<int> answers;
  for (int i = 0; i < 3; ++i) {
    net::Request request;
    request.method = "GET";
    ASSERT_TRUE(net::SetTarget(request, "/api/health"));
    boost::asio::co_spawn(io_, router_->Dispatch(std::move(request), before_),
                          [&](std::exception_ptr failure, const net::Response& response) {
                            EXPECT_FALSE(failure);
                            answers.push_back(response.status);
                          });
  }
  ASSERT_TRUE(RunUntil([&] { return !asked.empty(); }));
  io_.poll();
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_THAT(answers, SizeIs(0));
  clock_.Advance(Seconds{5});  // it takes longer than what it sees is good for
  asked.front()(Error{ErrorCode::kUnavailable, "the store is away.", {}});
  ASSERT_TRUE(RunUntil([&] { return answers.size() == 3; }));
  EXPECT_EQ(answers, (std::vector{503, 503, 503}));
  EXPECT_EQ(Ask("GET", "/api/ready").status, 503);
  EXPECT_THAT(asked, SizeIs(1));
}

// Where the handlers look for the caller, only the authentication writes.
TEST_F(Tokens, WhatARequestBringsOfItself_IsTakenAway) {
  for (const auto& route : router_->routes()) {
    if (route.scope != net::kOpenScope) continue;
    net::Request request;
    request.method = route.method;
    ASSERT_TRUE(net::SetTarget(request, route.pattern));
    request.parameters = {{" user", "root"}, {" scopes", "admin read"}};
    EXPECT_FALSE(Await(authenticator_->Before(route, request))) << route.pattern;
    EXPECT_THAT(CallerOf(request).scopes, SizeIs(0)) << route.pattern;
    EXPECT_FALSE(CallerOf(request).actor.admin) << route.pattern;
    EXPECT_EQ(CallerOf(request).actor.user_id, "") << route.pattern;
  }
}

}  // namespace
}  // namespace prov::panel
