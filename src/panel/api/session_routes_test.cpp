// People: signing in and out, what ends a session, and what no other site's page can do with one.
#include "base/sha256.hpp"
#include "panel/api/api_fixture_test.hpp"
#include "panel/auth/session_cookie.hpp"

namespace prov::panel {
namespace {

using store::Role;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class Sessions : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    ann_ = AddPerson("ann");
  }
  int Shown(const Browser& browser) { return AskAs(browser, "GET", "/api/session").status; }
  net::Response ChangePassword(const Browser& browser, const std::string& current,
                               const std::string& next) {
    return AskAs(browser, "POST", "/api/session/password",
                 json::Serialize(
                     boost::json::object{{"current_password", current}, {"new_password", next}}));
  }
  store::User ann_;
};

TEST_F(Sessions, OfWhoSignedIn_SayWhoAndUntilWhen) {
  const auto response = TrySignIn("Ann");
  const auto browser = BrowserOf(response);
  const auto shown = Read(response);
  EXPECT_EQ(shown.at("user").at("id").as_string(), ann_.id.ToString());
  EXPECT_EQ(shown.at("user").at("name"), "ann");
  EXPECT_EQ(shown.at("user").at("role"), "user");
  EXPECT_EQ(shown.at("idle_expires_at").as_string(),
            FormatTime(clock_.Now() + std::chrono::minutes{30}));
  EXPECT_EQ(shown.at("expires_at").as_string(), FormatTime(clock_.Now() + std::chrono::hours{12}));
  EXPECT_EQ(Read(AskAs(browser, "GET", "/api/session")), shown);
  EXPECT_EQ(AskAs(browser, "GET", "/api/jobs").status, 200);
  ExpectProblem(AskAs(browser, "GET", "/api/users"), 403, "forbidden");
  ASSERT_THAT(Audited("session.created"), SizeIs(1));
  EXPECT_EQ(Audited("session.created")[0].user_id, "ann");
  EXPECT_EQ(Audited("session.created")[0].detail.at("address"), "192.0.2.1");
}

TEST_F(Sessions, AreRefusedToAnyoneElseInTheSameWords) {
  const auto disabled = AddPerson("bob");
  AddPerson("root", Role::kAdministrator);
  ASSERT_TRUE(database_.Write([&](store::Transaction& t) {
    return PatchUser(t, disabled.id, {.disabled = true}, {"root", clock_.Now()});
  }));
  const auto wrong = TrySignIn("ann", "wrong horse battery");
  ExpectProblem(wrong, 401, "invalid_credentials");
  EXPECT_FALSE(wrong.headers.Find("Set-Cookie"));
  for (const auto& [name, password] :
       std::vector<std::pair<std::string, std::string>>{{"eve", kPassword},
                                                        {"bob", kPassword},
                                                        {"", ""},
                                                        {"ann", ""},
                                                        {"nobody", kPassword},
                                                        {std::string(5000, 'a'), kPassword},
                                                        {"ann'--", kPassword},
                                                        {"ann\n", kPassword}}) {
    const auto refused = TrySignIn(name, password);
    EXPECT_EQ(refused.body, wrong.body) << name;
    EXPECT_EQ(refused.headers.all(), wrong.headers.all()) << name;
  }
  // Each leaves one entry, and none what was typed for a name.
  EXPECT_THAT(Audited("session.refused"), SizeIs(9));
  for (const auto& entry : Audited("session.refused"))
    EXPECT_THAT(json::Serialize(entry.detail), Not(HasSubstr("eve")));
  EXPECT_THAT(Audited("session.created"), IsEmpty());
}

TEST_F(Sessions, EndAfterHalfAnHourOfSilence) {
  const auto browser = SignedInAs("ann");
  for (int i = 0; i < 3; ++i) {
    clock_.Advance(kSessionIdle - Millis{1});
    ASSERT_EQ(Shown(browser), 200) << i;
  }
  clock_.Advance(kSessionIdle);
  ExpectProblem(AskAs(browser, "GET", "/api/session"), 401, "unauthenticated");
}

