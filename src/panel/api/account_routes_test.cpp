#include "panel/api/api_fixture_test.hpp"

namespace prov::panel {
namespace {

using store::Role;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class AccountRoutes : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    root_ = AddPerson("root", Role::kAdministrator);
    browser_ = SignedInAs("root");
  }
  net::Response Make(const std::string& name, const std::string& password,
                     const std::string& role = "user") {
    return AskAs(browser_, "POST", "/api/users",
                 json::Serialize(
                     boost::json::object{{"name", name}, {"password", password}, {"role", role}}));
  }
  static std::string PathOf(const store::User& user) { return "/api/users/" + user.id.ToString(); }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    const auto body = Read(AskAs(browser_, "GET", "/api/users"));
    for (const auto& item : body.at("items").as_array())
      names.emplace_back(item.at("name").as_string());
    return names;
  }
  store::User root_;
  Browser browser_;
};

TEST_F(AccountRoutes, AUser_IsMadeChangedAndRemoved) {
  const auto made = Make("ann", "another battery");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_THAT(made.body, Not(HasSubstr("argon2")));
  const auto id = std::string(Read(made).at("id").as_string());
  EXPECT_EQ(Read(made), (boost::json::object{{"id", id},
                                             {"name", "ann"},
                                             {"role", "user"},
                                             {"disabled", false},
                                             {"created_at", FormatTime(clock_.Now())},
                                             {"last_seen_at", nullptr}}));
  EXPECT_THAT(Names(), ElementsAre("ann", "root"));
  const auto ann = BrowserOf(TrySignIn("ann", "another battery"));
  ExpectProblem(AskAs(ann, "GET", "/api/users"), 403, "forbidden");
  const auto changed = AskAs(browser_, "PATCH", "/api/users/" + id, R"({"role": "administrator"})");
  EXPECT_EQ(Read(changed).at("role"), "administrator");
  EXPECT_EQ(AskAs(ann, "GET", "/api/users").status, 200) << "with the session it has";
  EXPECT_EQ(AskAs(browser_, "POST", "/api/users/" + id + "/password",
                  R"({"new_password": "a third battery"})")
                .status,
            204);
  EXPECT_EQ(AskAs(ann, "GET", "/api/session").status, 401);
  EXPECT_EQ(TrySignIn("ann", "another battery").status, 401);
  const auto again = BrowserOf(TrySignIn("ann", "a third battery"));
  EXPECT_EQ(AskAs(browser_, "DELETE", "/api/users/" + id).status, 204);
  EXPECT_EQ(AskAs(again, "GET", "/api/session").status, 401);
  EXPECT_THAT(Names(), ElementsAre("root"));
  for (const auto* action : {"user.created", "user.changed", "user.password_set", "user.removed"}) {
    const auto entries = Audited(action);
    ASSERT_FALSE(entries.empty()) << action;
    EXPECT_EQ(entries.back().user_id, "root") << action;
    EXPECT_EQ(entries.back().subject, id) << action;
    EXPECT_THAT(json::Serialize(entries.back().detail), Not(HasSubstr("battery")));
  }
}

TEST_F(AccountRoutes, WhatIsWrong_IsNamedAndMakesNobody) {
  const auto weak = Make("Ann Smith", "short");
  ExpectProblem(weak, 422, "invalid_input");
  EXPECT_THAT(FieldsOf(weak), UnorderedElementsAre("/name", "/password"));
  ExpectProblem(Make("ann", "another battery", "king"), 422, "invalid_input");
  ExpectProblem(Make("root", "another battery"), 409, "user_exists");
  EXPECT_THAT(Names(), ElementsAre("root"));
  const auto path = PathOf(root_);
  ExpectProblem(AskAs(browser_, "PATCH", path, R"({"name": "ann"})"), 422, "invalid_input");
  ExpectProblem(AskAs(browser_, "POST", path + "/password", R"({"new_password": "short"})"), 422,
                "invalid_input");
}

TEST_F(AccountRoutes, TheLastAdministrator_Stays) {
  const auto path = PathOf(root_);
  for (const auto* body : {R"({"disabled": true})", R"({"role": "user"})"})
    ExpectProblem(AskAs(browser_, "PATCH", path, body), 409, "last_administrator");
  ExpectProblem(AskAs(browser_, "DELETE", path), 409, "last_administrator");
  EXPECT_EQ(AskAs(browser_, "GET", "/api/session").status, 200);
}

