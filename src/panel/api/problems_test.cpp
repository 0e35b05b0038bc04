// Every kind of refusal over the whole API: status, code and form as API.md and
// docs/api/openapi.yaml have them.
#include "panel/api/api_fixture_test.hpp"

namespace prov::panel {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class Problems : public ApiTest {
 protected:
  static constexpr const char* kJob =
      R"({"app_id": "demo", "server_id": "agent-1", "inputs": {"site": "a", "token": "12345678"}})";
  void SetUp() override {
    ApiTest::SetUp();
    AddInstaller("broken", "inputs: 7\n");
    ASSERT_TRUE(registry_->Reload());
    token_ = Token({"jobs"});
  }
  net::Response Post(const std::string& path, const std::string& body,
                     const std::vector<std::pair<std::string, std::string>>& headers = {}) {
    return Ask("POST", path, token_, body, headers);
  }
  std::string token_;
};

TEST_F(Problems, OfABodyThatIsNotJson_Are400) {
  for (const std::string body :
       {"{", "[1,]", "{\"app_id\": \"a\", \"app_id\": \"b\"}", "\"\xff\"", "nul", "{} {}"}) {
    for (const auto* path : {"/api/jobs", "/api/installers/demo/validate"}) {
      SCOPED_TRACE(path + body);
      ExpectProblem(Post(path, body), 400, "invalid_json");
    }
  }
  ExpectProblem(Post("/api/jobs", std::string(1000, '[')), 400, "invalid_json");
}

TEST_F(Problems, OfAnotherContentType_Are415) {
  for (const auto* type : {"text/plain", "application/x-www-form-urlencoded", ""})
    ExpectProblem(Post("/api/jobs", kJob, {{"Content-Type", type}}), 415, "unsupported_media_type");
}

TEST_F(Problems, OfTheBodysForm_NameEveryFieldAtOnce) {
  const auto answer = Post("/api/jobs", R"({"app_id": 1, "inputs": [], "action": "x", "more": 0})");
  ExpectProblem(answer, 422, "invalid_input");
  EXPECT_THAT(FieldsOf(answer),
              UnorderedElementsAre("/app_id", "/server_id", "/inputs", "/action", "/more"));
}

TEST_F(Problems, OfWhatDoesNotExist_Are404) {
  const auto unknown = Uuid::MakeV7(clock_, random_).ToString();
  for (const std::string& id : {unknown, std::string("nothing"), std::string("%2e%2e"),
                                unknown + "0", std::string(5000, 'a')}) {
    SCOPED_TRACE(id);
    ExpectProblem(Ask("GET", "/api/jobs/" + id, token_), 404, "not_found");
    ExpectProblem(Post("/api/jobs/" + id + "/cancel", ""), 404, "not_found");
    ExpectProblem(Post("/api/jobs/" + id + "/retry", ""), 404, "not_found");
    ExpectProblem(Ask("GET", "/api/jobs/" + id + "/log", token_), 404, "not_found");
    ExpectProblem(Ask("GET", "/api/installers/" + id, token_), 404, "unknown_app");
    ExpectProblem(Ask("GET", "/api/installers/" + id + "/schema", token_), 404, "unknown_app");
    ExpectProblem(Post("/api/installers/" + id + "/validate", "{}"), 404, "unknown_app");
    ExpectProblem(Ask("GET", "/api/servers/" + id, token_), 404, "unknown_server");
  }
}

TEST_F(Problems, OfABrokenInstaller_SayWhatIsWrongWithIt) {
  for (const auto& answer :
       {Ask("GET", "/api/installers/broken/schema", token_),
        Post("/api/installers/broken/validate", R"({"inputs": {}})"),
        Post("/api/jobs", R"({"app_id": "broken", "server_id": "agent-1", "inputs": {}})")}) {
    ExpectProblem(answer, 422, "invalid_installer");
    EXPECT_THAT(answer.body, HasSubstr("manifest.yml:"));
  }
}

TEST_F(Problems, OfAJob_AreThoseOfTheService) {
  const auto job = [&](const char* app, const char* server, const char* inputs,
                       const char* action = "install") {
    return Post("/api/jobs", fmt::format(R"({{"app_id": "{}", "server_id": "{}", "inputs": {}, )"
                                         R"("action": "{}"}})",
                                         app, server, inputs, action));
  };
  constexpr const char* kGood = R"({"site": "a", "token": "b"})";
  ExpectProblem(job("nope", kAgent, kGood), 422, "unknown_app");
  ExpectProblem(job("demo", "nope", kGood), 422, "unknown_server");
  ExpectProblem(job("demo", kAgent, kGood, "upgrade"), 422, "action_not_supported");
  const auto inputs = job("demo", kAgent, R"({"site": 1, "x": 2})");
  ExpectProblem(inputs, 422, "invalid_input");
  EXPECT_THAT(FieldsOf(inputs), UnorderedElementsAre("/inputs/site", "/inputs/token", "/inputs/x"));
  EXPECT_THAT(Jobs(), IsEmpty());
}

TEST_F(Problems, OfAnIdempotencyKey_AreRefused) {
  for (const auto& key : {std::string(), std::string(256, 'k')}) {
    const auto answer = Post("/api/jobs", kJob, {{"Idempotency-Key", key}});
    ExpectProblem(answer, 422, "invalid_parameter");
    EXPECT_THAT(FieldsOf(answer), ElementsAre("Idempotency-Key"));
  }
  EXPECT_THAT(Jobs(), IsEmpty());
  const auto made = Post("/api/jobs", kJob, {{"Idempotency-Key", std::string(255, 'k')}});
  EXPECT_EQ(made.status, 202) << made.body;
  EXPECT_FALSE(made.headers.Find("Idempotent-Replayed"));
  const auto again = Post("/api/jobs", kJob, {{"Idempotency-Key", std::string(255, 'k')}});
  EXPECT_EQ(again.status, 202);
  EXPECT_EQ(again.headers.Find("Idempotent-Replayed"), "true");
  EXPECT_EQ(again.headers.Find("Location"), made.headers.Find("Location"));
  ExpectProblem(
      Post("/api/jobs", std::string(kJob) + " ", {{"Idempotency-Key", std::string(255, 'k')}}), 422,
      "idempotency_conflict");
}

TEST_F(Problems, OfAJobThatIsOverOrIsNot_Are409) {
  const auto id = AddJob().ToString();
  ExpectProblem(Post("/api/jobs/" + id + "/retry", ""), 409, "not_over");
  EXPECT_EQ(Post("/api/jobs/" + id + "/cancel", "").status, 202);
  ExpectProblem(Post("/api/jobs/" + id + "/cancel", ""), 409, "already_over");
}

TEST_F(Problems, OfAFailureOfOurOwn_TellNothingOfTheInside) {
  class Broken final : public store::Database {
    void Submit(store::Access, store::Work, store::Completion done) override {
      done(Error{ErrorCode::kInternal, "/var/lib/secret.db: malformed", {}});
    }
  };
  ASSERT_EQ(Ask("GET", "/api/jobs", token_).status, 200);  // the token is known for two seconds
  database_.Use(std::make_unique<Broken>());
  for (const auto* path : {"/api/jobs", "/api/servers", "/api/jobs/"}) {
    const auto target =
        std::string(path) + (std::string_view(path).ends_with('/') ? epoch_.ToString() : "");
    const auto answer = Ask("GET", target, token_);
    ExpectProblem(answer, 500, "internal");
    EXPECT_THAT(answer.body, ::testing::Not(HasSubstr("secret.db")));
  }
}

}  // namespace
}  // namespace prov::panel