TEST_F(Sessions, EndAfterTwelveHoursWhateverHappens) {
  const auto browser = SignedInAs("ann");
  const auto over = clock_.Now() + std::chrono::hours{12};
  while (clock_.Now() + std::chrono::minutes{10} < over) {
    clock_.Advance(std::chrono::minutes{10});
    ASSERT_EQ(Shown(browser), 200);
  }
  const auto shown = Read(AskAs(browser, "GET", "/api/session"));
  EXPECT_EQ(shown.at("idle_expires_at").as_string(), FormatTime(over));
  clock_.Advance(over - clock_.Now());
  EXPECT_EQ(Shown(browser), 401);
}

TEST_F(Sessions, ThatWereLeft_AreOver) {
  const auto one = SignedInAs("ann");
  const auto other = SignedInAs("ann");
  const auto left = AskAs(one, "DELETE", "/api/session");
  EXPECT_EQ(left.status, 204);
  EXPECT_EQ(left.headers.Find("Set-Cookie"), SessionCookie("", false));
  EXPECT_EQ(Shown(one), 401);
  EXPECT_EQ(Shown(other), 200);
  EXPECT_THAT(Audited("session.ended"), SizeIs(1));
}

TEST_F(Sessions, LeftEverywhere_AreAllOverButNobodyElses) {
  AddPerson("bob");
  const auto bob = SignedInAs("bob");
  const auto one = SignedInAs("ann");
  const auto other = SignedInAs("ann");
  EXPECT_EQ(AskAs(one, "DELETE", "/api/sessions").status, 204);
  EXPECT_EQ(Shown(one), 401);
  EXPECT_EQ(Shown(other), 401);
  EXPECT_EQ(Shown(bob), 200);
}

TEST_F(Sessions, OfWhoIsDisabled_EndAtOnce) {
  AddPerson("root", Role::kAdministrator);
  const auto browser = SignedInAs("ann");
  const auto root = SignedInAs("root");
  const auto path = "/api/users/" + ann_.id.ToString();
  EXPECT_EQ(AskAs(root, "PATCH", path, R"({"disabled": true})").status, 200);
  EXPECT_EQ(Shown(browser), 401);
  EXPECT_EQ(TrySignIn("ann").status, 401);
  EXPECT_EQ(AskAs(root, "PATCH", path, R"({"disabled": false})").status, 200);
  EXPECT_EQ(Shown(browser), 401) << "what has ended stays over";
  EXPECT_EQ(TrySignIn("ann").status, 200);
}

// Even where its row stayed: the user is looked at with every request.
TEST_F(Sessions, OfWhoIsDisabled_AreNotBelieved) {
  const auto browser = SignedInAs("ann");
  ASSERT_TRUE(database_.Write([&](store::Transaction& t) -> Status {
    PROV_TRY(auto user, t.users().Get(ann_.id));
    user.disabled = true;
    return t.users().Update(user);
  }));
  EXPECT_EQ(Shown(browser), 401);
}

TEST_F(Sessions, OfABrowserThatSignsInAgain_AreReplaced) {
  const auto first = SignedInAs("ann");
  const auto second = BrowserOf(TrySignIn("ann", kPassword, {{"Cookie", first.cookie}}));
  EXPECT_NE(first.cookie, second.cookie);
  EXPECT_EQ(Shown(first), 401);
  EXPECT_EQ(Shown(second), 200);
  EXPECT_EQ(TrySignIn("ann", kPassword, {{"Cookie", "session=made-up"}}).status, 200);
}