TEST_F(AccountRoutes, OfNobody_Are404) {
  const auto unknown = Uuid::MakeV7(clock_, random_).ToString();
  for (const std::string& id : {unknown, std::string("nothing"), unknown + "0"}) {
    const auto path = "/api/users/" + id;
    ExpectProblem(AskAs(browser_, "PATCH", path, "{}"), 404, "not_found");
    ExpectProblem(AskAs(browser_, "DELETE", path), 404, "not_found");
    ExpectProblem(
        AskAs(browser_, "POST", path + "/password", R"({"new_password": "another battery"})"), 404,
        "not_found");
    ExpectProblem(AskAs(browser_, "DELETE", "/api/tokens/" + id), 404, "not_found");
  }
}

class TokenRoutes : public AccountRoutes {
 protected:
  void SetUp() override {
    AccountRoutes::SetUp();
    AddPerson("ann");
    ann_ = SignedInAs("ann");
  }
  net::Response Make(const Browser& browser, const std::string& body) {
    return AskAs(browser, "POST", "/api/tokens", body);
  }
  boost::json::array List(const Browser& browser) {
    return Read(AskAs(browser, "GET", "/api/tokens")).at("items").as_array();
  }
  Browser ann_;
};

TEST_F(TokenRoutes, AToken_IsShownOnceWorksAndIsRevoked) {
  const auto made = Make(ann_, R"({"name": "ci", "scopes": ["read", "jobs"]})");
  ASSERT_EQ(made.status, 201) << made.body;
  const auto text = std::string(Read(made).at("token").as_string());
  EXPECT_EQ(Ask("GET", "/api/jobs", text).status, 200);
  const auto list = List(ann_);
  ASSERT_EQ(list.size(), 1U);
  auto shown = Read(made);
  shown.erase("token");
  shown["last_used_at"] = FormatTime(clock_.Now());
  EXPECT_EQ(list[0], shown);
  EXPECT_THAT(List(browser_), IsEmpty()) << "an administrator's own are no one else's";
  const auto path = "/api/tokens/" + std::string(shown.at("id").as_string());
  ExpectProblem(AskAs(browser_, "DELETE", path), 404, "not_found");
  EXPECT_EQ(AskAs(ann_, "DELETE", path).status, 204);
  EXPECT_THAT(List(ann_), IsEmpty());
  clock_.Advance(Seconds{2});
  EXPECT_EQ(Ask("GET", "/api/jobs", text).status, 401);
  ASSERT_THAT(Audited("api_token.created"), SizeIs(1));
  EXPECT_EQ(Audited("api_token.created")[0].user_id, "ann");
  EXPECT_THAT(Audited("api_token.revoked"), SizeIs(1));
}

TEST_F(TokenRoutes, WithAnEnd_EndThen) {
  const auto end = FormatTime(clock_.Now() + Seconds{60});
  const auto made =
      Make(browser_, R"({"name": "x", "scopes": ["admin"], "expires_at": ")" + end + "\"}");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(Read(made).at("expires_at").as_string(), end);
  const auto text = std::string(Read(made).at("token").as_string());
  EXPECT_EQ(Ask("GET", "/api/users", text).status, 200);
  clock_.Advance(Seconds{60});
  EXPECT_EQ(Ask("GET", "/api/users", text).status, 401);
}

TEST_F(TokenRoutes, OfMoreThanTheirMakerMay_AreNotMade) {
  const struct {
    std::string body;
    std::string field;
  } rows[] = {
      {R"({"name": "x", "scopes": ["admin"]})", "/scopes/0"},
      {R"({"name": "x", "scopes": ["read", "metrics"]})", "/scopes/1"},
      {R"({"name": "x", "scopes": ["person"]})", "/scopes/0"},
      {R"({"name": "x", "scopes": ["root"]})", "/scopes/0"},
      {R"({"name": "x", "scopes": []})", "/scopes"},
      {R"({"name": "x", "scopes": ["read", "read"]})", "/scopes/1"},
      {R"({"name": "", "scopes": ["read"]})", "/name"},
      {R"({"name": ")" + std::string(65, 'x') + R"(", "scopes": ["read"]})", "/name"},
      {R"({"name": "x", "scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z"})", "/expires_at"},
  };
  for (const auto& row : rows) {
    const auto refused = Make(ann_, row.body);
    ExpectProblem(refused, 422, "invalid_input");
    EXPECT_THAT(FieldsOf(refused), ElementsAre(row.field)) << row.body;
  }
  EXPECT_THAT(List(ann_), IsEmpty());
}

}  // namespace
}  // namespace prov::panel
