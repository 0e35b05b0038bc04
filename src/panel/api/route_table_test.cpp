// Who may do what, asked of every route there is: whoever adds a route has it tested here.
#include "panel/api/route_table.hpp"

#include "base/files.hpp"
#include "base/yaml.hpp"
#include "panel/api/api_fixture_test.hpp"

namespace prov::panel {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

// API.md, "Who is asking": what each scope opens.
const std::map<std::string, std::set<std::string>> kMay{{"read", {"read", "jobs", "admin"}},
                                                        {"jobs", {"jobs", "admin"}},
                                                        {"metrics", {"metrics", "admin"}},
                                                        {"admin", {"admin"}},
                                                        {"person", {}}};
// What each role opens: a person may do everything with jobs, an administrator everything.
const std::map<std::string, std::set<std::string>> kRolesMay{
    {"user", {"read", "jobs", "person"}},
    {"administrator", {"read", "jobs", "metrics", "admin", "person"}}};

class EveryRoute : public ApiTest {
 protected:
  // A path of the route's pattern. The parameters name nothing that exists.
  static std::string PathOf(const net::Route& route) {
    std::string path;
    for (std::size_t at = 0; at < route.pattern.size();) {
      if (route.pattern[at] != '{') {
        path += route.pattern[at++];
        continue;
      }
      path += "nothing";
      at = route.pattern.find('}', at) + 1;
    }
    return path;
  }
  static std::string NameOf(const net::Route& route) { return route.method + " " + route.pattern; }
  static bool IsOpen(const net::Route& route) { return route.scope == net::kOpenScope; }
  // GET also answers HEAD.
  static std::vector<std::string> MethodsOf(const net::Route& route) {
    return route.method == "GET" ? std::vector<std::string>{"GET", "HEAD"}
                                 : std::vector<std::string>{route.method};
  }
  // Asks every guarded route, and expects 401.
  void ExpectNobodyGetsIn(const std::vector<std::pair<std::string, std::string>>& headers) {
    std::size_t asked = 0;
    for (const auto& route : router_->routes()) {
      if (IsOpen(route)) continue;
      for (const auto& method : MethodsOf(route)) {
        SCOPED_TRACE(method + " " + route.pattern);
        const auto answer = Ask(method, PathOf(route), "", R"({"inputs": {}})", headers);
        ExpectProblem(answer, 401, "unauthenticated");
        EXPECT_EQ(answer.headers.Find("WWW-Authenticate"), "Bearer");
        EXPECT_EQ(answer.route, route.pattern);
        ++asked;
      }
    }
    EXPECT_GE(asked, 20U);
  }
  void ExpectNobodyGetsInWith(const std::string& authorization) {
    SCOPED_TRACE(authorization);
    ExpectNobodyGetsIn({{"Authorization", authorization}});
  }
};

TEST_F(EveryRoute, IsGuarded_ButTheFewThatMustBeOpen) {
  std::vector<std::string> open;
  for (const auto& route : router_->routes()) {
    if (IsOpen(route)) open.push_back(NameOf(route));
  }
  EXPECT_THAT(open, UnorderedElementsAre("GET /api/health", "GET /api/ready", "POST /api/session",
                                         "POST /agent/v1/enroll", "POST /agent/v1/poll",
                                         "POST /agent/v1/events"));
}

TEST_F(EveryRoute, ThatChangesSomething_WantsMoreThanRead) {
  for (const auto& route : router_->routes()) {
    if (IsOpen(route) || route.method == "GET" || route.pattern.ends_with("/validate") ||
        route.pattern.ends_with("/preflight"))
      continue;
    EXPECT_FALSE(kMay.at(route.scope).contains("read")) << NameOf(route);
  }
}

TEST_F(EveryRoute, OfAgents_IsClosedWithoutASignature) {
  std::size_t asked = 0;
  for (const auto& route : router_->routes()) {
    if (!route.pattern.starts_with("/agent/")) continue;
    SCOPED_TRACE(NameOf(route));
    for (const auto& token : {std::string(), Token({"admin"})}) {
      const auto answer = Ask(route.method, PathOf(route), token, "{}");
      EXPECT_TRUE(answer.status == 401 || answer.status == 422) << answer.status << answer.body;
      ++asked;
    }
  }
  EXPECT_EQ(asked, 6U);
}

TEST_F(EveryRoute, WithoutAToken_Is401) { ExpectNobodyGetsIn({}); }

TEST_F(EveryRoute, WithSomethingThatIsNoBearerToken_Is401) {
  const auto token = Token({"admin"});
  for (const auto& authorization : {std::string("Bearer"), std::string("Bearer "), "Basic " + token,
                                    token, "Bearer" + token, "Token " + token}) {
    ExpectNobodyGetsInWith(authorization);
  }
}

TEST_F(EveryRoute, WithAWrongToken_Is401) {
  const auto token = Token({"admin"});
  auto changed = token;
  changed.back() = changed.back() == 'A' ? 'B' : 'A';
  for (const auto& wrong : {changed, token + "x", token.substr(0, token.size() - 1), " " + token,
                            token.substr(4), std::string("pt1."), std::string(100'000, 'x')}) {
    ExpectNobodyGetsInWith("Bearer " + wrong);
  }
}

TEST_F(EveryRoute, WithAnExpiredToken_Is401) {
  const auto token = Token({"admin"}, Seconds{60});
  EXPECT_EQ(Ask("GET", "/api/jobs", token).status, 200);
  clock_.Advance(Seconds{60});
  ExpectNobodyGetsInWith("Bearer " + token);
  EXPECT_THAT(Ask("GET", "/api/jobs", token).body, HasSubstr("expired"));
}

TEST_F(EveryRoute, WithARevokedToken_Is401WithinTwoSeconds) {
  const auto token = Token({"admin"});
  EXPECT_EQ(Ask("GET", "/api/jobs", token).status, 200);
  RevokeAllTokens();
  clock_.Advance(Seconds{2});
  ExpectNobodyGetsInWith("Bearer " + token);
}

TEST_F(EveryRoute, WithATooSmallScope_Is403AndWithARightOneIsNot) {
  std::map<std::string, std::string> tokens;
  for (const auto* scope : {"read", "jobs", "metrics", "admin"}) tokens[scope] = Token({scope});
  std::size_t refused = 0;
  for (const auto& route : router_->routes()) {
    if (IsOpen(route)) continue;
    ASSERT_TRUE(kMay.contains(route.scope)) << NameOf(route) << " wants " << route.scope;
    for (const auto& [scope, token] : tokens) {
      for (const auto& method : MethodsOf(route)) {
        SCOPED_TRACE(method + " " + route.pattern + " with " + scope);
        const auto answer = Ask(method, PathOf(route), token, R"({"inputs": {}})");
        if (kMay.at(route.scope).contains(scope)) {
          EXPECT_NE(answer.status, 401);
          EXPECT_NE(answer.status, 403);
          continue;
        }
        ExpectProblem(answer, 403, "forbidden");
        EXPECT_THAT(answer.body, HasSubstr("lacks the scope `" + route.scope + "`"));
        ++refused;
      }
    }
  }
  EXPECT_GE(refused, 20U);
  EXPECT_TRUE(Jobs().empty());
}

TEST_F(EveryRoute, OpensToAPersonWhatTheirRoleMay) {
  AddPerson("user");
  AddPerson("administrator", store::Role::kAdministrator);
  std::size_t refused = 0;
  for (const auto& [role, may] : kRolesMay) {
    for (const auto& route : router_->routes()) {
      if (IsOpen(route)) continue;
      const auto browser = SignedInAs(role);  // some routes end it
      for (const auto& method : MethodsOf(route)) {
        SCOPED_TRACE(method + " " + route.pattern + " as " + role);
        const auto body = method == "GET" || method == "HEAD" ? "" : R"({"inputs": {}})";
        const auto answer = AskAs(browser, method, PathOf(route), body);
        if (may.contains(route.scope)) {
          EXPECT_NE(answer.status, 401);
          EXPECT_NE(answer.status, 403);
          continue;
        }
        ExpectProblem(answer, 403, "forbidden");
        ++refused;
      }
    }
  }
  EXPECT_GE(refused, 8U);
}

TEST_F(EveryRoute, WhenTheStoreIsAway_LetsNobodyIn) {
  const auto token = Token({"admin"});
  AddPerson("ann");
  const auto browser = SignedInAs("ann");
  // A token that cannot be looked up is not a token that is not known.
  class Away final : public store::Database {
    void Submit(store::Access, store::Work, store::Completion done) override {
      done(Error{ErrorCode::kUnavailable, "the store is away.", {}});
    }
  };
  database_.Use(std::make_unique<Away>());
  for (const auto& route : router_->routes()) {
    if (IsOpen(route)) continue;
    SCOPED_TRACE(NameOf(route));
    ExpectProblem(Ask(route.method, PathOf(route), token, "{}"), 503, "unavailable");
    ExpectProblem(AskAs(browser, route.method, PathOf(route), "{}"), 503, "unavailable");
  }
  EXPECT_EQ(Ask("GET", "/api/ready").status, 503);
  EXPECT_EQ(Read(Ask("GET", "/api/health"))["status"], "down");
}

TEST_F(EveryRoute, OfHealth_SaysWhereTheStoreTakesNoWrites) {
  const auto token = Token({"admin"});
  const auto store = [&] {
    clock_.Advance(Seconds{1});
    const auto health = Read(Ask("GET", "/api/health", token));
    EXPECT_EQ(Ask("GET", "/api/ready").status, 200) << "what there is can be read";
    const auto& check = health.at("checks").at("store").as_object();
    EXPECT_EQ(health.at("status"), check.at("status"));
    return std::string(check.at("status").as_string()) + ": " +
           std::string(check.at("detail").as_string());
  };
  EXPECT_EQ(store(), "ok: answers");
  database_.writes_left = 0;
  EXPECT_EQ(store(), "degraded: takes no writes: the store is away.");
  database_.Repair();
  EXPECT_EQ(store(), "ok: answers");
  // A full disk takes a transaction that writes nothing.
  database_.writes_left = 0;
  EXPECT_EQ(Ask("POST", "/api/enrolment-tokens", token, R"({"server_id":"agent-9"})").status, 503);
  database_.Repair();
  EXPECT_EQ(store(), "degraded: takes no writes: the store is away.");
  EXPECT_EQ(Ask("POST", "/api/enrolment-tokens", token, R"({"server_id":"agent-9"})").status, 201);
  EXPECT_EQ(store(), "ok: answers");
}

TEST_F(EveryRoute, IsInTheDescriptionOfTheApi_AndNothingElseIs) {
  const auto description =
      ReadFile(Path(PROV_SOURCE_DIR) / "docs/api/openapi.yaml", std::size_t{1} << 20);
  ASSERT_TRUE(description);
  const auto document = yaml::Parse(*description);
  ASSERT_THAT(document.faults, ::testing::IsEmpty());
  const auto* paths = document.root.Find("paths");
  ASSERT_NE(paths, nullptr);
  std::set<std::string> described;
  for (const auto& path : paths->members) {
    for (const auto& [name, place, operation] : path.value.members) {
      if (name == "parameters") continue;
      std::string method = name;
      std::ranges::transform(method, method.begin(), [](char c) { return c - 'a' + 'A'; });
      described.insert(method + " " + path.key);
    }
  }
  std::set<std::string> routed;
  for (const auto& route : router_->routes()) {
    if (route.pattern.starts_with("/api/")) routed.insert(NameOf(route));
  }
  EXPECT_EQ(described, routed);
}

TEST_F(EveryRoute, WithAnotherMethod_Is405WithWhatItTakes) {
  const auto token = Token({"admin"});
  for (const auto& route : router_->routes()) {
    SCOPED_TRACE(NameOf(route));
    const auto answer = Ask("PURGE", PathOf(route), token);
    ExpectProblem(answer, 405, "method_not_allowed");
    EXPECT_THAT(std::string(answer.headers.Find("Allow").value_or("")), HasSubstr(route.method));
  }
  ExpectProblem(Ask("GET", "/api/nothing", token), 404, "not_found");
}

}  // namespace
}  // namespace prov::panel