TEST_F(Sessions, WithAnotherPassword_TheOthersEnd) {
  const auto one = SignedInAs("ann");
  const auto other = SignedInAs("ann");
  const auto wrong = ChangePassword(one, "wrong horse battery", "another battery");
  ExpectProblem(wrong, 422, "invalid_input");
  EXPECT_THAT(FieldsOf(wrong), ElementsAre("/current_password"));
  const auto weak = ChangePassword(one, kPassword, "short");
  ExpectProblem(weak, 422, "invalid_input");
  EXPECT_THAT(FieldsOf(weak), ElementsAre("/new_password"));
  EXPECT_EQ(Shown(other), 200);
  EXPECT_EQ(ChangePassword(one, kPassword, "another battery").status, 204);
  EXPECT_EQ(Shown(one), 200);
  EXPECT_EQ(Shown(other), 401);
  EXPECT_EQ(TrySignIn("ann").status, 401);
  EXPECT_EQ(TrySignIn("ann", "another battery").status, 200);
  EXPECT_THAT(Audited("user.password_set"), SizeIs(1));
}

TEST_F(Sessions, Stolen_DoNotHelpInGuessingThePassword) {
  const auto browser = SignedInAs("ann");
  int refused = 0;
  for (int i = 0; i < 12; ++i)
    refused +=
        ChangePassword(browser, "guess number " + std::to_string(i), "another battery").status ==
        422;
  EXPECT_EQ(refused, 10);
  ExpectProblem(ChangePassword(browser, kPassword, "another battery"), 429, "too_many_attempts");
}

TEST_F(Sessions, AfterTooManyWrongPasswords_AreRefusedForAWhile) {
  for (int i = 0; i < 10; ++i) {
    peer_ = "192.0.2." + std::to_string(i);
    ExpectProblem(TrySignIn("ann", "wrong horse battery"), 401, "invalid_credentials");
  }
  clock_.Advance(Seconds{60});
  const auto limited = TrySignIn("ann");
  ExpectProblem(limited, 429, "too_many_attempts");
  EXPECT_EQ(limited.headers.Find("Retry-After"), "240");
  clock_.Advance(Seconds{240});
  EXPECT_EQ(TrySignIn("ann").status, 200);
}

TEST_F(Sessions, OfAnAddressThatTriedManyNames_AreRefusedForAWhile) {
  for (int i = 0; i < 30; ++i) EXPECT_EQ(TrySignIn("user" + std::to_string(i)).status, 401);
  ExpectProblem(TrySignIn("ann"), 429, "too_many_attempts");
  peer_ = "192.0.2.2";
  EXPECT_EQ(TrySignIn("ann").status, 200);
}

TEST_F(Sessions, WhenTheStoreIsAway_AreNeitherRefusedNorCounted) {
  database_.writes_left = 0;
  for (int i = 0; i < 12; ++i) {
    const auto away = TrySignIn("ann");
    ExpectProblem(away, 503, "unavailable");
    EXPECT_THAT(away.body, HasSubstr("Something that this needs is away"))
        << "what a database says names its address";
  }
  database_.Repair();
  EXPECT_EQ(TrySignIn("ann").status, 200);
}

// Every unsafe route there is, with a session of an administrator, and each thing that is wrong.
TEST_F(Sessions, AreNoUseToAnotherSitesPage) {
  AddPerson("root", Role::kAdministrator);
  const auto browser = SignedInAs("root");
  const auto other = SignedInAs("root");
  using Lines = std::vector<std::pair<std::string, std::string>>;
  const Lines own{{"Host", "127.0.0.1:5000"}, {"Cookie", browser.cookie}};
  const Lines wrong[] = {
      {},
      {{"X-CSRF-Token", ""}},
      {{"X-CSRF-Token", other.csrf}},
      {{"X-CSRF-Token", browser.csrf + "A"}},
      {{"X-CSRF-Token", browser.csrf}, {"Sec-Fetch-Site", "cross-site"}},
      {{"X-CSRF-Token", browser.csrf}, {"Sec-Fetch-Site", "same-site"}},
      {{"X-CSRF-Token", browser.csrf}, {"Origin", "http://evil.example"}},
      {{"X-CSRF-Token", browser.csrf}, {"Origin", "null"}},
  };
  std::size_t asked = 0;
  for (const auto& route : router_->routes()) {
    if (route.scope == net::kOpenScope || !IsUnsafe(route.method)) continue;
    auto path = route.pattern;
    if (const auto at = path.find("{id}"); at != path.npos) path.replace(at, 4, "nothing");
    for (const auto& lines : wrong) {
      auto headers = own;
      headers.insert(headers.end(), lines.begin(), lines.end());
      SCOPED_TRACE(route.method + " " + path);
      ExpectProblem(Ask(route.method, path, "", "{}", headers), 403, "csrf_refused");
      ++asked;
    }
  }
  EXPECT_GE(asked, 80U);
  EXPECT_EQ(Shown(browser), 200);
  EXPECT_EQ(AskAs(browser, "DELETE", "/api/session").status, 204) << "from its own page it may";
}

TEST_F(Sessions, AreNotMadeForAnotherSitesPage) {
  for (const auto& header : std::vector<std::pair<std::string, std::string>>{
           {"Sec-Fetch-Site", "cross-site"}, {"Origin", "http://evil.example"}})
    ExpectProblem(TrySignIn("ann", kPassword, {header}), 403, "csrf_refused");
  EXPECT_THAT(Audited("session.created"), IsEmpty());
}

TEST_F(Sessions, ByTokens_AreNone) {
  const auto token = Token({"admin"});
  ExpectProblem(Ask("GET", "/api/session", token), 403, "forbidden");
  ExpectProblem(Ask("POST", "/api/tokens", token, R"({"name": "x", "scopes": ["read"]})"), 403,
                "forbidden");
}

TEST_F(Sessions, BehindHttps_HaveAnotherCookieAndOrigin) {
  Close();
  secure_ = true;
  Open();
  const auto response = TrySignIn("ann");
  EXPECT_THAT(std::string(*response.headers.Find("Set-Cookie")),
              ::testing::MatchesRegex(
                  "__Host-session=[A-Za-z0-9_-]{43}; Path=/; HttpOnly; SameSite=Strict; Secure"));
  auto browser = BrowserOf(response);
  EXPECT_EQ(Shown(browser), 200);
  EXPECT_EQ(AskAs(browser, "DELETE", "/api/session").status, 403) << "its Origin is http";
  browser.cookie = browser.cookie.substr(std::string("__Host-").size());
  EXPECT_EQ(Shown(browser), 401);
}

TEST_F(Sessions, AndPasswords_AreInNoRowAndNoLog) {
  Close();
  UseSqlite();
  ApiTest::SetUp();
  AddPerson("ann");
  const std::string wrong = "wrong horse battery";
  const std::string next = "another horse battery";
  const auto browser = SignedInAs("ann");
  const auto text = browser.cookie.substr(browser.cookie.find('=') + 1);
  EXPECT_EQ(TrySignIn("ann", wrong).status, 401);
  EXPECT_EQ(TrySignIn(wrong, wrong).status, 401);
  EXPECT_EQ(ChangePassword(browser, kPassword, next).status, 204);
  Close();
  database_.Use(std::make_unique<store::memory::MemoryDatabase>());
  std::string stored;
  for (const auto& each : std::filesystem::directory_iterator(directory_.path())) {
    if (each.is_regular_file()) stored += *ReadFile(each.path(), std::size_t{64} << 20);
  }
  const auto found = [](const std::string& where, const std::string& what) {
    return where.find(what) != where.npos;
  };
  EXPECT_TRUE(found(stored, HashOfToken(text))) << "what looks for it finds what is there";
  for (const auto& secret : {std::string(kPassword), wrong, next, text, browser.csrf}) {
    EXPECT_FALSE(found(stored, secret)) << secret;
    EXPECT_FALSE(found(stored, Sha256(secret)) || found(log_.text, secret)) << secret;
  }
}

TEST_F(Sessions, OfBodiesThatAreWrong_AreProblems) {
  ExpectProblem(Ask("POST", "/api/session", "", "{"), 400, "invalid_json");
  ExpectProblem(Ask("POST", "/api/session", "", "{}"), 422, "invalid_input");
  ExpectProblem(Ask("POST", "/api/session", "", R"({"name": "ann", "password": 7})"), 422,
                "invalid_input");
  ExpectProblem(Ask("POST", "/api/session", "", "name=ann", {{"Content-Type", "text/plain"}}), 415,
                "unsupported_media_type");
}

TEST_F(Sessions, Preferences_AreKeptPerPerson) {
  const auto browser = SignedInAs("ann");
  const auto defaults = Read(AskAs(browser, "GET", "/api/session/preferences"));
  EXPECT_EQ(defaults, (boost::json::object{{"favourites", boost::json::array()},
                                           {"views", boost::json::array()},
                                           {"time_zone", "local"},
                                           {"theme", "system"},
                                           {"notify", false}}));
  const std::string wanted =
      R"({"favourites":["nginx"],"views":[{"name":"Bad","query":"status=failed"}],)"
      R"("time_zone":"Europe/Paris","theme":"dark","notify":true})";
  EXPECT_EQ(AskAs(browser, "PUT", "/api/session/preferences", wanted).body, wanted);
  EXPECT_EQ(AskAs(browser, "GET", "/api/session/preferences").body, wanted);
  AddPerson("bob");
  EXPECT_EQ(Read(AskAs(SignedInAs("bob"), "GET", "/api/session/preferences")), defaults);
  EXPECT_EQ(AskAs(SignedInAs("ann"), "GET", "/api/session/preferences").body, wanted);
}

TEST_F(Sessions, Preferences_OfAnySizeAreRefusedByField) {
  const auto browser = SignedInAs("ann");
  const auto with = [&](const std::string& member, boost::json::value value) {
    boost::json::object body{{"favourites", boost::json::array()},
                             {"views", boost::json::array()},
                             {"time_zone", "UTC"},
                             {"theme", "light"},
                             {"notify", false}};
    body[member] = std::move(value);
    return AskAs(browser, "PUT", "/api/session/preferences", json::Serialize(body));
  };
  const auto view = [](std::size_t name, std::size_t query) {
    return boost::json::object{{"name", std::string(name, 'n')},
                               {"query", std::string(query, 'q')}};
  };
  const struct {
    std::string member;
    boost::json::value value;
    std::string field;
  } rows[] = {
      {"favourites", boost::json::array(501, "nginx"), "/favourites"},
      {"favourites", boost::json::array{"nginx", "../x"}, "/favourites/1"},
      {"views", boost::json::array(101, view(1, 1)), "/views"},
      {"views", boost::json::array{view(0, 1)}, "/views/0/name"},
      {"views", boost::json::array{view(1, 1), view(65, 1)}, "/views/1/name"},
      {"views", boost::json::array{view(1, 2049)}, "/views/0/query"},
      {"views", boost::json::array(40, view(64, 2048)), "/views"},
      {"time_zone", "", "/time_zone"},
      {"time_zone", "/etc/passwd", "/time_zone"},
      {"time_zone", "Europe/Paris\n", "/time_zone"},
      {"theme", "pink", "/theme"},
      {"more", 1, "/more"},
  };
  for (const auto& row : rows) {
    const auto refused = with(row.member, row.value);
    ExpectProblem(refused, 422, "invalid_input");
    EXPECT_THAT(FieldsOf(refused), ElementsAre(row.field));
  }
  EXPECT_EQ(Read(AskAs(browser, "GET", "/api/session/preferences")).at("time_zone"), "local");
  EXPECT_EQ(with("views", boost::json::array(20, view(64, 2048))).status, 200);
}

}  // namespace
}  // namespace prov::panel
